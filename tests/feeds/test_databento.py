"""Databento's DBN: files laid down by the library's own records, hostile ones, and the real ones where at hand."""

import sys
import tempfile
from datetime import date
from pathlib import Path

import databento_dbn as dbn
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import feeds.dbn
from feeds.ingest import ingest
from feeds.schema import MICRO, PrintFlag
from feeds.store import Store
from feeds.synthetic import canonical, market
from feeds.writers.databento import write

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us" / "databento"
OPEN = 1_762_353_000_000_000_000  # 2025-11-05 09:30 New York
DAY = 86_400_000_000_000
AAPL = "AAPL  251121C00200000"
TENTH = 100_000_000
NONE, ZSTD = dbn.Side.NONE, "zstd"
UNDEFINED = dbn.UNDEF_PRICE


class Span:
    def __init__(self, symbol, start=date(2025, 11, 5), end=date(2025, 11, 6)):
        self.symbol, self.start_date, self.end_date = str(symbol), start, end


class Mapped:
    def __init__(self, raw_symbol, *spans):
        self.raw_symbol, self.intervals = raw_symbol, list(spans)


def metadata(schema, dataset="OPRA.PILLAR", mappings=None, stype_in=dbn.SType.RAW_SYMBOL, version=3):
    numbered = stype_in == dbn.SType.INSTRUMENT_ID
    return dbn.Metadata(
        dataset=dataset, start=OPEN, end=OPEN + DAY, schema=dbn.Schema.from_str(schema), version=version,
        stype_in=stype_in, stype_out=dbn.SType.RAW_SYMBOL if numbered else dbn.SType.INSTRUMENT_ID,
        symbols=[], mappings=[Mapped(AAPL, Span(7))] if mappings is None else mappings,
    ).encode()  # fmt: skip


def trade(price=12 * TENTH, size=3, ts=OPEN, number=7, publisher=22, side=NONE, action=dbn.Action.TRADE, sequence=5):
    return bytes(
        dbn.TradeMsg(publisher, number, ts, price, size, action, side, 0, ts + 900, flags=194, sequence=sequence)
    )


def best(
    price=12 * TENTH, bid=TENTH, ask=2 * TENTH, action=dbn.Action.TRADE, flags=194, publisher=22, number=7, ts=OPEN
):
    levels = dbn.ConsolidatedBidAskPair(bid, ask, 10, 20, 22, 23)
    return bytes(
        dbn.CMBP1Msg(
            dbn.RType.CMBP_1, publisher, number, ts, price, 3, action, NONE, ts + 900, flags=flags, levels=levels
        )
    )


def laid(path: Path, *parts: bytes, zst: bool = True) -> Path:
    content = b"".join(parts)
    if zst:
        with pa.CompressedOutputStream(str(path), ZSTD) as stream:
            stream.write(content)
    else:
        path.write_bytes(content)
    return path


def stored(store: Store, path: Path, **asked):
    (outcome,) = ingest(store, [path], **asked)
    assert outcome.error is None, outcome.error
    assert (outcome.source, outcome.read) == ("databento", outcome.stored + outcome.duplicates + outcome.rejected)
    kind = "history" if outcome.table == "open_interest" else "session"
    parts = list(store.parts({outcome.table: kind}, store.sessions()))
    rows = [row for part in parts for row in part.tables[outcome.table].sort("record").to_dicts()]
    return rows, parts, outcome


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("zst", [True, False])
def test_option_prints(store, tmp_path, zst, version):
    head = metadata("trades", version=version)
    rows, (part,), outcome = stored(store, laid(tmp_path / "x.dbn", head, trade(), trade(price=1_000), zst=zst))
    assert [(row["price"], row["size"], row["ts"], row["sequence"], row["record"]) for row in rows] == [
        (1_200_000, 3, OPEN, 5, 1), (1, 3, OPEN, 5, 2),
    ]  # fmt: skip
    assert (rows[0]["bid"], rows[0]["aggressor"], rows[0]["multiplier"], rows[0]["flags"]) == (-1, 0, 100, 0)
    contract = part.tables["contracts"].row(0, named=True)
    assert (contract["underlying"], contract["expiry"], contract["strike"], contract["right"]) == (
        "AAPL", date(2025, 11, 21), 200 * MICRO, "C",
    )  # fmt: skip
    assert part.tables["venues"]["code"].to_list() == ["XCBO"]
    assert "ts_recv" in outcome.ignored


@pytest.mark.parametrize(("side", "sign"), [(dbn.Side.ASK, -1), (dbn.Side.BID, 1), (NONE, 0)])
def test_a_side_is_the_aggressor(store, tmp_path, side, sign):
    rows, _, _ = stored(store, laid(tmp_path / "x.dbn", metadata("trades"), trade(side=side)))
    assert rows[0]["aggressor"] == sign


def test_a_venues_book_is_not_the_national_best(store, tmp_path):
    level = dbn.BidAskPair(TENTH, 2 * TENTH, 1, 1, 1, 1)
    record = dbn.MBP1Msg(22, 7, OPEN, 12 * TENTH, 3, dbn.Action.TRADE, NONE, 0, OPEN, sequence=5, levels=level)
    rows, _, outcome = stored(store, laid(tmp_path / "x.dbn", metadata("tbbo"), bytes(record)))
    assert (rows[0]["bid"], rows[0]["ask"], rows[0]["bid_size"]) == (-1, -1, -1)
    assert {"bid_px_00", "ask_px_00"} <= set(outcome.ignored)


@pytest.mark.parametrize("schema", ["mbp-1", "bbo-1s", "bbo-1m", "cbbo-1s", "cbbo-1m"])
def test_books_and_samples_are_refused(store, tmp_path, schema):
    (folder := tmp_path / "drop").mkdir()
    (outcome,) = ingest(store, [laid(folder / "x.dbn", metadata(schema))])
    why = "not the one in force at each print" if schema.startswith("cbbo") else "not the national best"
    assert f"found {schema} of OPRA.PILLAR: the b" in outcome.error
    assert why in outcome.error
    (in_a_folder,) = ingest(store, [folder])
    assert (in_a_folder.skipped, in_a_folder.error, in_a_folder.why) == (True, None, outcome.error)


@pytest.mark.parametrize(
    ("dataset", "schema", "why"),
    [
        ("OPRA.PILLAR", "definition", "read beside"),
        ("EQUS.MINI", "cmbp-1", "some exchanges"),
        *(("EQUS.MINI", other, "no table has a place for it") for other in ("ohlcv-1d", "mbo", "mbp-10", "status")),
        ("OPRA.PILLAR", "imbalance", "no table has a place for it"),
        ("GLBX.MDP3", "trades", "neither US stocks nor options"),
    ],
)
def test_what_fills_no_table_says_why(store, tmp_path, dataset, schema, why):
    (folder := tmp_path / "drop").mkdir()
    laid(folder / "x.dbn", metadata(schema, dataset=dataset))
    (outcome,) = ingest(store, [folder])
    assert outcome.skipped
    assert f"found {schema} of {dataset}: " in outcome.why
    assert why in outcome.why


@pytest.mark.parametrize(
    ("bid", "ask", "flags", "quote"),
    [
        (TENTH, 2 * TENTH, 194, (100_000, 200_000, 10, 20)),
        (UNDEFINED, 2 * TENTH, 194, (0, 200_000, 0, 20)),
        (UNDEFINED, UNDEFINED, 194, (-1, -1, -1, -1)),
        (TENTH, 2 * TENTH, 194 | dbn.F_MAYBE_BAD_BOOK, (-1, -1, -1, -1)),
    ],
)
def test_a_print_with_the_consolidated_quote(store, tmp_path, bid, ask, flags, quote):
    rows, _, _ = stored(store, laid(tmp_path / "x.dbn", metadata("tcbbo"), best(bid=bid, ask=ask, flags=flags)))
    assert tuple(rows[0][name] for name in ("bid", "ask", "bid_size", "ask_size")) == quote
    assert (rows[0]["price"], rows[0]["sequence"]) == (1_200_000, 1)


def test_a_quote_consolidated_over_some_venues_is_not_the_national_best(store, tmp_path):
    head = metadata("tcbbo", "XNAS.BASIC", [Mapped("AAPL", Span(7))])
    rows, _, _ = stored(store, laid(tmp_path / "x.dbn", head, best(publisher=82)))
    assert (rows[0]["bid"], rows[0]["ask"]) == (-1, -1)
    (outcome,) = ingest(store, [laid(tmp_path / "y.dbn", metadata("cmbp-1", "XNAS.BASIC"), best())])
    assert "found cmbp-1 of XNAS.BASIC" in outcome.error


def test_option_quotes_without_the_prints_among_them(store, tmp_path):
    add = dbn.Action.ADD
    records = [best(action=add), best(), best(action=add, bid=UNDEFINED), best(action=add, ts=OPEN + 9, ask=3 * TENTH)]
    rows, _, outcome = stored(store, laid(tmp_path / "x.dbn", metadata("cmbp-1"), *records))
    assert [(row["ts"] - OPEN, row["bid"], row["ask"], row["record"]) for row in rows] == [
        (0, 100_000, 200_000, 1), (0, 0, 200_000, 3), (9, 100_000, 300_000, 4),
    ]  # fmt: skip
    assert (outcome.table, outcome.read) == ("option_quotes", 3)


def test_stock_quotes_stand_when_they_were_brought_together(store, tmp_path):
    head = metadata("cmbp-1", "EQUS.ALL", [Mapped("AAPL", Span(7))])
    rows, _, _ = stored(store, laid(tmp_path / "x.dbn", head, best(action=dbn.Action.ADD, publisher=66)))
    assert (rows[0]["ts"] - OPEN, rows[0]["bid"], rows[0]["bid_size"]) == (900, 100_000, 10)


@pytest.mark.parametrize(("publisher", "off"), [(68, True), (69, True), (70, True), (66, False), (67, False)])
def test_trade_reporting_facilities_are_off_exchange(store, tmp_path, publisher, off):
    head = metadata("trades", "EQUS.ALL", [Mapped("AAPL", Span(7))])
    rows, (part,), outcome = stored(store, laid(tmp_path / "x.dbn", head, trade(publisher=publisher)))
    assert (rows[0]["off_exchange"], rows[0]["size"], rows[0]["ts"]) == (off, 3 * MICRO, OPEN)
    assert part.tables["symbols"]["symbol"].to_list() == ["AAPL"]
    assert outcome.assumed is None


def test_where_prints_do_not_name_their_venue_that_is_an_assumption(store, tmp_path):
    head = metadata("trades", "EQUS.MINI", [Mapped("AAPL", Span(7))])
    _, _, outcome = stored(store, laid(tmp_path / "x.dbn", head, trade(publisher=95)))
    assert outcome.assumed == "off_exchange"


def test_an_unlisted_publisher_stays_a_number(store, tmp_path):
    _, (part,), _ = stored(store, laid(tmp_path / "x.dbn", metadata("trades"), trade(publisher=60_000)))
    assert part.tables["venues"]["code"].to_list() == ["60000"]


BAD = {
    "more places than six": (trade(price=1_200_000_001), "`price`, in billionths"),
    "no price": (trade(price=UNDEFINED), "`price` is undefined"),
    "zero": (trade(price=0), "`price`, was '0'"),
    "below zero": (trade(price=-1_000), "`price`, was '-1'"),
    "no size": (trade(size=2**32 - 1), "`size` is undefined"),
    "no time": (trade(ts=dbn.UNDEF_TIMESTAMP - 900), "`ts_event` is undefined"),
    "another day": (trade(ts=OPEN + DAY), "`instrument_id` has no symbol"),
    "another number": (trade(number=8), "`instrument_id` has no symbol"),
    "no trade": (trade(action=dbn.Action.CANCEL), "`action`, expected T"),
}


@pytest.mark.parametrize("fault", sorted(BAD))
def test_a_bad_record_is_rejected_with_its_number(store, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(feeds.dbn, "RECORDS", 2)  # refusals are numbered on over batches
    record, said = BAD[fault]
    path = laid(tmp_path / "x.dbn", metadata("trades"), trade(), record, trade(), record, trade(), trade(sequence=9))
    rows, _, outcome = stored(store, path, most_rejected=0.9)
    assert (outcome.read, outcome.rejected) == (6, 2)
    assert [row["record"] for row in rows] == [1, 3, 5, 6]
    assert rows[-1]["sequence"] == 9
    rejects = store.rejects()
    assert rejects["record"].to_list() == [2, 4]
    assert all(reason.startswith(said) for reason in rejects["reason"])


def test_a_quote_with_more_places_than_six_is_rejected(store, tmp_path):
    record = best(bid=TENTH + 1)
    _, _, outcome = stored(store, laid(tmp_path / "x.dbn", metadata("tcbbo"), best(), record), most_rejected=0.9)
    assert (outcome.stored, outcome.rejected) == (1, 1)


def test_a_number_means_another_instrument_on_another_day(store, tmp_path):
    put = "AAPL  251121P00200000"
    spans = [
        Mapped(AAPL, Span(7, date(2025, 11, 4), date(2025, 11, 5)), Span(8, date(2025, 11, 5), date(2025, 11, 6))),
        Mapped(put, Span(7, date(2025, 11, 5), date(2025, 11, 6))),
    ]
    path = laid(tmp_path / "x.dbn", metadata("trades", mappings=spans), trade(ts=OPEN - DAY), trade(), trade(number=8))
    _, parts, _ = stored(store, path)
    rights = [
        part.tables["option_trades"]
        .join(part.tables["contracts"].select(contract="id", right="right"), on="contract")
        .sort("record")["right"]
        .to_list()
        for part in parts
    ]
    assert rights == [["C"], ["P", "C"]]


def test_symbols_asked_for_by_number(store, tmp_path):
    head = metadata("trades", mappings=[Mapped("7", Span(AAPL))], stype_in=dbn.SType.INSTRUMENT_ID)
    rows, _, _ = stored(store, laid(tmp_path / "x.dbn", head, trade()))
    assert len(rows) == 1


def definition(symbol, number=7, multiplier=2**31 - 1):
    template = next(REAL.glob("opra/test_data.definition.dbn.zst"), None)
    if template is None:
        pytest.skip("the real files are not at hand")
    decoder = dbn.DBNDecoder(compression=dbn.Compression.ZSTD)
    decoder.write(template.read_bytes())
    record = bytearray(bytes(decoder.decode()[1]))
    fields = feeds.dbn.fields_of("definition", 3)
    for name, value in (
        ("instrument_id", number.to_bytes(4, "little")),
        ("ts_event", OPEN.to_bytes(8, "little")),
        ("contract_multiplier", multiplier.to_bytes(4, "little")),
        ("raw_symbol", symbol.encode().ljust(71, b"\0")),
    ):
        at = fields.fields[name][1]
        record[at : at + len(value)] = value
    return bytes(record)


def test_a_definition_beside_the_file_names_the_instrument(store, tmp_path):
    laid(tmp_path / "definition.dbn.zst", metadata("definition", mappings=[]), definition(AAPL))
    (tmp_path / "broken.dbn").write_bytes(b"DBN\x03junk")
    parent = metadata("trades", mappings=[Mapped("AAPL.OPT", Span(7))], stype_in=dbn.SType.PARENT)
    rows, (part,), _ = stored(store, laid(tmp_path / "x.dbn", parent, trade()))
    assert part.tables["contracts"]["underlying"].to_list() == ["AAPL"]
    assert len(rows) == 1


@pytest.mark.parametrize(("multiplier", "known", "flag"), [(10, 10, 0), (2**31 - 1, 100, PrintFlag.NONSTANDARD)])
def test_an_adjusted_contracts_multiplier_is_its_definitions_or_unknown(store, tmp_path, multiplier, known, flag):
    adjusted = "AAPL1 251121C00200000"
    laid(tmp_path / "definition.dbn.zst", metadata("definition", mappings=[]), definition(adjusted, 7, multiplier))
    head = metadata("trades", mappings=[Mapped(adjusted, Span(7))])
    rows, _, _ = stored(store, laid(tmp_path / "x.dbn", head, trade()))
    assert (rows[0]["multiplier"], rows[0]["flags"]) == (known, flag)


def test_open_interest_is_of_the_session_before(store, tmp_path):
    def interest(kind, quantity, action=dbn.StatUpdateAction.NEW):
        morning = OPEN - 10_800_000_000_000
        return bytes(
            dbn.StatMsg(30, 7, morning, morning, dbn.UNDEF_TIMESTAMP, UNDEFINED, quantity, kind, update_action=action)
        )

    kinds = dbn.StatType
    path = laid(
        tmp_path / "x.dbn", metadata("statistics"), interest(kinds.OPEN_INTEREST, 52), interest(kinds.OPENING_PRICE, 9),
        interest(kinds.OPEN_INTEREST, 52), interest(kinds.OPEN_INTEREST, 51, dbn.StatUpdateAction.DELETE),
    )  # fmt: skip
    rows, _, outcome = stored(store, path, most_rejected=0.5)
    assert [(row["date"], row["session"], row["open_interest"]) for row in rows] == [
        (date(2025, 11, 4), date(2025, 11, 5), 52)
    ]
    assert (outcome.read, outcome.duplicates, outcome.rejected) == (3, 1, 1)


@pytest.mark.parametrize(
    "symbol", ["=cmd()|'/c calc'!A0", "<script>alert(1)</script>", "'; DROP TABLE t; --", 'a"b\n,']
)
def test_hostile_symbols_stay_data_or_are_rejected(store, tmp_path, symbol):
    head = metadata("trades", "EQUS.ALL", [Mapped(symbol, Span(7))])
    _, parts, outcome = stored(store, laid(tmp_path / "x.dbn", head, trade(publisher=66)), most_rejected=1)
    if "\n" in symbol:
        assert (outcome.stored, outcome.rejected) == (0, 1)
    else:
        assert parts[0].tables["symbols"]["symbol"].to_list() == [symbol]


def whole(zst: bool, count: int = 500) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = laid(
            Path(folder) / "x.dbn",
            metadata("trades"),
            *(trade(sequence=i, size=i * i + 1) for i in range(count)),
            zst=zst,
        )
        return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (whole(zst=False)[:-5], "whole records of 48 bytes, found 43 bytes after record 499"),
        (whole(zst=False)[:100], "DBN metadata"),
        (whole(zst=False)[:5], "DBN metadata"),
        (b"DBN\x03\xff\xff\xff\xff", "bytes of metadata, found 4,294,967,295"),
        (b"DBN\x09\x10\x00\x00\x00" + b"x" * 16, "DBN metadata"),
        (whole(zst=True, count=20_000)[:-9], "a whole DBN file"),
        (metadata("trades") + trade() + best(), "alone (48 bytes, type 0), found 80 bytes of type 177 at record 2"),
        (metadata("trades"), "nothing below"),
    ],
)
def test_a_broken_file_is_one_clear_line(store, tmp_path, content, said):
    path = tmp_path / "x.dbn"
    path.write_bytes(content)
    (outcome,) = ingest(store, [path])
    assert said in outcome.error
    assert "x.dbn" in outcome.error
    assert "\n" not in outcome.error
    assert outcome.stored == 0


def test_without_the_library_the_extra_is_named(store, tmp_path, monkeypatch):
    path = laid(tmp_path / "x.dbn", metadata("trades"), trade())
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    (outcome,) = ingest(store, [path])
    assert "pip install 'bullbear[databento]'" in outcome.error


@pytest.fixture(scope="module")
def held():
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "fuzz.duckdb") as opened:
        yield opened, Path(folder) / "fuzz.dbn"


SOUND = metadata("trades") + trade() * 3


@settings(max_examples=15)
@given(changes=st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_changed_byte_is_stored_rejected_or_refused_in_one_line(held, changes):
    opened, path = held
    content = bytearray(SOUND)
    for at, value in changes:
        content[at] = value
    path.write_bytes(content)
    for outcome in ingest(opened, [path], source="databento", most_rejected=1):
        assert "\n" not in (outcome.error or "")
        assert outcome.error or outcome.read == outcome.stored + outcome.duplicates + outcome.rejected


@settings(max_examples=15)
@given(content=st.binary(max_size=200), head=st.sampled_from([b"", b"DBN", b"DBN\x03\x10\0\0\0", metadata("cmbp-1")]))
def test_any_bytes_are_refused_in_one_line_or_read(held, content, head):
    opened, path = held
    path.write_bytes(head + content + b"x")
    for outcome in ingest(opened, [path], source="databento", most_rejected=1):
        assert "\n" not in (outcome.error or "")
        assert outcome.error or outcome.read == outcome.stored + outcome.duplicates + outcome.rejected


def test_what_is_written_is_what_the_library_writes_and_reads(tmp_path):
    made = market(seed=11, sessions=1, symbols=4, history=40)
    day = made.sessions.dates[0]
    tape = {name: canonical(frame, name) for name, frame in made.tape(day).items()}
    for path in write(tape, day, tmp_path):
        decoder = dbn.DBNDecoder(compression=dbn.Compression.ZSTD)
        decoder.write(path.read_bytes())
        head, *records = decoder.decode()
        table = {"tcbbo": "option_trades", "trades": "stock_trades"}.get(head.schema)
        table = table or ("option_quotes" if head.dataset == "OPRA.PILLAR" else "stock_quotes")
        frame = tape[table]
        if table == "stock_trades":
            frame = frame.filter(pl.col("size") == pl.col("size").floor())
        assert len(records) == len(frame)
        with pa.input_stream(str(path), compression=ZSTD) as stream:
            stream.read(len(head.encode()))
            assert stream.read() == b"".join(bytes(record) for record in records)
        if "price" in frame.columns:
            assert [record.price for record in records] == [int(price * 10**9) for price in frame["price"]]


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not at hand")
def test_real_files_are_read_whole(store):
    outcomes = {outcome.path.name: outcome for outcome in ingest(store, [REAL])}
    for outcome in outcomes.values():
        assert outcome.read == outcome.stored + outcome.duplicates + outcome.rejected
        assert outcome.error is None
        assert outcome.skipped == (outcome.why is not None)
    stored = {name: outcome.stored for name, outcome in outcomes.items() if outcome.stored}
    assert stored == {
        "EQUS.MINI.test_data.tbbo.dbn.zst": 4, "EQUS.MINI.test_data.trades.dbn.zst": 4,
        "test_data.tbbo.dbn.zst": 4, "test_data.trades.dbn.zst": 4, "test_data.statistics.dbn.zst": 1,
    }  # fmt: skip
    parts = list(store.parts({"option_trades": "session"}, store.sessions()))
    prints = parts[0].tables["option_trades"]
    assert parts[0].session == date(2025, 2, 20)
    # databento/databento-python, tests/data/OPRA.PILLAR, trades: $0.24, $0.20, $0.19, $0.19
    assert prints["price"].to_list()[:4] == [240_000, 240_000, 200_000, 200_000]
    assert prints["aggressor"].unique().to_list() == [0]
