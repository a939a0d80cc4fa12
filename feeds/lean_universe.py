"""QuantConnect Lean's option universes: a chain's open interest at the end of a session, one csv a session.

option/usa/universes/UND/YYYYMMDD.csv
    #expiry,strike,right,open,high,low,close,volume,open_interest,implied_volatility,delta,gamma,vega,theta,rho

Only folder and file name say underlying and session. The session is the one whose end is told, not the next one whose
morning publishes it: of the sample files of 2014 and 2015 those of a session agree with the open interest of the next
morning's minute zip (AAPL 2014-06-05 in 1,922 of 1,962 contracts, GOOG 2015-12-23 in 1,315 of 1,340). The first row is
the underlying's own bar. Where its maker had no later figure a file repeats an earlier one (AAPL from 2014-06-09 on),
which nothing in it tells: an order is then neither opened nor closed by it, as open interest did not move.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feeds.canonical import raw_frames
from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, header_of

_READ = ("#expiry", "strike", "right", "open_interest")
_NAME = re.compile(r"^(\d{8})\.csv$", re.IGNORECASE)
_UNDERLYING = re.compile(r"^[\w.\-]{1,64}$", re.ASCII)


@dataclass(frozen=True)
class LeanUniverse(Feed):
    """QuantConnect Lean's option universes."""

    name = "lean_universe"
    fills = ("open_interest",)
    about = "QuantConnect Lean: option universes, a chain's open interest by session (CSV)"

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
        place = f"{symbol.lower()}/{day}"
        # Two sessions may have files of the same bytes: what the name says is part of what the file says.
        return Claim("open_interest", f"option/universes/{place}", ignored=ignored, learned=place)

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """The contracts that have open interest; the underlying's bar and the others are counted aside."""
        symbol, day = _named(path)
        for frame in raw_frames(path, desk):
            underlying = pl.all_horizontal(pl.col(*_READ[:3]).fill_null("") == "")
            without = pl.col("open_interest").fill_null("") == ""
            told = frame.select(bar=underlying.sum(), without=(without & ~underlying).sum()).row(0)
            for what, rows in zip(("the underlying's bar", "contracts without open interest"), told, strict=True):
                desk.aside[what] += rows
            yield frame.filter(~underlying & ~without).select(
                "record",
                "strike",
                "right",
                "open_interest",
                date=pl.lit(f"{day[:4]}-{day[4:6]}-{day[6:]}"),
                underlying=pl.lit(symbol),
                # Digits alone are not yet a day: what they are not goes on as it came, to be refused by its text.
                expiry=pl.col("#expiry").str.replace(r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3"),
            )


def _named(path: Path) -> tuple[str, str]:
    """Underlying and day YYYYMMDD, from the folder and the name."""
    found, symbol = _NAME.match(path.name), path.absolute().parent.name
    if found is None or not _UNDERLYING.match(symbol):
        raise UnreadableFile(
            f"'{path.name}': a Lean option universe says its underlying and session by folder and name alone;"
            f" expected UNDERLYING/YYYYMMDD.csv, found '{symbol[:80]}/{path.name[:80]}'. Keep Lean's folders"
        )
    return symbol.upper(), found[1]
