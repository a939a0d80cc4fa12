"""QuantConnect Lean's option universes: a chain's open interest and volume at a session's end, one csv a session.

option/usa/universes/UND/YYYYMMDD.csv
    #expiry,strike,right,open,high,low,close,volume,open_interest,implied_volatility,delta,gamma,vega,theta,rho

Only folder and file name say underlying and session. The session is the one whose end is told, not the next one whose
morning publishes it: of the sample files of 2014 and 2015 those of a session agree with the open interest of the next
morning's minute zip (AAPL 2014-06-05 in 1,922 of 1,962 contracts, GOOG 2015-12-23 in 1,315 of 1,340). Where the morning
says that nothing is left open, the file repeats the last count, which one file cannot show: what is read last stands,
the correction recorded. The first row is the underlying's own bar. A whole file that repeats the one before, many
contracts traded and not one position changed (GOOG 2015-12-31, NWSA 2013-06-28), is no reading of its session: its open
interest is set aside, and its volume with it: a row needs open interest (of those two, GOOG's volume is a repeat too).

The volume is the session's own: no minute bar of the sample sums to more than it, where most do against the files of
the sessions around; it is more than their sum in most contracts (GOOG 2015-12-24: equal in 76, larger in 189), since
bars leave out some prints. A file in which not one contract traded (AAPL 2014-06-06, though bars of 1,185 are there;
TWX 2014-06-09, NWSA 2013-07-01) says nothing of volume: null, not zero. A contract that traded and has no open interest
(four rows in the sample) is set aside too: nothing says that nothing was open. A contract that expires with the session
is no longer in its file. A source without volume takes the volume away only where its open interest is another, the
correction recorded: read Lean's minute zips of open interest before the universes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feeds.canonical import raw_frames
from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, header_of

_READ = ("#expiry", "strike", "right", "open_interest", "volume")
_NAME = re.compile(r"^(\d{8})\.csv$", re.IGNORECASE)
_UNDERLYING = re.compile(r"^[\w.\-]{1,64}$", re.ASCII)

REPEATED_FROM = 20
"""Contracts traded from which unchanged positions are a repeated file rather than a quiet session."""


@dataclass(frozen=True)
class LeanUniverse(Feed):
    """QuantConnect Lean's option universes."""

    name = "lean_universe"
    fills = ("open_interest",)
    about = "QuantConnect Lean: option universes, a chain's open interest and volume by session (CSV)"

    def claim(self, path: Path) -> Claim | None:
        """By header, whose first name has a #."""
        columns = header_of(path) or ()
        if columns[:1] != ("#expiry",):
            return None
        if missing := [name for name in _READ if name not in columns]:
            raise UnreadableFile(
                f"'{path.name}': expected a Lean option universe, missing {', '.join(missing)};"
                f" found {', '.join(columns)[:200]}"
            )
        symbol, day = _named(path)
        ignored = tuple(name for name in columns if name not in _READ)
        before = _before(path)
        beside = () if before is None else (before,)
        # Two sessions may have files of the same bytes: what the name says is part of what the file says.
        place = f"{symbol.lower()}/{day}"
        return Claim("open_interest", f"option/universes/{place}", ignored=ignored, beside=beside, learned=place)

    def headers(self, path: Path) -> Sequence[tuple[str, ...]]:
        """What is read of a universe."""
        return (_READ,)

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """The contracts that have open interest; the underlying's bar and the others are counted aside."""
        symbol, day = _named(path)
        frames = list(raw_frames(path, desk))
        if not frames:
            return
        rows = pl.concat(frames)
        contracts = rows.filter(pl.any_horizontal(_given(*_READ[:3])))
        traded = contracts.filter(_traded()).height > 0
        held = contracts.filter(_given("open_interest"))
        desk.aside["the underlying's bar"] += rows.height - contracts.height
        desk.aside["contracts without open interest"] += contracts.height - held.height
        if claim.beside and _repeats(held, claim.beside[0]):
            desk.aside[f"open interest that repeats {claim.beside[0].name}"] += held.height
            held = held.clear()
        yield held.select(
            "record",
            "strike",
            "right",
            "open_interest",
            volume=pl.col("volume") if traded else pl.lit(None, pl.String),
            date=pl.lit(f"{day[:4]}-{day[4:6]}-{day[6:]}"),
            underlying=pl.lit(symbol),
            # Digits alone are not yet a day: what they are not goes on as it came, to be refused by its text.
            expiry=pl.col("#expiry").str.replace(r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3"),
        )


def _given(*columns: str) -> pl.Expr:
    return pl.col(*columns).fill_null("") != ""


def _traded() -> pl.Expr:
    return pl.col("volume").cast(pl.Float64, strict=False) > 0


def _before(path: Path) -> Path | None:
    """The newest earlier file of the folder."""
    earlier = [other for other in path.parent.iterdir() if _NAME.match(other.name) and other.name < path.name]
    return max(earlier, default=None)


def _repeats(held: pl.DataFrame, before: Path) -> bool:
    """Whether many contracts traded and no position is another than in the file before."""
    if held.filter(_traded()).height < REPEATED_FROM:
        return False
    try:
        earlier = pl.read_csv(before, infer_schema=False, columns=[*_READ])
    except pl.exceptions.PolarsError:
        return False  # a file that cannot be read is named when it is its own turn
    both = held.join(earlier.filter(_given("open_interest")), on=_READ[:3], suffix="_before")
    return both.height > 0 and bool((both["open_interest"] == both["open_interest_before"]).all())


def _named(path: Path) -> tuple[str, str]:
    """Underlying and day YYYYMMDD, from the folder and the name."""
    found, symbol = _NAME.match(path.name), path.absolute().parent.name
    if found is None or not _UNDERLYING.match(symbol):
        raise UnreadableFile(
            f"'{path.name}': a Lean option universe says its underlying and session by folder and name alone;"
            f" expected UNDERLYING/YYYYMMDD.csv, found '{symbol[:80]}/{path.name[:80]}'. Keep Lean's folders"
        )
    return symbol.upper(), found[1]
