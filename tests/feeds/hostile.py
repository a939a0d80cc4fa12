"""Arbitrary files for the parsers: no exception but an error a user can mend, and no row lost."""

from pathlib import Path

from hypothesis import strategies as st

from feeds.ingest import ingest
from feeds.store import Store

HOSTILE = ('"', "a\nb", "=cmd()", "<script>", "'; DROP TABLE x;--", "X" * 10_000, "\x00", "null", "NaN", "1e999", "-0")

cells = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=12),
    st.sampled_from(["2025-11-05", "20251105", "1871-01-01", "AAPL", "^SPX", "D", "1.5", "0.0", "100"]),
)


def said_of(store: Store, source: str, path: Path) -> str:
    """What is said of a file that cannot be read; the file's name where it was, every row of it accounted for."""
    for outcome in ingest(store, [path], source=source, most_rejected=1.0):
        if outcome.error is not None:
            return outcome.error
        assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
    return path.name
