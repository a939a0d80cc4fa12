"""The tapes that jobs run on: seeded, made by the store itself in the order in which it keeps them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from feeds.schema import Sessions
from feeds.store import Store

SEED = 7
FIRST_SESSION = date(2024, 1, 2)
SESSIONS = 20
OPTION_PRINTS = 1_000_000
STOCK_TRADES = 250_000
STOCK_QUOTES = 1_500_000
"""Rows of one session at scale 1."""

Progress = Callable[[str, int, int], None]
"""Called with what is being made, how much of it is done, and of how much."""


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


@dataclass
class Tapes:
    """The stores that jobs share, each made when the first job asks for it, all gone with the folder.

    Attributes
    ----------
    scale : rows of a session, as a multiple of PERFORMANCE's
    rounds : measured runs of each contender
    """

    folder: Path
    scale: float = 1.0
    rounds: int = 5
    progress: Progress = silent
    _open: ExitStack = field(default_factory=ExitStack, repr=False)

    @classmethod
    @contextmanager
    def temporary(cls, scale: float = 1.0, rounds: int = 5, progress: Progress = silent) -> Iterator["Tapes"]:
        """Tapes in a folder of their own, deleted at the end."""
        with TemporaryDirectory(prefix="bullbear-bench-") as folder, ExitStack() as stores:
            yield cls(Path(folder), scale, rounds, progress, stores)

    @cached_property
    def options(self) -> Store:
        """20 sessions of option prints with NBBO, 20 M at scale 1, and their copy in the order of time."""
        path = self.folder / "options.duckdb"
        make_options(path, SESSIONS, self.rows(OPTION_PRINTS), ("bench/premium_by_time",), self.progress)
        return self._open.enter_context(Store.open(path, read_only=True))

    @cached_property
    def stocks(self) -> Store:
        """20 sessions of stock trades and quotes, 5 M and 30 M at scale 1, and their copies in the order of time."""
        path = self.folder / "stocks.duckdb"
        trades, quotes = self.rows(STOCK_TRADES), self.rows(STOCK_QUOTES)
        symbols = max(8, min(500, trades // 500))
        with Store.open(path) as store:
            days = bench_sessions(store, SESSIONS).dates
            store.run_sql("bench/instruments", {"contracts": 0, "symbols": symbols})
            for n, day in enumerate(days):
                self.progress("making stock tapes", n, len(days))
                drawn = {"seed": SEED, "symbols": symbols, "session": day}
                store.run_sql("bench/stock_trades", drawn | {"rows": trades})
                store.run_sql("bench/stock_quotes", drawn | {"rows": quotes})
            store.run_sql("bench/ledger")
            store.run_sql("bench/sides_by_time")
            self.progress("making stock tapes", len(days), len(days))
        return self._open.enter_context(Store.open(path, read_only=True))

    def rows(self, at_scale_1: int) -> int:
        """Rows of a session at this scale; never so few that a session is empty."""
        return max(100, round(at_scale_1 * self.scale))


def make_options(path: Path, sessions: int, rows: int, copies: tuple[str, ...], progress: Progress) -> None:
    """Write a store of option prints: `rows` a session, spread as 1/rank over a contract for each 250 of them."""
    contracts = max(40, min(4000, rows // 250))
    with Store.open(path) as store:
        days = bench_sessions(store, sessions).dates
        store.run_sql("bench/instruments", {"contracts": contracts, "symbols": 0})
        for n, day in enumerate(days):
            progress("making option tapes", n, len(days))
            drawn = {"seed": SEED, "contracts": contracts, "session": day, "rows": rows}
            store.run_sql("bench/option_trades", drawn)
        store.run_sql("bench/ledger")
        for copy in copies:
            store.run_sql(copy)
        progress("making option tapes", len(days), len(days))


def bench_sessions(store: Store, count: int) -> Sessions:
    """The first sessions of a bench tape."""
    known = store.calendar() if not len(store.sessions()) else store.sessions()
    days = known.window(FIRST_SESSION, None)
    return days.window(None, days.dates[count - 1])
