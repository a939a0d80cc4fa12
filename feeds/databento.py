"""Databento's DBN files, zstd or plain: prints, consolidated quotes and open interest of US options and stocks.

    trades, tbbo   prints; tbbo's quote is one venue's book, not the national best, and is left out
    tcbbo          prints with the consolidated quote just before them
    cmbp-1         consolidated quotes; the prints among them are those of the trades and are left out
    statistics     open interest, published before the open for the session before
    definition     fills no table: read beside another file, for symbols and multipliers that its metadata lacks

A consolidated quote is taken where the data set covers every exchange (`NATIONAL`). Books of one venue (mbp-1, bbo) and
samples of the best (cbbo-1s, cbbo-1m) fill no table: neither is the quote in force at a print, and a side read from a
quote up to a second or a minute old would be wrong more often than any error band says. DBN has no sale conditions:
late, average-price and multi-leg prints cannot be told from others, and none is excluded.

Prints stand at `ts_event`, quotes of options at OPRA's own time (`ts_event`), those of stocks when the feeds were
brought together (`ts_recv`): by each venue's clock a faster venue's update would stand in states built later.

Source: databento.com/docs: schemas and data formats, DBN encoding, standards (prices in billionths, undefined values,
side, flags); venues and datasets (OPRA.PILLAR: side always N; XNAS.BASIC: quotes of Nasdaq alone).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from feeds.calendar import ZONES
from feeds.dbn import Symbols, batches, is_dbn, layout, read_metadata
from feeds.errors import FillsNoTable
from feeds.feed import Claim, Desk, Feed, dated_name, open_text, unknown_to
from feeds.osi import contracts_of, is_standard
from feeds.schema import MICRO, Sessions
from seeds.venues import venues_of

OPTIONS = "OPRA.PILLAR"
NATIONAL = (OPTIONS, "EQUS.ALL", "EQUS.SIP")
"""Data sets whose consolidated quote is over every exchange."""

_STOCKS = (
    *("EQUS.", "DBEQ.", "XNAS.", "XNYS.", "ARCX.", "BATS.", "BATY.", "EDGA.", "EDGX.", "IEXG.", "MEMX.", "EPRL."),
    *("XASE.", "XBOS.", "XCHI.", "XCIS.", "XPSX."),
)
_FACILITIES = ("FINN", "FINC", "FINY")
"""Publishers that are trade reporting facilities: off exchange."""

_ANONYMOUS = ("EQUS.MINI", "EQUS.SUMMARY")
"""Data sets whose prints do not name their venue: that none is off exchange is assumed."""

_NO_TABLE = {
    **dict.fromkeys(("mbp-1", "bbo-1s", "bbo-1m"), "the book of one venue, not the national best"),
    **dict.fromkeys(
        ("cbbo-1s", "cbbo-1m"), "the best once in a while, not the one in force at each print; fetch cmbp-1"
    ),
    "cmbp-1": "the best over some exchanges, not the national best",
    "definition": "read beside the prints and quotes of its folder, for symbols and multipliers",
}
"""Why a schema fills no table; what is not listed has no place in any."""

_KEPT = {
    "trades": ("ts_event", "price", "size", "sequence"),
    "tbbo": ("ts_event", "price", "size", "sequence"),
    "tcbbo": ("ts_event", "price", "size"),
    "cmbp-1": ("ts_event", "ts_recv"),
    "statistics": ("ts_event", "quantity"),
}
_CONTRACT = ("underlying", "expiry", "strike", "right")
_BEST = ("bid_px_00", "ask_px_00", "bid_sz_00", "ask_sz_00")
_HEADER = ("length", "rtype", "publisher_id", "instrument_id")

UNDEFINED_PRICE = 2**63 - 1
UNDEFINED_SIZE = 2**32 - 1
_BILLIONTHS = 1_000_000_000 // MICRO
_MAYBE_BAD_BOOK = 4
_OPEN_INTEREST, _DELETED = 9, 2


@dataclass(frozen=True)
class Databento(Feed):
    """Databento Binary Encoding."""

    name = "databento"
    fills = ("option_trades", "option_quotes", "stock_trades", "stock_quotes", "open_interest")
    about = "Databento DBN: trades, tbbo, tcbbo, cmbp-1, statistics (dbn, dbn.zst; needs the extra `databento`)"
    scaled = True

    def claim(self, path: Path) -> Claim | None:
        """By the file's first bytes; what stands in it, by its metadata."""
        if not is_dbn(path):
            return None
        with open_text(path) as stream:
            metadata = read_metadata(stream, path.name)
        dataset, schema = metadata.dataset, str(metadata.schema)
        options = dataset == OPTIONS
        if not options and not dataset.startswith(_STOCKS):
            raise _no_table(path, dataset, schema, "neither US stocks nor options")
        table = {
            **dict.fromkeys(("trades", "tbbo", "tcbbo"), "option_trades" if options else "stock_trades"),
            **({"cmbp-1": "option_quotes" if options else "stock_quotes"} if dataset in NATIONAL else {}),
            **({"statistics": "open_interest"} if options else {}),
        }.get(schema)
        if table is None:
            raise _no_table(path, dataset, schema, _NO_TABLE.get(schema, "no table has a place for it"))
        used = (*_HEADER, *_KEPT[schema], *(_BEST if _quoted(schema, dataset) else ()), *(("side",) if options else ()))
        ignored = unknown_to([name for name in layout(metadata).names or () if not name.startswith("_")], used)
        assumed = "off_exchange" if table == "stock_trades" and dataset in _ANONYMOUS else None
        return Claim(table, dated_name(path), assumed, ignored)

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """Records by the hundred thousand; those that cannot be a row go to the desk's tray with their number."""
        with open_text(path) as stream:
            metadata = read_metadata(stream, path.name)
            options = metadata.dataset == OPTIONS
            quoted = _quoted(str(metadata.schema), metadata.dataset)
            symbols = Symbols.of(metadata, path, is_standard if options else _is_symbol)
            left_out = 0
            for first, records in batches(stream, metadata, path.name):
                instruments, at = symbols.named(records)
                if options:
                    instruments = _contracts(instruments)
                named = instruments.select(pl.all().gather(at))
                if claim.table == "open_interest":
                    rows, faults = _interest(records, named, desk.sessions)
                elif claim.table.endswith("quotes"):
                    rows, faults = _quotes(records, named, options)
                else:
                    rows, faults = _prints(records, named, options, quoted)
                refused, fit = np.flatnonzero(faults.astype(bool)), np.flatnonzero(faults == "")
                desk.refused.append(_misfits(records[refused], faults[refused], first + refused))
                # numbered as if the refused were not there, as a text reader does: the store moves the rows down
                record = first + fit - left_out - np.searchsorted(refused, fit)
                left_out += len(refused)
                yield rows.select(pl.all().gather(fit)).with_columns(record=pl.Series(record, dtype=pl.Int64))


def _no_table(path: Path, dataset: str, schema: str, why: str) -> FillsNoTable:
    return FillsNoTable(
        f"'{path.name}': expected trades, tbbo, tcbbo, statistics, or cmbp-1 over every exchange"
        f" ({', '.join(NATIONAL)}), found {schema} of {dataset}: {why}"
    )


def _is_symbol(symbol: str) -> bool:
    return symbol != ""


def _prints(records: np.ndarray, named: pl.DataFrame, options: bool, quoted: bool) -> tuple[pl.DataFrame, np.ndarray]:
    """Prints, and what is wrong with each ("" where nothing is)."""
    faults = _faults(
        records,
        named,
        ("`action`, expected T, a trade", records["action"] != b"T"),
        ("`price` is undefined", records["price"] == UNDEFINED_PRICE),
        ("`price`, in billionths, expected at most six places", records["price"] % _BILLIONTHS != 0),
        ("`size` is undefined", records["size"] == UNDEFINED_SIZE),
    )
    venues = _venues(records)
    columns: dict[str, Any] = {
        "ts": _times(records["ts_event"]),
        "price": records["price"] // _BILLIONTHS,
        "size": records["size"].astype(np.int64) * (1 if options else MICRO),
        "exchange": venues,
    }
    if "sequence" in (records.dtype.names or ()):
        columns["sequence"] = records["sequence"].astype(np.int64)
    if quoted:
        best = _best(records, faults)
        absent = (best["bid"] == 0) & (best["ask"] == 0)
        columns |= {name: pl.Series(name, values).set(pl.Series(absent), None) for name, values in best.items()}
    if not options:
        columns |= {"symbol": named["symbol"], "off_exchange": venues.is_in(_FACILITIES)}
        return pl.DataFrame(columns), faults
    side = records["side"]
    columns["aggressor"] = pl.Series(np.where(side == b"B", "B", np.where(side == b"A", "S", "")))
    return pl.DataFrame(columns).hstack(named.drop("symbol")), faults


def _quotes(records: np.ndarray, named: pl.DataFrame, options: bool) -> tuple[pl.DataFrame, np.ndarray]:
    """Consolidated quotes; prints among them are passed over (a fault of None)."""
    faults = _faults(records, named)
    best = _best(records, faults)
    faults[records["action"] == b"T"] = None
    times = records["ts_event" if options else "ts_recv"]
    return pl.DataFrame({"ts": _times(times), **best}).hstack(
        named.select(_CONTRACT if options else ["symbol"])
    ), faults


def _interest(records: np.ndarray, named: pl.DataFrame, sessions: Sessions) -> tuple[pl.DataFrame, np.ndarray]:
    """Open interest of the session before the day of publication; other statistics are passed over."""
    quantity = records["quantity"]
    undefined = quantity == np.iinfo(quantity.dtype).max
    faults = _faults(
        records,
        named,
        ("`quantity` is undefined", undefined),
        ("`update_action`, expected a new value, found one taken back", records["update_action"] == _DELETED),
    )
    faults[records["stat_type"] != _OPEN_INTEREST] = None
    published = pl.from_epoch(_times(records["ts_event"]).fill_null(0), time_unit="ns").dt.replace_time_zone("UTC")
    days = published.dt.convert_time_zone(ZONES["XNYS"]).dt.date().to_numpy().astype("datetime64[D]")
    before = np.searchsorted(sessions.days, days, side="left") - 1
    dates = pl.Series([*sessions.dates, None], dtype=pl.Date).gather(np.where(before < 0, len(sessions), before))
    rows = pl.DataFrame({"date": dates, "open_interest": quantity.astype(np.int64)})
    return rows.hstack(named.select(_CONTRACT)), faults


def _faults(records: np.ndarray, named: pl.DataFrame, *found: tuple[str, np.ndarray]) -> np.ndarray:
    """What is wrong with each record: the first of its faults, "" where it has none."""
    faults = np.full(len(records), "", dtype=object)
    for said, wrong in (
        *reversed(found),
        (
            "`instrument_id` has no symbol in the file's metadata, nor in a definition file beside it",
            named["symbol"].is_null().to_numpy(),
        ),
        ("`ts_event` is undefined", records["ts_event"] > np.iinfo(np.int64).max),
    ):
        faults[wrong] = said
    return faults


def _best(records: np.ndarray, faults: np.ndarray) -> dict[str, np.ndarray]:
    """Best bid and offer in micro-dollars with sizes; a side that is undefined, or a book in doubt, is 0."""
    doubt = (records["flags"] & _MAYBE_BAD_BOOK) != 0
    best = {}
    for side in ("bid", "ask"):
        price, size = records[f"{side}_px_00"], records[f"{side}_sz_00"].astype(np.int64)
        none = doubt | (price == UNDEFINED_PRICE)
        faults[~none & (price % _BILLIONTHS != 0)] = f"`{side}_px_00`, in billionths, expected at most six places"
        best[side] = np.where(none, 0, price // _BILLIONTHS)
        best[f"{side}_size"] = np.where(none | (size == UNDEFINED_SIZE), 0, size)
    return best


def _quoted(schema: str, dataset: str) -> bool:
    """Whether a record's quote is the national best."""
    return schema in ("tcbbo", "cmbp-1") and dataset in NATIONAL


def _contracts(instruments: pl.DataFrame) -> pl.DataFrame:
    """Instruments with their contract; terms that the symbol does not tell are a condition unless a definition does."""
    contracts = contracts_of(instruments["symbol"])
    untold = pl.when(pl.col("multiplier").is_null()).then("terms")
    return instruments.hstack(contracts).with_columns(conditions=untold).drop("terms")


def _times(nanoseconds: np.ndarray) -> pl.Series:
    """Int64; what is undefined is past its end and null."""
    return pl.Series(nanoseconds).cast(pl.Int64, strict=False)


def _venues(records: np.ndarray) -> pl.Series:
    """Venue codes; a publisher that the list does not have stays a number."""
    numbers, at = np.unique(records["publisher_id"], return_inverse=True)
    known = venues_of("databento")
    return pl.Series([known.get(str(number), str(number)) for number in numbers], dtype=pl.String).gather(at)


def _misfits(records: np.ndarray, faults: np.ndarray, number: np.ndarray) -> pl.DataFrame:
    """Refused records: record (number), reason, raw (its fields)."""
    names = [name for name in records.dtype.names or () if not name.startswith("_")]
    raw = [", ".join(f"{name}={record[name]}" for name in names)[:2000] for record in records]
    schema = {"record": pl.Int64, "reason": pl.String, "raw": pl.String}
    return pl.DataFrame({"record": number, "reason": list(faults), "raw": raw}, schema=schema)
