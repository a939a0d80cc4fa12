"""Massive (once Polygon): one gz a day of option trades, option quotes, stock trades or stock quotes.

    us_options_opra/trades_v1/YYYY/MM/YYYY-MM-DD.csv.gz     no quotes in it: they are the quotes file's
    us_options_opra/quotes_v1/YYYY/MM/YYYY-MM-DD.csv.gz
    us_stocks_sip/trades_v1/YYYY/MM/YYYY-MM-DD.csv.gz
    us_stocks_sip/quotes_v1/YYYY/MM/YYYY-MM-DD.csv.gz

Prints of stocks stand at the participant's time, which for an off-exchange print is when it was executed; the time at
which the tape carried it (`sip_timestamp`) stands in only where the participant's is missing, or is of another day.
Quotes stand at the tape's time: the best of several venues was nobody's before the tape had it, and ordered by each
venue's own clock a faster venue's update would stand in states that were built later. Option files know the tape's
time alone. A cancel in the option file is a print of its own that names no other: it is kept and excluded; what it
takes back stays. Stock quotes' sizes are left out: they count round lots, and how many shares one is the file does not
say.

Source: Massive, flat files (massive.com/flat-files: columns and their meaning); knowledge base, "dark pool trades":
exchange 4 with a trf_id.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feeds.calendar import ZONES
from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, dated_name, header_of, magic, unknown_to
from feeds.osi import contracts_of
from seeds.conditions import words_of
from seeds.venues import venues_of

LAYOUTS = {
    "option_trades": ("ticker", "conditions", "correction", "exchange", "price", "sip_timestamp", "size"),
    "option_quotes": (
        *("ticker", "ask_exchange", "ask_price", "ask_size", "bid_exchange", "bid_price", "bid_size"),
        *("sequence_number", "sip_timestamp"),
    ),
    "stock_trades": (
        *("ticker", "conditions", "correction", "exchange", "id", "participant_timestamp", "price"),
        *("sequence_number", "sip_timestamp", "size", "tape", "trf_id", "trf_timestamp"),
    ),
    "stock_quotes": (
        *("ticker", "ask_exchange", "ask_price", "ask_size", "bid_exchange", "bid_price", "bid_size", "conditions"),
        *("indicators", "participant_timestamp", "sequence_number", "sip_timestamp", "tape", "trf_timestamp"),
    ),
}
"""Columns of each file, in the vendor's order."""

_USED = {
    "option_trades": LAYOUTS["option_trades"],
    "option_quotes": ("ticker", "ask_price", "ask_size", "bid_price", "bid_size", "sequence_number", "sip_timestamp"),
    "stock_trades": (
        *("ticker", "conditions", "correction", "exchange", "participant_timestamp", "price"),
        *("sequence_number", "sip_timestamp", "size", "trf_id"),
    ),
    "stock_quotes": ("ticker", "ask_price", "bid_price", "sequence_number", "sip_timestamp"),
}
CANCELLED = ("7", "8", "10", "11", "12")
"""Correction indicators of prints that were taken back, and of the records that take them back (as in NYSE TAQ)."""

_STANDING = ("", "0", "1")
"""Never corrected, or corrected with the corrected values in place."""

_FINRA = "4"
_CODE_LENGTH = 32


@dataclass(frozen=True)
class Massive(Feed):
    """Massive's flat files."""

    name = "massive"
    fills = tuple(LAYOUTS)
    about = "Massive (Polygon) flat files: option and stock trades and quotes (csv.gz)"
    scaled = True

    def claim(self, path: Path) -> Claim | None:
        """By the header: of the four layouts the one with most columns in common; all but a few must be there."""
        if magic(path) not in ("gz", "zst", "text"):
            return None
        columns = header_of(path)
        if columns is None or "ticker" not in columns:
            return None
        table = max(LAYOUTS, key=lambda name: len(set(LAYOUTS[name]) & set(columns)))
        missing = unknown_to(LAYOUTS[table], columns)
        if len(missing) > max(1, len(LAYOUTS[table]) // 5):
            return None
        if missing:
            raise UnreadableFile(
                f"'{path.name}': expected Massive's columns of {table.replace('_', ' ')}, missing {', '.join(missing)};"
                f" found {', '.join(columns)[:200]}"
            )
        return Claim(table, dated_name(path), ignored=unknown_to(columns, _USED[table]))

    def headers(self, path: Path) -> Sequence[tuple[str, ...]]:
        """The four layouts."""
        return tuple(LAYOUTS.values())

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """Batches of lines, times as nanoseconds, prices as the text that the file has."""
        text = desk.read_text(path, ",", header_of(path))
        options = claim.table.startswith("option")
        for batch in text.batches():
            batch = batch.with_columns(pl.col("ticker").fill_null(""))
            rows = _trades(batch, options) if claim.table.endswith("trades") else _quotes(batch, options)
            yield _contracts(rows) if options else rows.rename({"ticker": "symbol"})
        desk.refused.append(text.misfits())


def _trades(batch: pl.DataFrame, options: bool) -> pl.DataFrame:
    codes = f"massive_{'options' if options else 'stocks'}"
    kinds = batch.select(pl.col("conditions", "correction").fill_null("")).unique()
    words = kinds.with_columns(said=pl.Series([_words(codes, *kind) for kind in kinds.rows()], dtype=pl.String))
    batch = batch.with_columns(pl.col("conditions", "correction").fill_null("")).join(
        words, on=["conditions", "correction"], how="left", maintain_order="left"
    )
    sip = _nanoseconds("sip_timestamp")
    shared = {"price": pl.col("price"), "size": pl.col("size"), "conditions": pl.col("said"), "exchange": _venue(codes)}
    if options:
        return batch.select("record", "ticker", "sip_timestamp", ts=sip, **shared)
    facility = pl.col("trf_id").fill_null("").str.strip_chars()
    return batch.select(
        "record",
        "ticker",
        "participant_timestamp",
        "sip_timestamp",
        ts=_executed(_nanoseconds("participant_timestamp"), sip),
        sequence="sequence_number",
        off_exchange=(pl.col("exchange").fill_null("") == _FINRA) & ~facility.is_in(["", "0"]),
        **shared,
    )


def _quotes(batch: pl.DataFrame, options: bool) -> pl.DataFrame:
    """The national best at the tape's time; a side without a price is 0."""
    sizes = {"bid_size": pl.col("bid_size"), "ask_size": pl.col("ask_size")} if options else {}
    return batch.select(
        "record",
        "ticker",
        "sip_timestamp",
        ts=_nanoseconds("sip_timestamp"),
        sequence="sequence_number",
        bid=pl.col("bid_price").fill_null("0"),
        ask=pl.col("ask_price").fill_null("0"),
        **sizes,
    )


def _contracts(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the contract that their ticker names (`O:` and an OCC symbol) in place of it."""
    tickers = rows.select(pl.col("ticker").unique(maintain_order=True))["ticker"]
    contracts = contracts_of(tickers, prefix="O:").with_columns(ticker=tickers)
    named = rows.join(contracts, on="ticker", how="left", maintain_order="left").drop("ticker")
    if "conditions" not in named.columns:
        return named.drop("terms", "asset_class")
    terms = (
        pl.when(pl.col("conditions") == "").then("terms").otherwise(pl.concat_str("conditions", pl.lit(";"), "terms"))
    )
    return named.with_columns(conditions=pl.coalesce(terms, "conditions")).drop("terms")


def _nanoseconds(name: str) -> pl.Expr:
    """Digits as Int64 nanoseconds UTC; null, and so a reject, where there is anything else, or 0."""
    digits = pl.when(pl.col(name).str.contains(r"^\d{1,19}$")).then(pl.col(name)).cast(pl.Int64, strict=False)
    return pl.when(digits > 0).then(digits)


def _executed(participant: pl.Expr, tape: pl.Expr) -> pl.Expr:
    """The participant's time where it is of the day (New York) on which the tape carried the print, else the tape's."""
    same_day = _day(participant) == _day(tape)
    return pl.when(same_day | tape.is_null()).then(participant).otherwise(tape)


def _day(ns: pl.Expr) -> pl.Expr:
    return pl.from_epoch(ns, time_unit="ns").dt.replace_time_zone("UTC").dt.convert_time_zone(ZONES["XNYS"]).dt.date()


def _venue(codes: str) -> pl.Expr:
    """Participant letters; a number that the vendor's list does not have stays a number."""
    number = pl.col("exchange").fill_null("")
    return number.replace_strict(venues_of(codes), default=number, return_dtype=pl.String)


def _words(codes: str, conditions: str, correction: str) -> str:
    """Condition numbers ("12,37") and a correction indicator in the words of the store; unknown ones as `massive:…`."""
    known = words_of(codes)
    codes_given = filter(None, (part.strip() for part in conditions.split(",")))
    words = [known[code] if code in known else _unknown(code) for code in codes_given]
    indicator = correction.strip().lstrip("0") or correction.strip()[:1]
    if indicator in CANCELLED:
        words.append("cancelled")
    elif indicator not in _STANDING:
        words.append(_unknown(f"correction_{indicator}"))
    return ";".join(filter(None, words))


def _unknown(code: str) -> str:
    # a semicolon in the file's own text would read as a second word, perhaps a known one
    return f"massive:{code[:_CODE_LENGTH].replace(';', ',')}"
