"""What the tests of vendors' files share: cells that mean harm, and what must hold whatever a file holds."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from feeds.ingest import Outcome, ingest
from feeds.store import Store

HOSTILE = (
    *("=cmd()", "<script>alert(1)</script>", "'; DROP TABLE tape.option_trades; --", "X" * 10_000, "A\x00B", '"'),
    *(
        '"open',
        'a""b',
        "é",
        "\ufffd",
        ";;;",
        "-1",
        "nan",
        "inf",
        "1e999",
        "9" * 40,
        "0x10",
        "1_000",
        " ",
        "\t",
        "\u202e",
    ),
)

CELLS = st.one_of(
    st.text(max_size=12), st.sampled_from(HOSTILE), st.integers(-(2**70), 2**70).map(str), st.floats().map(str)
)


def only(store: Store, path: Path, source: str, most_rejected: float = 1.0) -> Outcome:
    """The outcome of one file, whose rows are all accounted for."""
    (outcome,) = ingest(store, [path], source=source, most_rejected=most_rejected)
    if outcome.error is None:
        assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
    return outcome


def stored(store: Store, path: Path, source: str, table: str) -> list[dict]:
    """A good file's rows as they rest, in file order, contract or symbol and venue and condition texts beside."""
    outcome = only(store, path, source, 0.0)
    assert outcome.error is None, outcome.error
    assert outcome.table == table
    return resting(store, table)


def resting(store: Store, table: str) -> list[dict]:
    rows = []
    for part in store.parts({table: "session"}, store.sessions()):
        venues = dict(part.tables["venues"].iter_rows()) if "venues" in part.tables else {}
        names = part.tables["contracts"] if table.startswith("option") else part.tables["symbols"]
        by_id = {row.pop("id"): row for row in names.to_dicts()}
        for row in part.tables[table].to_dicts():
            instrument = by_id[row.pop("contract", None) if table.startswith("option") else row.pop("symbol")]
            rows.append({**row, **instrument, "session": part.session, "venue": venues.get(row.get("venue"))})
    return sorted(rows, key=lambda row: row["record"])


def written(folder: Path, name: str, lines: Sequence[str]) -> Path:
    path = folder / name
    path.write_bytes(("\n".join(lines) + "\n").encode())
    return path


def survives(path: Path, content: bytes, source: str) -> Outcome:
    """Ingest of any bytes at all ends in an outcome, and every row is accounted for."""
    path.write_bytes(content or b"\n")
    with Store.memory() as store:
        return only(store, path, source)
