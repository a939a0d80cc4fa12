"""Unusual Whales: the end-of-day export of all option trades (`bot-eod-report-YYYY-MM-DD`, a CSV, its zip, or Parquet).

`option_chain_id` is the OSI symbol and the truth; a row whose underlying_symbol, strike, option_type or expiry says
otherwise is refused. `executed_at` is in UTC (`2026-08-17 13:30:00.00714+00`). `side` is the vendor's reading of the
same quote that stands beside the trade, not a flag of the exchange, and so is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from feeds.canonical import columns_of, raw_frames
from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, dated_name
from feeds.vendor_text import SLICE_ROWS, asset_class, in_words, quote, said_of, six_places, together
from seeds.option_venues import opra_letters
from seeds.underlyings import underlyings

_READ = (
    "executed_at", "underlying_symbol", "option_chain_id", "strike", "option_type", "expiry", "underlying_price",
    "nbbo_bid", "nbbo_ask", "price", "size", "open_interest", "delta", "exchange", "report_flags", "canceled",
    "upstream_condition_detail", "equity_type",
)  # fmt: skip
_TELLING = {"option_chain_id", "upstream_condition_detail", "nbbo_bid", "report_flags"}
"""Columns of which two tell the layout, so that a file that lacks one is still known, and the lack named."""

_OSI = r"^([A-Z][A-Z0-9.]*?) *(\d{6})([CP])(\d{5})(\d{3})$"
_KINDS = {"Common Stock": "equity", "ADR": "equity", "ETF": "etf", "Index": "index"}


@dataclass(frozen=True)
class UnusualWhales(Feed):
    """Unusual Whales' end-of-day export."""

    name = "unusual_whales"
    fills = ("option_trades",)
    about = "Unusual Whales: end-of-day export of option trades (CSV, zip, Parquet)"

    def claim(self, path: Path) -> Claim | None:
        """By header."""
        columns = columns_of(path) or ()
        if len(_TELLING & set(columns)) < 2:
            return None
        if missing := [name for name in _READ if name not in columns]:
            raise UnreadableFile(
                f"'{path.name}': expected the Unusual Whales end-of-day export, missing {', '.join(missing)};"
                f" found {', '.join(columns)[:200]}"
            )
        return Claim("option_trades", dated_name(path), ignored=tuple(name for name in columns if name not in _READ))

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """The trades in file order; the export has no sequence, so the row's number is it."""
        for frame in raw_frames(path, desk):
            text = frame.select("record", *(_as_text(name, frame.schema[name]) for name in _READ))
            yield from map(_canonical, text.iter_slices(SLICE_ROWS))


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text, as the CSV has it; a zoned time stays what it is."""
    if isinstance(dtype, pl.List):
        return pl.col(name).cast(pl.List(pl.String)).list.join(",")
    return pl.col(name) if isinstance(dtype, pl.Datetime) else pl.col(name).cast(pl.String)


def _canonical(frame: pl.DataFrame) -> pl.DataFrame:
    osi = pl.col("option_chain_id")
    root, day, right, dollars, mills = (osi.str.extract(_OSI, group) for group in range(1, 6))
    parsed = frame.select(
        root=root,
        expiry=pl.concat_str(pl.lit("20"), day).str.to_date("%Y%m%d", strict=False).dt.to_string(),
        right=right,
        strike=pl.concat_str(dollars, pl.lit("."), mills),
    )
    frame = pl.concat([frame, parsed.rename(lambda name: f"osi_{name}")], how="horizontal")
    kinds = frame["equity_type"].replace_strict(_KINDS, default=None, return_dtype=pl.String)
    details = in_words(
        frame.select(key=pl.concat_str(_listed("report_flags"), _listed("upstream_condition_detail"), separator=","))[
            "key"
        ],
        _said,
    )
    return frame.select(
        "record",
        ts=_instant(frame.schema["executed_at"]),
        underlying=pl.coalesce("osi_root", osi),
        asset_class=pl.coalesce(kinds, asset_class(parsed["root"])),
        expiry=pl.coalesce("osi_expiry", osi),
        strike=pl.coalesce(_disagreement(), "osi_strike", osi),
        right=pl.coalesce("osi_right", osi),
        price="price",
        size="size",
        exchange=pl.col("exchange").replace(opra_letters("mic")),
        conditions=details,
        underlying_price=six_places("underlying_price"),
        delta=six_places("delta"),
        open_interest="open_interest",
        cancelled=pl.col("canceled").replace({"t": "true", "f": "false"}),
        **quote("nbbo_bid", "nbbo_ask"),
    )


def _instant(dtype: pl.DataType) -> pl.Expr:
    """PostgreSQL's way of writing a time as ISO text: a T between, minutes in the offset."""
    if isinstance(dtype, pl.Datetime):
        return pl.col("executed_at")
    dated = pl.col("executed_at").str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
    return dated.str.replace(r"(:\d{2}(?:\.\d+)?[+-]\d{2})$", "${1}:00")


def _listed(name: str) -> pl.Expr:
    """`{a,b}` or `a,b` as `a,b`."""
    return pl.col(name).fill_null("").str.strip_chars("{}[] ").str.replace_all("[\"' ]", "")


def _said(codes: str) -> str:
    named = dict.fromkeys(code for code in codes.lower().split(",") if code)
    return together(*(said_of(code, "unusual_whales", "unusual_whales") for code in named))


def _disagreement() -> pl.Expr:
    """What stands for the strike, and so is refused, where a column says otherwise than the OSI symbol."""
    root = pl.col("osi_root").str.replace_all(r"[^A-Z0-9]", "")
    symbol = pl.col("underlying_symbol").str.replace_all(r"[^A-Z0-9]", "")
    same = {
        "underlying_symbol": (symbol == root)
        | (symbol == root.str.strip_chars_end("0123456789"))
        | (symbol == root.replace(underlyings())),
        "strike": (pl.col("strike").cast(pl.Float64, strict=False) - pl.col("osi_strike").cast(pl.Float64)).abs()
        < 5e-4,
        "expiry": pl.col("expiry").str.slice(0, 10) == pl.col("osi_expiry"),
        "option_type": pl.col("option_type").str.slice(0, 1).str.to_uppercase() == pl.col("osi_right"),
    }
    told = pl.lit(None, dtype=pl.String)
    for name, agrees in same.items():
        differs = (pl.col(name) != "") & ~agrees.fill_null(False) & pl.col("osi_root").is_not_null()
        said = pl.concat_str(pl.col(name).str.slice(0, 20), pl.lit(f" in {name}, not as "), pl.col("option_chain_id"))
        told = pl.when(differs).then(said).otherwise(told)
    return told
