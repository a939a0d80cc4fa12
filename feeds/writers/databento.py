"""Databento's DBN, as a batch download gives it: one zst a day and schema, `opra-pillar-20251105.tcbbo.dbn.zst`.

Option prints as tcbbo, with their quote; option and stock quotes as cmbp-1; stock prints as trades; open interest as
statistics of the morning after. The metadata is encoded by Databento's library; the records are laid down in its
layouts, which is what its own encoder writes.

The layout cannot say: conditions and cancels; who was the aggressor on OPRA, the multiplier, the underlying's price and
a class beyond the roots that everyone knows; a sequence beside a consolidated quote; parts of a share.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from feeds.databento import UNDEFINED_PRICE
from feeds.dbn import DAY, MESSAGES, fields_of, library
from feeds.schema import MICRO
from seeds.underlyings import asset_classes
from seeds.venues import publishers_of

_VERSION = 3
_FILES = {
    "option_trades": ("OPRA.PILLAR", "tcbbo"),
    "option_quotes": ("OPRA.PILLAR", "cmbp-1"),
    "stock_trades": ("EQUS.ALL", "trades"),
    "stock_quotes": ("EQUS.ALL", "cmbp-1"),
    "open_interest": ("OPRA.PILLAR", "statistics"),
}
_CONTRACT = ("underlying", "expiry", "strike", "right")
_SAID = {
    "option_trades": ("ts", *_CONTRACT, "price", "size", "exchange", "bid", "ask", "bid_size", "ask_size"),
    "option_quotes": ("ts", *_CONTRACT, "bid", "ask", "bid_size", "ask_size"),
    "stock_trades": ("ts", "sequence", "symbol", "price", "size", "exchange", "off_exchange"),
    "stock_quotes": ("ts", "symbol", "bid", "ask", "bid_size", "ask_size"),
    "open_interest": ("date", *_CONTRACT, "open_interest"),
}
_OPRA_VENUES = {
    "A": "AMXO", "B": "XBOX", "C": "XCBO", "D": "EMLD", "E": "EDGO", "H": "GMNI", "I": "XISX", "J": "MCRY", "M": "XMIO",
    "N": "ARCO", "P": "MPRL", "Q": "XNDQ", "S": "SPHR", "T": "XBXO", "U": "MXOP", "W": "C2OX", "X": "XPHL", "Z": "BATO",
}  # fmt: skip
_STOCK_VENUES = {
    "A": "XASE", "B": "XBOS", "C": "XCIS", "H": "EPRL", "J": "EDGA", "K": "EDGX", "L": "LTSE", "M": "XCHI", "N": "XNYS",
    "P": "ARCX", "Q": "XNAS", "T": "XNAS", "U": "MEMX", "V": "IEXG", "X": "XPSX", "Y": "BATY", "Z": "BATS",
}  # fmt: skip
_CARTERET = "FINN"
_TO_CAPTURE = 200_000
"""Nanoseconds from a venue to the capture: what a record's two times differ by on an ordinary day."""

_LAST = 128
_MORNING = 41_400_000_000_000
"""Nanoseconds from midnight UTC to 11:30, when open interest is sent before the open."""


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """A day's tapes, one file each, and a file of open interest for each day of its table; see `feeds.writers`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (dataset, schema) in _FILES.items():
        if name not in tables or (session is None) != (name == "open_interest"):
            continue
        frame = _sayable(tables[name], name)
        days = [(session, frame)] if session else [(day + timedelta(days=1), part) for (day,), part in _by_day(frame)]
        for day, rows in days:
            written.append(folder / f"{dataset.lower().replace('.', '-')}-{day:%Y%m%d}.{schema}.dbn.zst")
            with pa.CompressedOutputStream(str(written[-1]), "zstd") as stream:
                stream.write(_metadata(rows, dataset, schema, day))
                stream.write(_records(rows, name, schema, day).tobytes())
    return written


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """What of some tables the layouts can say."""
    found = {}
    for name in _FILES.keys() & tables.keys():
        frame = _sayable(tables[name], name).select(_SAID[name])
        if name.endswith("trades"):
            frame = frame.with_columns(exchange=_venue(name))
        if name == "option_trades":
            quoted = (pl.col("bid").fill_null(0) > 0) | (pl.col("ask").fill_null(0) > 0)
            frame = frame.with_columns(
                *(
                    pl.when(quoted).then(pl.col(column).fill_null(0)).alias(column)
                    for column in ("bid", "ask", "bid_size", "ask_size")
                ),
                asset_class=pl.col("underlying").replace_strict(asset_classes(), default=None, return_dtype=pl.String),
            )
        found[name] = frame
    return found


def _sayable(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Rows that the layout has room for, with their symbol and instrument number."""
    if name == "stock_trades":
        frame = frame.filter(pl.col("size") == pl.col("size").floor())
    symbol = pl.col("symbol") if "symbol" in frame.columns else _osi()
    return frame.with_columns(symbol=symbol).with_columns(number=pl.col("symbol").rank("dense").cast(pl.UInt32))


def _osi() -> pl.Expr:
    """The OCC's symbol in 21 characters."""
    thousandths = (pl.col("strike") * 1_000).cast(pl.Int64).cast(pl.String).str.zfill(8)
    return pl.concat_str(
        pl.col("underlying").str.pad_end(6), pl.col("expiry").dt.strftime("%y%m%d"), "right", thousandths
    )


def _by_day(frame: pl.DataFrame) -> Any:
    return frame.group_by("date", maintain_order=True)


def _metadata(rows: pl.DataFrame, dataset: str, schema: str, day: date) -> bytes:
    dbn = library()
    start = (day - date(1970, 1, 1)).days * DAY
    symbols = rows.select("symbol", "number").unique(maintain_order=True).rows()
    mappings = [_Mapping(symbol, [_Interval(day, day + timedelta(days=2), str(number))]) for symbol, number in symbols]
    metadata = dbn.Metadata(
        dataset=dataset,
        start=start,
        end=start + DAY,
        stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.from_str(schema),
        symbols=[symbol for symbol, _ in symbols],
        mappings=mappings,
        version=_VERSION,
    )
    encoded: bytes = metadata.encode()
    return encoded


class _Interval:
    """From a day to the one after the last, a symbol is a number."""

    def __init__(self, start_date: date, end_date: date, symbol: str) -> None:
        self.start_date, self.end_date, self.symbol = start_date, end_date, symbol


class _Mapping:
    """A symbol and its intervals, as the library takes them."""

    def __init__(self, raw_symbol: str, intervals: list[_Interval]) -> None:
        self.raw_symbol, self.intervals = raw_symbol, intervals


def _records(rows: pl.DataFrame, name: str, schema: str, day: date) -> np.ndarray:
    """The rows as records of a schema; what has no column keeps the library's undefined values."""
    fields = fields_of(schema, _VERSION)
    records = np.zeros(len(rows), fields)
    records["length"] = fields.itemsize // 4
    records["rtype"] = MESSAGES[schema][1][-1]
    records["instrument_id"] = rows["number"].to_numpy()
    publishers = publishers_of(_FILES[name][0])
    if schema == "statistics":
        records["ts_event"] = (day - date(1970, 1, 1)).days * DAY + _MORNING
        records["ts_recv"] = records["ts_event"] + np.uint64(_TO_CAPTURE)
        records["ts_ref"] = np.iinfo(np.uint64).max
        records["publisher_id"] = publishers["OPRA"]
        records["price"] = UNDEFINED_PRICE
        records["quantity"] = rows["open_interest"].to_numpy()
        records["stat_type"], records["update_action"] = 9, 1
        return records
    ts = rows["ts"].dt.epoch("ns").to_numpy()
    captured = name == "stock_quotes"
    records["ts_event"], records["ts_recv"] = (ts - _TO_CAPTURE, ts) if captured else (ts, ts + _TO_CAPTURE)
    records["side"], records["flags"] = b"N", _LAST
    if name.endswith("trades"):
        records["action"] = b"T"
        records["price"] = _billionths(rows["price"])
        records["size"] = rows["size"].cast(pl.UInt32).to_numpy()
        records["publisher_id"] = (
            rows.select(_venue(name).replace_strict(publishers, return_dtype=pl.UInt16)).to_series().to_numpy()
        )
        if schema == "trades":
            records["sequence"] = rows["sequence"].to_numpy()
    else:
        records["action"] = b"A"
        records["price"] = UNDEFINED_PRICE
        records["publisher_id"] = publishers["XCBO" if name == "option_quotes" else "XNAS"]
    if schema != "trades":
        for side in ("bid", "ask"):
            records[f"{side}_px_00"] = _billionths(rows[side], absent=0)
            records[f"{side}_sz_00"] = rows[f"{side}_size"].fill_null(0).to_numpy()
    return records


def _billionths(prices: pl.Series, absent: int | None = None) -> np.ndarray:
    """Int64 billionths; undefined where there is none."""
    micros = prices.cast(pl.Decimal(18, 6)).to_physical().cast(pl.Int64)
    given = micros.fill_null(0).to_numpy() * (1_000_000_000 // MICRO)
    return np.where(given == absent, UNDEFINED_PRICE, given) if absent is not None else given


def _venue(name: str) -> pl.Expr:
    """Databento's code of a venue; one that is not listed is the consolidator's own."""
    if name == "option_trades":
        return pl.col("exchange").replace_strict(_OPRA_VENUES, default="OPRA", return_dtype=pl.String)
    listed = pl.col("exchange").replace_strict(_STOCK_VENUES, default="EQUS", return_dtype=pl.String)
    return pl.when("off_exchange").then(pl.lit(_CARTERET)).otherwise(listed)
