"""Small stores and files for the tests of feeds."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from feeds.calendar import exchange_sessions
from feeds.schema import Sessions
from feeds.store import Store

OPTION_HEADER = "ts,underlying,expiry,strike,right,price,size"


@pytest.fixture(scope="session")
def sessions() -> Sessions:
    return exchange_sessions("XNYS", date(2020, 1, 1), date(2026, 6, 30))


@pytest.fixture
def store(fresh_db: Path, tmp_path: Path) -> Iterator[Store]:
    with Store.open(shutil.copyfile(fresh_db, tmp_path / "market.duckdb")) as opened:
        yield opened


@pytest.fixture(scope="session")
def scratch() -> Iterator[Store]:
    """A store for hundreds of small files whose rows nobody looks at."""
    with Store.memory() as opened:
        yield opened


@pytest.fixture
def option_csv(tmp_path: Path):
    """A writer of option_trades files: rows after the header, joined by commas."""

    def write(name: str, rows: list[str], header: str = OPTION_HEADER) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def option_row(i: int = 0, price: str = "1.25", size: str = "10") -> str:
    return f"2025-11-05T14:30:{i % 60:02d}.{i:09d}Z,ACME,2025-11-21,100,C,{price},{size}"
