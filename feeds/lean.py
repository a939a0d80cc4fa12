"""QuantConnect Lean: zipped ticks and minute bars, no headers, prices × 10,000, times in ms since midnight New York.

Layouts read (Lean `Data/` folder and the files themselves):

    equity/usa/tick/SYM/YYYYMMDD_trade.zip            ms, price, size, exchange, condition (hex mask), suspicious
    equity/usa/tick/SYM/YYYYMMDD_quote.zip            ms, bid, bid size, ask, ask size, exchange, condition, suspicious
    option/usa/minute/UND/YYYYMMDD_trade_*.zip        one csv a contract: ms, open, high, low, close, volume
    option/usa/minute/UND/YYYYMMDD_quote_*.zip        ms, bid OHLC, last bid size, ask OHLC, last ask size
    option/usa/minute/UND/YYYYMMDD_openinterest_*.zip ms, open interest

A tick quote row updates one side of the national best (0,0: the other side stands); exchange D is off-exchange.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from feeds.calendar import ZONES
from feeds.errors import UnreadableFile
from feeds.feed import UNREADABLE_ZIP, Claim, Desk, Feed, magic, zip_members
from feeds.schema import MICRO, Sessions

_SCALE = MICRO // 10_000
_EQUITY = re.compile(r"^(\d{8})_([\w.\-]{1,64})_(Trade|Quote)_Tick\.csv$", re.IGNORECASE)
_OPTION = re.compile(
    r"^(\d{8})_([\w.\-]{1,64})_minute_(trade|quote|openinterest)_(american|european)_(call|put)_(\d{1,12})_(\d{8})\.csv$"
)
MASK = {
    0x1: "regular", 0x20: "sweep", 0x40: "auction_open", 0x80: "auction_close", 0x200: "contingent", 0x400: "form_t",
    0x800: "late", 0x2000: "extended_hours", 0x100000: "average_price", 0x20000000: "trade_through_exempt",
}  # fmt: skip
"""Lean's sale-condition bits in the words of the store (0x200: derivatively priced, 0x800: sold)."""

_MINUTE = 60_000

BLOCK_BYTES = 8 << 20
"""Lines that are read at once: a day of one symbol's quotes may hold more than memory does."""

_NO_QUOTE = {"bid": 0, "ask": 0, "bid_size": 0, "ask_size": 0}
"""What stands before a day's first quote: neither side."""


@dataclass(frozen=True)
class Lean(Feed):
    """QuantConnect Lean's zipped files."""

    name = "lean"
    fills = ("stock_trades", "stock_quotes", "option_trades", "option_quotes", "open_interest")
    about = "QuantConnect Lean: equity ticks, option minute bars, open interest (zip)"
    scaled = True

    def claim(self, path: Path) -> Claim | None:
        """By the members' names: they alone say symbol, day and contract."""
        if magic(path) != "zip":
            return None
        members = zip_members(path)
        if not members:
            return None
        if found := _EQUITY.match(members[0]):
            day, symbol, kind = found.groups()
            return Claim(f"stock_{kind.lower()}s", f"equity/tick/{symbol.lower()}/{day}_{kind.lower()}")
        if found := _OPTION.match(members[0]):
            day, symbol, kind, style = found.groups()[:4]
            table = {"trade": "option_trades", "quote": "option_quotes", "openinterest": "open_interest"}[kind]
            return Claim(table, f"option/minute/{symbol.lower()}/{day}_{kind}_{style}")
        return None

    def frames(self, path: Path, claim: Claim, desk: Desk) -> Iterator[pl.DataFrame]:
        """The file's rows in lots of some megabytes; small members are gathered, as most contracts hold a few rows."""
        at = 0
        stock = claim.table.startswith("stock")
        frames = _stock_frames(path, claim.table) if stock else _option_frames(path, claim.table, desk.sessions)
        for frame in frames:
            yield frame.with_columns(pl.col("record") + at)
            at += frame.height


def _blocks(path: Path) -> Iterator[tuple[str, bytes]]:
    """The members' names with their lines, at most `BLOCK_BYTES` and a line of them at once; an empty member's once."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as stream:
                    block = stream.read(BLOCK_BYTES)
                    yield member.filename, block + stream.readline(BLOCK_BYTES)
                    while block := stream.read(BLOCK_BYTES):
                        yield member.filename, block + stream.readline(BLOCK_BYTES)
    except UNREADABLE_ZIP as error:
        raise UnreadableFile(f"'{path.name}': expected a whole zip file, found: {error}") from None


def _stock_frames(path: Path, table: str) -> Iterator[pl.DataFrame]:
    """Rows of the members, each a symbol's; the quote that stands at the end of a block does so in the next."""
    last, standing = "", _NO_QUOTE
    for name, content in _blocks(path):
        found = _EQUITY.match(name)
        if found is None:
            raise UnreadableFile(
                f"'{path.name}': expected members like 20131007_aig_Trade_Tick.csv, found '{name[:80]}'"
            )
        digits, symbol, _ = found.groups()
        day = _day(digits, path.name)
        if table == "stock_trades":
            frame = _stock_trades(content, day, path.name)
        else:
            frame = _stock_quotes(content, day, path.name, standing if name == last else _NO_QUOTE)
            standing = frame.select(_NO_QUOTE.keys()).row(-1, named=True) if frame.height else standing
        last = name
        yield frame.with_columns(symbol=pl.lit(symbol.upper()))


def _option_frames(path: Path, table: str, sessions: Sessions) -> Iterator[pl.DataFrame]:
    """Rows of contracts, as many of them at once as make a block."""
    gathered: list[tuple[str, bytes]] = []
    size = 0
    for name, content in _blocks(path):
        gathered.append((name, content))
        size += len(content)
        if size >= BLOCK_BYTES:
            yield _option_members(gathered, table, sessions, path.name)
            gathered, size = [], 0
    if gathered:
        yield _option_members(gathered, table, sessions, path.name)


def _option_members(members: list[tuple[str, bytes]], table: str, sessions: Sessions, path: str) -> pl.DataFrame:
    """Rows of several contracts: each line led by its member's number, read at once, then given its contract."""
    contracts, lines = [], []
    for number, (name, content) in enumerate(members):
        found = _OPTION.match(name)
        if found is None:
            raise UnreadableFile(
                f"'{path}': expected members like 20151224_goog_minute_trade_american_call_4000000_20170120.csv,"
                f" found '{name[:80]}'"
            )
        day, symbol, _, _, right, strike, expiry = found.groups()
        contracts.append(
            (str(number), symbol.upper(), _day(expiry, path), int(strike) * _SCALE, "C" if right == "call" else "P")
        )
        lines += [b"%d,%s" % (number, line) for line in content.splitlines() if line]
    read = {"option_trades": _option_bars, "option_quotes": _option_quotes}.get(table)
    content = b"\n".join(lines)
    frame = read(content, _day(day, path), path) if read else _open_interest(content, _day(day, path), sessions, path)
    named = pl.DataFrame(
        contracts,
        schema={
            "member": pl.String,
            "underlying": pl.String,
            "expiry": pl.Date,
            "strike": pl.Int64,
            "right": pl.String,
        },
        orient="row",
    )
    return frame.join(named, on="member", how="left", maintain_order="left").drop("member")


def _day(digits: str, path: str) -> date:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise UnreadableFile(f"'{path}': expected a day YYYYMMDD in the member's name, found '{digits}'") from None


def _columns(content: bytes, names: list[str], path: str) -> pl.DataFrame:
    """A headerless member as text columns with `record`; short or long lines make the file unreadable."""
    try:
        content = content if content.strip() else b""
        frame = pl.read_csv(content, has_header=False, infer_schema=False, quote_char=None, raise_if_empty=False)
    except pl.exceptions.PolarsError as error:
        raise UnreadableFile(
            f"'{path}': expected {len(names)} columns, found: {str(error).splitlines()[0][:120]}"
        ) from None
    if frame.width not in (0, len(names)):
        raise UnreadableFile(f"'{path}': expected {len(names)} columns, found {frame.width}")
    if frame.width == 0:
        frame = pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    frame.columns = names
    return frame.with_columns(record=pl.int_range(1, frame.height + 1, dtype=pl.Int64))


def _time(day: date, ms: pl.Expr) -> pl.Expr:
    """Wall-clock milliseconds of a New York day as UTC nanoseconds."""
    local = pl.lit(day).cast(pl.Datetime("ns"), strict=False) + pl.duration(milliseconds=ms)
    return local.dt.replace_time_zone(ZONES["XNYS"], ambiguous="earliest", non_existent="null").dt.epoch("ns")


def _whole(name: str, scale: int = 1) -> pl.Expr:
    """A text column as Int64 × scale; what is no whole number becomes null and so a reject."""
    return pl.col(name).cast(pl.Int64, strict=False) * scale


def _stock_trades(content: bytes, day: date, path: str) -> pl.DataFrame:
    frame = _columns(content, ["ms", "price", "size", "exchange", "mask", "suspicious"], path)
    masks = frame["mask"].unique()
    words = pl.DataFrame({"mask": masks, "conditions": [_words(mask) for mask in masks]})
    return frame.join(words, on="mask", how="left", maintain_order="left", nulls_equal=True).select(
        "record",
        ts=_time(day, _whole("ms")),
        price=_whole("price", _SCALE),
        size=_whole("size", MICRO),
        exchange="exchange",
        off_exchange=pl.col("exchange") == "D",
        # Lean marks outliers by its own filter: a word nobody trades on, kept and counted
        conditions=pl.when(pl.col("suspicious") == "1")
        .then(pl.concat_str("conditions", pl.lit(";lean:suspicious")))
        .otherwise("conditions"),
    )


def _words(mask: str | None) -> str:
    """A hex condition mask as words; bits that nobody documents stay as `lean:0x…`."""
    try:
        bits = int(mask or "0", 16)
    except ValueError:
        return f"lean:{mask}"
    words = [word for bit, word in MASK.items() if bits & bit]
    rest = bits & ~sum(MASK)
    return ";".join(words + ([f"lean:{rest:#x}"] if rest else []))


def _stock_quotes(content: bytes, day: date, path: str, before: dict[str, int]) -> pl.DataFrame:
    """National best quotes; `before` are those that stand when the lines begin."""
    frame = _columns(
        content, ["ms", "bid", "bid_size", "ask", "ask_size", "exchange", "condition", "suspicious"], path
    ).select(
        "record",
        *(_whole(name).alias(name) for name in ("ms", "bid_size", "ask_size")),
        *(_whole(name, _SCALE).alias(name) for name in ("bid", "ask")),
    )
    untouched = {side: (pl.col(side) == 0) & (pl.col(f"{side}_size") == 0) for side in ("bid", "ask")}
    standing = [
        pl.when(~untouched[side]).then(pl.col(name)).forward_fill().fill_null(before[name]).alias(name)
        for side in ("bid", "ask")
        for name in (side, f"{side}_size")
    ]
    return frame.with_columns(standing).select(
        "record",
        ts=_time(day, pl.col("ms")),
        bid="bid",
        ask="ask",
        bid_size="bid_size",
        ask_size="ask_size",
    )


def _option_bars(content: bytes, day: date, path: str) -> pl.DataFrame:
    """A minute bar stands for its prints: price = close, size = volume, stamped at the minute's end, labelled `bar`.

    Stamped at its end, a bar meets the quote that closed the minute before: nothing later than its own prints.
    """
    frame = _columns(content, ["member", "ms", "open", "high", "low", "close", "volume"], path)
    return frame.select(
        "record",
        "member",
        ts=_time(day, _whole("ms") + _MINUTE),
        price=_whole("close", _SCALE),
        size=_whole("volume"),
        conditions=pl.lit("bar"),
    )


def _option_quotes(content: bytes, day: date, path: str) -> pl.DataFrame:
    """The quote that closes each minute, stamped at the minute's end; a side without a close is 0 (one-sided)."""
    bid = ["bid_open", "bid_high", "bid_low", "bid", "bid_size"]
    ask = ["ask_open", "ask_high", "ask_low", "ask", "ask_size"]
    frame = _columns(content, ["member", "ms", *bid, *ask], path)
    sides = {
        name: pl.when(pl.col(name) == "").then(None).otherwise(pl.col(name)).fill_null("0") for name in ("bid", "ask")
    }
    return frame.select(
        "record",
        "member",
        ts=_time(day, _whole("ms") + _MINUTE),
        **{name: side.cast(pl.Int64, strict=False) * _SCALE for name, side in sides.items()},
        **{name: pl.col(name).cast(pl.Int64, strict=False) for name in ("bid_size", "ask_size")},
    )


def _open_interest(content: bytes, day: date, sessions: Sessions, path: str) -> pl.DataFrame:
    """Published before the open of `day`: the positions of the session before."""
    frame = _columns(content, ["member", "ms", "open_interest"], path)
    at = int(np.searchsorted(sessions.days, np.datetime64(day), side="left"))
    before = sessions.dates[at - 1] if at else day - timedelta(days=1)
    return frame.select("record", "member", date=pl.lit(before), open_interest=_whole("open_interest"))
