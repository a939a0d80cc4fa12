"""Massive's flat files: one gz a day and kind, rows by ticker and time, times in nanoseconds since 1970.

The layout cannot say: an option print's sequence, quote, underlying price, aggressor and multiplier; a class of
underlying beyond the roots that everyone knows; sizes of stock quotes in shares; condition words without a number.
"""

import gzip
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from feeds.massive import LAYOUTS
from seeds.conditions import words_of
from seeds.underlyings import asset_classes
from seeds.venues import venues_of

_PLACES = {
    "option_trades": "us_options_opra/trades_v1",
    "option_quotes": "us_options_opra/quotes_v1",
    "stock_trades": "us_stocks_sip/trades_v1",
    "stock_quotes": "us_stocks_sip/quotes_v1",
}
_CONTRACT = ("underlying", "expiry", "strike", "right")
_SAID = {
    "option_trades": ("ts", *_CONTRACT, "price", "size", "exchange", "conditions", "cancelled"),
    "option_quotes": ("ts", "sequence", *_CONTRACT, "bid", "ask", "bid_size", "ask_size"),
    "stock_trades": (
        "ts",
        "sequence",
        "symbol",
        "price",
        "size",
        "exchange",
        "off_exchange",
        "conditions",
        "cancelled",
    ),
    "stock_quotes": ("ts", "sequence", "symbol", "bid", "ask"),
}
_FINRA, _NASDAQ, _TRF, _AUTOMATIC = "4", "12", "202", "209"
_CANCELLED = "8"
_TO_TAPE = 350_000
"""Nanoseconds from a venue to the tape: what a print's two times differ by on an ordinary day."""


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """A day's tapes, one file each; see `feeds.writers`."""
    written = []
    for name, place in _PLACES.items():
        if session is None or name not in tables:
            continue
        path = folder / place / f"{session:%Y}" / f"{session:%m}" / f"{session}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = _rows(_ordered(tables[name], name), name)
        path.write_bytes(gzip.compress(rows.select(LAYOUTS[name]).write_csv().encode(), compresslevel=6, mtime=0))
        written.append(path)
    return written


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """What of the tapes the layout can say, in the order of the file."""
    found = {}
    for name in _PLACES.keys() & tables.keys():
        frame = _ordered(tables[name], name).select(_SAID[name])
        if name.endswith("trades"):
            venues = venues_of(_codes(name))
            frame = frame.with_columns(
                conditions=_looked_up(frame["conditions"], name, 1),
                exchange=_venue(name).replace_strict(venues, default="", return_dtype=pl.String),
            )
        if name == "option_trades":
            known = pl.col("underlying").replace_strict(asset_classes(), default=None, return_dtype=pl.String)
            frame = frame.with_columns(asset_class=known)
        found[name] = frame
    return found


def _ordered(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    ticker = _ticker() if name.startswith("option") else pl.col("symbol")
    return frame.with_columns(ticker=ticker).sort("ticker", "ts", maintain_order=True)


def _ticker() -> pl.Expr:
    """O: and the OCC's symbol without its spaces; strikes in thousandths."""
    thousandths = (pl.col("strike") * 1_000).cast(pl.Int64).cast(pl.String).str.zfill(8)
    return pl.concat_str(
        pl.lit("O:"), "underlying", pl.col("expiry").dt.strftime("%y%m%d"), "right", thousandths, separator=""
    )


def _rows(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The vendor's columns beside our own."""
    ts = pl.col("ts").dt.epoch("ns")
    if name.endswith("quotes"):
        frame = frame.with_columns(
            sip_timestamp=ts, sequence_number="sequence", bid_price=_plain("bid"), ask_price=_plain("ask")
        )
        if name == "option_quotes":
            return frame.with_columns(bid_exchange=pl.lit(302), ask_exchange=pl.lit(302))
        return frame.with_columns(
            participant_timestamp=ts - _TO_TAPE,
            conditions=pl.lit("1"),
            indicators=pl.lit(None),
            tape=pl.lit(1),
            trf_timestamp=pl.lit(0),
            bid_exchange=pl.lit(11),
            ask_exchange=pl.lit(11),
            bid_size=pl.col("bid_size") // 100,
            ask_size=pl.col("ask_size") // 100,
        )
    frame = frame.with_columns(
        conditions=_looked_up(frame["conditions"], name, 0),
        correction=pl.when("cancelled").then(pl.lit(_CANCELLED)).otherwise(pl.lit("0")),
        exchange=_venue(name),
        price=_plain("price"),
    )
    if name == "option_trades":
        return frame.with_columns(sip_timestamp=ts)
    off = pl.col("off_exchange")
    return frame.with_columns(
        id=pl.col("sequence"),
        participant_timestamp=ts,
        sip_timestamp=ts + _TO_TAPE,
        sequence_number="sequence",
        size=_plain("size"),
        tape=pl.lit(1),
        trf_id=pl.when(off).then(pl.lit(_TRF)).otherwise(pl.lit("0")),
        trf_timestamp=pl.when(off).then(ts + _TO_TAPE // 2).otherwise(0),
    )


def _plain(name: str) -> pl.Expr:
    """A decimal without zeros at its end."""
    return pl.col(name).cast(pl.String).str.replace(r"\.?0+$", "").alias(name)


def _codes(name: str) -> str:
    return f"massive_{name.split('_')[0]}s"


def _venue(name: str) -> pl.Expr:
    """The vendor's number of a venue; off exchange it is FINRA's."""
    numbers = {venue: code for code, venue in venues_of(_codes(name)).items()}
    if name == "option_trades":
        return pl.col("exchange").replace_strict(numbers, default="", return_dtype=pl.String)
    listed = pl.col("exchange").replace_strict(numbers | {"Q": _NASDAQ}, default="", return_dtype=pl.String)
    return pl.when("off_exchange").then(pl.lit(_FINRA)).otherwise(listed)


def _looked_up(texts: pl.Series, name: str, which: int) -> pl.Series:
    """The numbers (0) of each text of words, or those of its words that have a number (1)."""
    texts = texts.fill_null("")
    return texts.replace_strict({text: _numbers(name, text)[which] for text in texts.unique()}, return_dtype=pl.String)


def _numbers(name: str, text: str) -> tuple[str, str]:
    """Condition numbers for words, and those of the words that have one (a cancel stands in the correction).

    A number that says several words at once is taken before numbers that say one each.
    """
    known = {words: code for code, words in reversed(words_of(_codes(name)).items()) if words}
    words = text.split(";")
    found: dict[str, str] = {}
    spoken: set[str] = set()
    for length in range(len(words), 0, -1):
        for at in range(len(words) - length + 1):
            run = words[at : at + length]
            if ";".join(run) in known and not spoken & set(run):
                found[";".join(run)] = known[";".join(run)]
                spoken |= set(run)
    return ",".join(found.values()) or (_AUTOMATIC if name == "option_trades" else ""), ";".join(found)
