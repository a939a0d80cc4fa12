"""`bullbear fetch`: what is asked of a source, checked, and its files one by one."""

import os
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from feeds.errors import BadValue, UnknownName
from feeds.fetch.source import Asked, Fetched, Source

if TYPE_CHECKING:
    from feeds.fetch.client import Polite

AGENT = "BULLBEAR_USER_AGENT"
"""The environment's name for --agent."""

_USUAL_DAYS = 30
_OURS = "bullbear"


def sources() -> dict[str, Source]:
    """Every source by name.

    Raises
    ------
    BadValue : the extra `fetch` is not installed
    """
    try:
        from feeds.fetch.akshare import Akshare
        from feeds.fetch.bars import Stooq, Yahoo
        from feeds.fetch.cboe import Cboe
        from feeds.fetch.finra import FinraAts, FinraShort
        from feeds.fetch.sec import SecForm4, SecIndex, SecInsider
    except ImportError as error:
        raise BadValue("fetch", error.name, "it needs a client; pip install 'bullbear[fetch]'") from None
    every: tuple[Source, ...] = (
        *(SecInsider(), SecIndex(), SecForm4(), FinraShort(), FinraAts(), Cboe(), Stooq(), Yahoo(), Akshare()),
    )
    return {source.name: source for source in every}


def fetch(
    name: str,
    start: date | None = None,
    end: date | None = None,
    folder: Path | None = None,
    symbols: Sequence[str] = (),
    agent: str | None = None,
) -> Iterator[Fetched]:
    """Fetch a source's files of a span of days: the last thirty unless said otherwise.

    Raises
    ------
    UnknownName : no such source
    BadValue : an empty span, no --symbol where files are by symbol, no --agent where the source demands one
    """
    known = sources()
    if name not in known:
        raise UnknownName("SOURCE", name, known)
    today = date.today()
    last = end or today
    asked = Asked(start or last - timedelta(days=_USUAL_DAYS), last, today, tuple(symbols))
    return fetched(known[name], asked, folder or Path("downloads") / name, agent or os.environ.get(AGENT, ""))


def fetched(
    source: Source, asked: Asked, folder: Path, agent: str, polite: "Polite | None" = None
) -> Iterator[Fetched]:
    """A source's files, one by one as each is done; `polite` replaces the client that the source would get."""
    from feeds.fetch.client import Polite

    if asked.start > min(asked.end, asked.today):
        raise BadValue("--start", asked.start, f"expected a day up to {min(asked.end, asked.today)}")
    if source.by_symbol and not asked.symbols:
        raise BadValue("--symbol", "", f"{source.name} has a file a symbol: expected at least one, like --symbol AAPL")
    if source.names_itself and ("@" not in agent or not agent.isprintable() or not agent.isascii()):
        raise BadValue(
            "--agent", agent, f"{source.name} asks who asks: expected a name and an address, like --agent"
            f" 'Jane Doe jane@example.org', or the same in ${AGENT}",
        )  # fmt: skip
    with polite or Polite(folder, agent or _OURS, source.a_second) as client:
        yield from source.files(client, asked)
