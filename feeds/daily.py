"""Daily bars as Yahoo and Stooq give them, and as data frames of them are kept.

    Yahoo       Date,Open,High,Low,Close,Adj Close,Volume            AAPL.csv, BRK-B.csv, ^GSPC.csv
    Stooq web   Date,Open,High,Low,Close,Volume                      aapl_us_d.csv, ^spx_d.csv
    Stooq bulk  <TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>
                AAPL.US,D,20251105,000000,…                          data/daily/us/nasdaq stocks/aapl.us.txt
    Parquet     symbol,date,open,high,low,close,volume beside adjclose (yfinance) or gics_sector

The symbol stands in the file's name or in its column, never in the rows of the first two. A name with a caret is an
index and goes to index_levels; GSPC and SPX, with or without caret, are the index SPX. `BRK-B` is `BRK.B`. Yahoo's bars
are adjusted for splits, its `Adj Close` for dividends too; Stooq's for both. A row of `null` is a reject. Bars of one
price (O=H=L=C, as Yahoo has for old index levels) are kept.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from feeds.canonical import columns_of, raw_frames
from feeds.errors import UnreadableFile
from feeds.feed import Claim, Desk, Feed, header_of, magic, unknown_to

SPX_NAMES = frozenset({"^GSPC", "GSPC", "^SPX", "SPX"})
"""What Yahoo (GSPC) and Stooq (SPX) call the S&P 500."""

_WEB = {"Date": "date", "Open": "open", "High": "high", "Low": "low", "Close": "close"}
_WEB_MORE = {"Volume": "volume", "Adj Close": "adj_close"}
_BULK = {"DATE": "date", "OPEN": "open", "HIGH": "high", "LOW": "low", "CLOSE": "close", "VOL": "volume"}
_FRAME = {name: name for name in ("date", "symbol", "open", "high", "low", "close", "volume")}
_FRAME_MORE = {"adjclose": "adj_close", "adj_close": "adj_close"}
_FRAME_MARKS = {"adjclose", "gics_sector"}
_NAME = re.compile(r"^\^?[A-Za-z0-9][A-Za-z0-9.\-=]{0,19}$")
_COPY = re.compile(r" ?\(\d+\)$")


@dataclass(frozen=True)
class Daily(Feed):
    """Daily bars of one symbol a file, or of many in a data frame."""

    name = "daily"
    fills = ("daily_bars", "index_levels")
    about = "daily bars as Yahoo and Stooq give them (CSV), and data frames of them (Parquet)"

    def claim(self, path: Path) -> Claim | None:
        """By the header's own spelling; the table by the symbol."""
        if magic(path) == "parquet":
            return _frame_claim(path)
        columns = header_of(path) or ()
        if _is_bulk(columns):
            _complete(path, [f"<{name}>" for name in ("TICKER", "PER", *_BULK)], columns)
            ticker, period = _first_bulk_row(path, columns)
            if period.upper() != "D":
                raise UnreadableFile(f"'{path.name}': expected daily bars (<PER> D), found <PER> {period[:20]!r}")
            wanted = ("<TICKER>", "<PER>", "<DATE>", *(f"<{name}>" for name in _BULK))
            return _claim(path, ticker, path.name, columns, wanted)
        if columns[:1] == ("Date",) and "Close" in columns and {"Open", "High", "Low"} & set(columns):
            _complete(path, list(_WEB), columns)
            return _claim(path, _named(path), path.name, columns, (*_WEB, *_WEB_MORE))
        return None

    def headers(self, path: Path) -> Sequence[tuple[str, ...]]:
        """Yahoo's and Stooq's; what a file of an index has no need of is not asked for."""
        return ((*_WEB,), tuple(f"<{name}>" for name in ("TICKER", "PER", *_BULK)))

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """Bars under canonical names; the symbol's own column is `index` in index_levels."""
        columns = columns_of(path) or ()
        if magic(path) == "parquet":
            names = {old: new for old, new in {**_FRAME, **_FRAME_MORE}.items() if old in columns}
            for frame in raw_frames(path, desk):
                yield frame.select("record", *(pl.col(old).alias(new) for old, new in names.items())).with_columns(
                    symbol=pl.col("symbol").cast(pl.String).str.replace_all("-", ".", literal=True)
                )
        elif _is_bulk(columns):
            for frame in raw_frames(path, desk):
                yield _bulk_rows(frame, claim.table)
        else:
            names = {old: new for old, new in {**_WEB, **_WEB_MORE}.items() if old in columns}
            symbol = pl.lit(_symbol(_named(path))).alias("index" if claim.table == "index_levels" else "symbol")
            for frame in raw_frames(path, desk):
                yield frame.select("record", symbol, *(pl.col(old).alias(new) for old, new in names.items()))


def _is_bulk(columns: tuple[str, ...]) -> bool:
    return columns[:2] == ("<TICKER>", "<PER>")


def _complete(path: Path, wanted: list[str], columns: tuple[str, ...]) -> None:
    if missing := unknown_to(wanted, columns):
        raise UnreadableFile(
            f"'{path.name}': expected daily bars, missing {', '.join(missing)}; found {', '.join(columns)[:200]}"
        )


def _claim(path: Path, ticker: str, name: str, columns: tuple[str, ...], used: tuple[str, ...]) -> Claim:
    if _is_index(ticker):
        ignored = tuple(column for column in columns if column not in used or "VOL" in column.upper())
        return Claim("index_levels", name, ignored=(*ignored, *(c for c in columns if c == "Adj Close")))
    if not _is_bulk(columns):
        _complete(path, ["Volume"], columns)
    return Claim("daily_bars", name, ignored=unknown_to(columns, used))


def _frame_claim(path: Path) -> Claim | None:
    columns = columns_of(path) or ()
    if unknown_to(tuple(_FRAME), columns) or not _FRAME_MARKS & set(columns):
        return None
    return Claim("daily_bars", path.name, ignored=unknown_to(columns, (*_FRAME, *_FRAME_MORE)))


def _first_bulk_row(path: Path, columns: tuple[str, ...]) -> tuple[str, str]:
    """The first row's ticker and period: a file holds one of each."""
    from feeds.feed import open_text

    with open_text(path) as stream:
        lines = stream.read(1 << 16).splitlines()
    fields = lines[1].decode("utf-8", "replace").split(",") if len(lines) > 1 else []
    found = dict(zip(columns, fields, strict=False))
    if "<TICKER>" not in found or "<PER>" not in found:
        raise UnreadableFile(f"'{path.name}': expected rows, found a header and nothing below it")
    return found["<TICKER>"], found["<PER>"]


def _named(path: Path) -> str:
    """The vendor's name of a symbol, from the file's name.

    >>> [_named(Path(p)) for p in ("AAPL.csv", "brk-b_us_d.csv", "%5EGSPC (1).csv", "GSPC_daily_1990_2022.csv")]
    ['AAPL', 'brk-b', '^GSPC', 'GSPC']
    """
    stem = _COPY.sub("", unquote(path.name).removesuffix(".gz").removesuffix(".zst").removesuffix(".zip"))
    stem = _COPY.sub("", stem.rsplit(".", 1)[0] if stem.lower().endswith((".csv", ".txt")) else stem)
    name = stem.split("_")[0].strip()
    if not _NAME.match(name):
        raise UnreadableFile(
            f"'{path.name}': expected the symbol as the file's name, like BRK-B.csv, found {name!r:.40}"
        )
    return name


def _is_index(ticker: str) -> bool:
    return ticker.startswith("^") or ticker.upper() in SPX_NAMES


def _symbol(ticker: str) -> str:
    """A vendor's name as the tables have it.

    >>> [_symbol(name) for name in ("brk-b.us", "^GSPC", "^NDX", "AAPL")]
    ['BRK.B', 'SPX', 'NDX', 'AAPL']
    """
    plain = ticker.upper()
    return "SPX" if plain in SPX_NAMES else plain.removeprefix("^").removesuffix(".US").replace("-", ".")


def _bulk_rows(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """Stooq's bulk rows; one of another period than a day is refused through its date."""
    tickers = frame["<TICKER>"].unique()
    symbols = pl.DataFrame(
        {"<TICKER>": tickers, "symbol": [None if ticker is None else _symbol(ticker) for ticker in tickers]},
        schema={"<TICKER>": pl.String, "symbol": pl.String},
    )
    day = pl.col("<DATE>").str.replace(r"^(\d{4})(\d\d)(\d\d)$", "${1}-${2}-${3}")
    daily = pl.col("<PER>").str.to_uppercase() == "D"
    renamed = {new: pl.col(f"<{old}>") for old, new in _BULK.items() if new != "date"}
    return frame.join(symbols, on="<TICKER>", how="left", maintain_order="left", nulls_equal=True).select(
        "record",
        date=pl.when(daily).then(day).otherwise(pl.format("period {} of {}", "<PER>", "<DATE>")),
        **{"index" if table == "index_levels" else "symbol": pl.col("symbol")},
        **renamed,
    )
