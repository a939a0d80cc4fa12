"""What every command shares: options that mean the same everywhere, the store it opens, and how it ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from feeds.store import Store

Db = Annotated[
    Path | None, typer.Option("--db", help="The store [default: $BULLBEAR_DB, else the user data directory]")
]
Demo = Annotated[bool, typer.Option("--demo", help="Use the built-in synthetic market: needs no files")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Use nothing learned later: ISO time with offset or Z")]
Format = Annotated[str, typer.Option("--format", help="text, json, csv; html of a report")]
Out = Annotated[Path | None, typer.Option("--out", help="Write there instead of to the terminal")]
Day = Annotated[str | None, typer.Option("--date", help="A session, YYYY-MM-DD [default: the latest]")]
Start = Annotated[str | None, typer.Option("--start", help="First session, YYYY-MM-DD")]
End = Annotated[str | None, typer.Option("--end", help="Last session, YYYY-MM-DD")]
Market = Annotated[str, typer.Option("--market", help="us or china")]
Lang = Annotated[str, typer.Option("--lang", help="Language of the printed page: en, zh or zh-Hant")]
Parameters = Annotated[list[str] | None, typer.Option("-p", help="A parameter as key=value; may be repeated")]

Name = Annotated[str, typer.Argument(help="An indicator's name")]
Whose = Annotated[str | None, typer.Option("--symbol", help="One symbol, underlying or group")]
Period = Annotated[str, typer.Option("--by", help="session, month or minute")]
Split = Annotated[str | None, typer.Option("--split", help="asset_class, expiry, moneyness or legs")]
Top = Annotated[int, typer.Option("--top", min=1, help="Rows to show")]
MinPremium = Annotated[str, typer.Option("--min-premium", help="Least premium of an order, dollars")]
MaxDte = Annotated[int, typer.Option("--max-dte", min=0, help="Most days to expiry")]
Otm = Annotated[bool, typer.Option("--otm/--any-moneyness", help="Out of the money at the trade only")]
Side = Annotated[str | None, typer.Option("--side", help="buy, sell or unknown")]
Sort = Annotated[str, typer.Option("--sort", help="premium, time, size, volume_open_interest, days or underlying")]

CostBps = Annotated[float, typer.Option("--cost-bps", min=0, max=1000, help="Cost of trading, 1e-4 of what is traded")]
Weights = Annotated[str, typer.Option("--weights", help="equal, inverse_correlation or walk_forward_ic")]
Index = Annotated[
    list[str] | None, typer.Option("--index", help="SPX, 000985, …; may be repeated [default: all of the market's]")
]
Audit = Annotated[bool, typer.Option("--audit", help="Recompute readings on data cut at random dates, to the bit")]
Sweep = Annotated[bool, typer.Option("--sweep", help="Try 10,000 rules, and say what the best one is worth")]

Accuracy = Annotated[bool, typer.Option("--accuracy", help="Measure the trade-side rules against the truth")]
To = Annotated[Path | None, typer.Option("--to", help="The folder [default: downloads/SOURCE]")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="Of stooq, yahoo, akshare; may be repeated")]
Agent = Annotated[str | None, typer.Option("--agent", help="Who asks [default: $BULLBEAR_USER_AGENT]")]
Jobs = Annotated[list[str] | None, typer.Argument(help="P0, P1, P1b, … [default: all]")]
Scale = Annotated[float, typer.Option("--scale", help="Rows, as a multiple of the standard sizes")]
Rounds = Annotated[int, typer.Option("--rounds", min=1, help="Measured runs of each contender")]


DRAWN = (".html", ".png", ".svg")
"""Endings of `--out` that ask for a picture, of a command that draws."""

PAGES = (".html",)
"""Endings of `--out` that ask for a page, of a command that writes one."""

NO_TEXT = {
    *(*DRAWN, ".htm", ".gif", ".jpg", ".jpeg", ".webp", ".avif", ".heic", ".bmp", ".tif", ".tiff", ".ico"),
    *(".pdf", ".ps", ".eps"),
}
"""Endings that open as a page or a picture: text, JSON or CSV under such a name is a broken file."""

_ENDINGS = {"text": ".txt", "json": ".json", "csv": ".csv", "markdown": ".md"}


@contextmanager
def mended() -> Iterator[None]:
    """An error that the user can mend is one red line on standard error and an exit code, never a traceback."""
    from feeds.errors import BullbearError

    try:
        yield
    except BullbearError as error:
        typer.secho(" ".join(str(error).split("\n")), fg=typer.colors.RED, err=True)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone: nobody is left to tell
        raise typer.Exit(0) from None


@contextmanager
def opened(db: Path | None, demo: bool, read_only: bool = True) -> Iterator["Store"]:
    """The store named, else the default one, or the demo market's; closed with the block."""
    if demo:
        from indicators.engine.warm import demo_ready
        from indicators.views.progress import stepwise

        with stepwise() as step, demo_ready(step) as store:
            yield store
    else:
        from feeds.store import Store, default_path

        with Store.open(db or default_path(), read_only) as store:
            yield store


def a_day(text: str | None, parameter: str) -> date | None:
    """A session as it was typed, None where none was; BadValue names the option."""
    return None if text is None else a_session(text, parameter)


def a_session(text: str, parameter: str = "DATE") -> date:
    """A session as it was typed; BadValue names the option or argument."""
    from feeds.errors import BadValue

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadValue(parameter, text, "expected a date YYYY-MM-DD") from None


def a_time(text: str | None) -> datetime | None:
    """`--as-of` as it was typed; BadValue where it has no zone."""
    from feeds.errors import BadValue

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadValue("--as-of", text, "expected an ISO time with offset or Z, like 2025-11-05T16:00:00-05:00")
    return moment


def one_of(format_: str, *allowed: str, out: Path | None = None, drawn: tuple[str, ...] = ()) -> str:
    """`--format`, if the command knows it.

    Raises
    ------
    UnknownName : no such format
    BadValue : `out` ends like a page or a picture, and not like one of those `drawn` by the command
    """
    from feeds.errors import BadValue, UnknownName

    if format_ not in allowed:
        raise UnknownName("--format", format_, allowed)
    if out is not None and out.suffix.lower() in NO_TEXT - {*drawn}:
        *names, last = *drawn, *(_ENDINGS[name] for name in allowed if name in _ENDINGS)
        others = "" if ".png" in drawn else "; `bullbear gauge` draws pictures"
        raise BadValue("--out", out, f"expected a name like {', '.join(names)} or {last}{others}")
    return format_


def say(text: str, out: Path | None) -> None:
    """Print, or write to `--out`."""
    from feeds.errors import BadValue

    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BadValue("--out", out, f"cannot be written: {error.strerror}") from None
