"""Any file through a mapping, its assumptions flagged."""

from datetime import date
from pathlib import Path

import pytest

import feeds.delimited
from feeds.errors import BadValue, UnknownName
from feeds.ingest import ingest

MAPPING = """
table = "insider_trades"
[columns]
symbol = "ticker"
code = "transaction_type"
[constants]
form = "4"
[assume]
line = 1
accession = "row"
acquired_disposed = { P = "A", S = "D" }
known_at = "transaction_date + 2 business days"
"""
HEADER = "ticker,transaction_date,transaction_type,shares,price,owner_cik\n"
FILE = HEADER + "ACME,2025-11-06,P,10,1.5,7\nACME,2025-11-08,S,3,2,8\n"


@pytest.fixture
def mapped(tmp_path: Path):
    def write(mapping: str = MAPPING, content: str = FILE) -> tuple[Path, Path]:
        (tmp_path / "m.toml").write_text(mapping)
        (tmp_path / "f.csv").write_text(content)
        return tmp_path / "f.csv", tmp_path / "m.toml"

    return write


def test_columns_constants_and_assumptions(store, mapped):
    path, mapping = mapped()
    (outcome,) = ingest(store, [path], mapping=mapping)
    assert (outcome.error, outcome.stored) == (None, 2)
    assert outcome.assumed == "accession, acquired_disposed, known_at, line"
    (part,) = store.parts({"insider_trades": "history"}, store.sessions())
    rows = part.tables["insider_trades"].sort("record").to_dicts()
    assert [row["accession"] for row in rows] == ["f.csv#2", "f.csv#3"]
    assert [row["acquired_disposed"] for row in rows] == ["A", "D"]
    # Thursday + 2 is Monday, known at 22:00: Tuesday's; a Saturday counts from Monday
    assert [row["session"] for row in rows] == [date(2025, 11, 11), date(2025, 11, 13)]
    assert {row["assumed"] for row in rows} == {outcome.assumed}


def test_a_mapping_that_was_mended_replaces_what_it_read_wrongly(store, mapped):
    path, mapping = mapped()
    list(ingest(store, [path], mapping=mapping))
    mapped(MAPPING.replace('form = "4"', 'form = "4/A"'))
    (outcome,) = ingest(store, [path], mapping=mapping)
    assert (outcome.error, outcome.stored, outcome.replaced, outcome.duplicates) == (None, 2, 2, 0)
    (part,) = store.parts({"insider_trades": "history"}, store.sessions())
    assert part.tables["insider_trades"]["form"].to_list() == ["4/A", "4/A"]
    (again,) = ingest(store, [path], mapping=mapping)
    assert (again.stored, again.duplicates) == (0, 2)


def test_one_file_through_two_mappings_is_two_files(store, mapped, tmp_path):
    """A sheet of several indices, one column each."""
    sheet = tmp_path / "indices.csv"
    sheet.write_text("date,spx,ndx\n2025-11-06,6800.5,25000.25\n")
    for name in ("spx", "ndx"):
        mapping = tmp_path / f"{name}.toml"
        mapping.write_text(
            f'table = "index_levels"\n[columns]\nclose = "{name}"\n[constants]\nindex = "{name.upper()}"\n'
        )
        (outcome,) = ingest(store, [sheet], mapping=mapping)
        assert (outcome.error, outcome.stored, outcome.replaced) == (None, 1, 0)
    (part,) = store.parts({"index_levels": "history"}, store.sessions())
    assert sorted(part.tables["index_levels"]["index"]) == ["NDX", "SPX"]


def test_a_long_file_is_mapped_as_a_short_one(store, mapped, monkeypatch):
    path, mapping = mapped(content=HEADER + "ACME,2025-11-06,P,10,1.5,7\n" * 200)
    monkeypatch.setattr(feeds.delimited, "BLOCK_BYTES", 1000)
    (outcome,) = ingest(store, [path], mapping=mapping)
    assert (outcome.error, outcome.stored) == (None, 200)
    (part,) = store.parts({"insider_trades": "history"}, store.sessions())
    rows = part.tables["insider_trades"]
    assert sorted(rows["accession"]) == sorted(f"f.csv#{n}" for n in range(2, 202))
    assert set(rows["session"]) == {date(2025, 11, 11)}


def test_value_outside_the_table_of_values_is_rejected(store, mapped):
    path, mapping = mapped(content=FILE.replace(",S,", ",Q,"))
    (outcome,) = ingest(store, [path], mapping=mapping, most_rejected=0.5)
    assert (outcome.stored, outcome.rejected) == (1, 1)
    assert "`acquired_disposed`" in store.rejects()["reason"][0]


def test_missing_source_column_is_named(store, mapped):
    path, mapping = mapped(content=FILE.replace("ticker", "tick"))
    (outcome,) = ingest(store, [path], mapping=mapping)
    assert "missing ticker" in outcome.error


def test_required_column_without_a_source_is_named(store, mapped):
    path, mapping = mapped(MAPPING.replace("line = 1\n", ""))
    (outcome,) = ingest(store, [path], mapping=mapping)
    assert "leaves line of insider_trades without a source" in outcome.error


@pytest.mark.parametrize(
    ("mapping", "error", "said"),
    [
        (MAPPING.replace("symbol =", "simbol ="), UnknownName, "did you mean symbol"),
        (MAPPING.replace('table = "insider_trades"', ""), BadValue, "names no `table`"),
        (MAPPING.replace('"insider_trades"', '"insider"'), UnknownName, "insider_trades"),
        ("[columns", BadValue, "not TOML"),
        ("[colums]\nx = 1", BadValue, "colums"),
    ],
)
def test_bad_mapping_is_named(store, mapped, mapping, error, said):
    path, toml = mapped(mapping)
    with pytest.raises(error, match=said):
        list(ingest(store, [path], mapping=toml))


def test_absent_mapping_is_named(store, mapped, tmp_path):
    with pytest.raises(BadValue, match="no such file"):
        list(ingest(store, [mapped()[0]], mapping=tmp_path / "none.toml"))
