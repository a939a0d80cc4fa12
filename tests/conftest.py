"""One small synthetic market, stored once for every test that needs a whole store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from feeds.demo import fill
from feeds.store import Store
from feeds.synthetic import Market, market

settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")  # a first example compiles its kernel: time says nothing about truth

SMALL = {"seed": 11, "sessions": 24, "symbols": 12}


@pytest.fixture(scope="session")
def small_market() -> Market:
    return market(**SMALL)


@pytest.fixture(scope="session")
def small_db(small_market: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store file of the small market; open it read-only."""
    path = tmp_path_factory.mktemp("market") / "market.duckdb"
    with Store.open(path) as store:
        fill(store, small_market)
    return path


@pytest.fixture(scope="session")
def fresh_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store file that knows its sessions; copy it, as making one takes a third of a second."""
    path = tmp_path_factory.mktemp("fresh") / "fresh.duckdb"
    with Store.open(path) as store:
        store.calendar("XNYS")
        store.calendar("XSHG")
    return path


@pytest.fixture
def small_store(small_db: Path) -> Iterator[Store]:
    with Store.open(small_db, read_only=True) as store:
        yield store
