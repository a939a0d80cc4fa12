"""Each source against its recorded answers: addresses, checks, days without a file, and what ingest makes of them."""

import io
import json
import sys
import types
import zipfile
from datetime import date

import polars as pl
import pytest

from feeds.errors import BadValue, UnreadableFile
from feeds.fetch.akshare import CALLS, Akshare, Call
from feeds.fetch.bars import Stooq, Yahoo
from feeds.fetch.cboe import Cboe
from feeds.fetch.checks import zip_with
from feeds.fetch.finra import FinraAts, FinraShort
from feeds.fetch.run import fetched, sources
from feeds.fetch.sec import SecForm4, SecIndex, SecInsider
from feeds.fetch.source import Asked
from feeds.ingest import ingest

from .conftest import Reply

TODAY = date(2025, 11, 12)
SHORT = (
    b"Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market\r\n"
    b"20251105|AAPL|10|0|30|B,Q,N\r\n20251105|SPY|5.5|0|9|B,Q,N\r\n2\r\n"
)


def asked(start: date, end: date, *symbols: str, today: date = TODAY) -> Asked:
    return Asked(start, end, today, symbols)


def states(source, polite, question: Asked) -> dict[str, str]:
    return {found.name: found.state for found in source.files(polite, question)}


def zipped(*members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in members:
            archive.writestr(zipfile.ZipInfo(name), "a\tb\n")  # no time of day: its bytes name tests on every worker
    return packed.getvalue()


def test_every_source_says_what_it_is_and_asks_politely():
    for name, source in sources().items():
        assert name == source.name
        assert source.about
        assert 0 < source.a_second <= 10
        assert getattr(source, "base", "https://").startswith("https://")


def encrypted(packed: bytes) -> bytes:
    """The same zip, its first member said to need a password."""
    at = packed.index(b"PK\x01\x02") + 8
    return packed[:6] + b"\x01\x00" + packed[8:at] + b"\x01\x00" + packed[at + 2 :]


def deflated(packed: bytes) -> bytes:
    """The same zip, its first member said to be deflated, which it is not."""
    at = packed.index(b"PK\x01\x02") + 10
    return packed[:8] + b"\x08\x00" + packed[10:at] + b"\x08\x00" + packed[at + 2 :]


@pytest.mark.parametrize("spoilt", [encrypted, deflated, lambda packed: packed[:40]])
def test_a_zip_that_cannot_be_unpacked_is_refused_whatever_is_wrong_with_it(tmp_path, spoilt):
    path = tmp_path / "set.zip"
    path.write_bytes(spoilt(zipped("A.tsv")))
    with pytest.raises(UnreadableFile, match=r"expected a (whole )?zip"):
        zip_with(path, "A.tsv")


# -- SEC ---------------------------------------------------------------------------------------------------------------


def test_insider_sets_stand_in_one_of_two_folders(server, polite):
    good = zipped("SUBMISSION.tsv", "REPORTINGOWNER.tsv", "NONDERIV_TRANS.tsv")
    newer = "/files/datastandardsinnovation/data/insider-transactions-data-sets/2025q3_form345.zip"
    server.on("/files/structureddata/data/insider-transactions-data-sets/2025q2_form345.zip", Reply(good))
    server.on(newer, Reply(good))
    found = states(SecInsider(server.base), polite, asked(date(2025, 6, 30), date(2025, 11, 1)))
    assert found == {
        "2025q2_form345.zip": "fetched",
        "2025q3_form345.zip": "fetched",
        "2025q4_form345.zip": "unpublished",
    }


@pytest.mark.parametrize("body", [zipped("SUBMISSION.tsv"), zipped("SUBMISSION.tsv")[:40], b"PK\x03\x04", b"not a zip"])
def test_a_set_that_is_none_is_not_kept(server, polite, body):
    server.on("/files/structureddata/data/insider-transactions-data-sets/2025q2_form345.zip", Reply(body))
    (found,) = SecInsider(server.base).files(polite, asked(date(2025, 4, 1), date(2025, 5, 1)))
    assert (found.state, "zip" in found.why) == ("failed", True)
    assert not list(polite.folder.rglob("*.zip*"))


INDEX = """Description:           Master Index of EDGAR Dissemination Feed by Form Type
Form Type   Company Name                      CIK         Date Filed  File Name
---------------------------------------------------------------------------------
4           ACME INC                          1000        2025-11-04  edgar/data/1000/0001000-25-000001.txt
4           DOE JANE                          2000        2025-11-04  edgar/data/2000/0001000-25-000001.txt
4/A         ACME INC                          1000        2025-11-05  edgar/data/1000/0001000-25-000002.txt
4           LATE INC                          3000        2025-11-09  edgar/data/3000/0001000-25-000003.txt
424B2       BANK CORP                         4000        2025-11-04  edgar/data/4000/0001000-25-000004.txt
4           EVIL INC                          5000        2025-11-04  edgar/data/../../../etc/passwd.txt
4           EVIL INC                          5000        2025-11-04  http://evil/0001000-25-000005.txt
"""


@pytest.mark.parametrize("more", [b"", b"-----END PRIVACY-ENHANCED MESSAGE-----\n\n"])
def test_submissions_of_the_days_asked_once_each(server, polite, more):
    server.on("/Archives/edgar/full-index/2025/QTR4/form.idx", Reply(INDEX.encode()))
    document = b"<SEC-DOCUMENT>\n<XML>\n<ownershipDocument>\n</ownershipDocument>\n</SEC-DOCUMENT>\n" + more
    server.on("/Archives/edgar/data/1000/0001000-25-000001.txt", Reply(document))
    server.on("/Archives/edgar/data/1000/0001000-25-000002.txt", Reply(b"<SEC-DOCUMENT> of something else"))
    question = asked(date(2025, 11, 4), date(2025, 11, 5))
    assert states(SecForm4(server.base), polite, question) == {
        "2025q4_form.idx": "fetched",
        "2025-11-04/0001000-25-000001.txt": "fetched",
        "2025-11-05/0001000-25-000002.txt": "failed",
    }
    assert all("passwd" not in path for path in server.paths())


@pytest.mark.parametrize("cut", [1, 20, 40, 70])
def test_a_submission_or_an_index_that_ends_too_soon_is_not_kept(server, polite, cut):
    """A server that closes without saying how much there is: nothing but the end of a file tells that it is there."""
    document = b"<SEC-DOCUMENT>\n<XML>\n<ownershipDocument>\n" + b" " * 70 + b"</ownershipDocument>\n</SEC-DOCUMENT>"
    index = "".join(line for line in INDEX.splitlines(keepends=True) if "EVIL" not in line).encode().rstrip()
    server.on("/Archives/edgar/full-index/2025/QTR4/form.idx", Reply(index[:-cut]), Reply(index))
    server.on("/Archives/edgar/data/1000/0001000-25-000001.txt", Reply(document[:-cut]))
    question = asked(date(2025, 11, 4), date(2025, 11, 4))
    assert states(SecForm4(server.base), polite, question) == {"2025q4_form.idx": "failed"}
    assert states(SecForm4(server.base), polite, question) == {
        "2025q4_form.idx": "fetched",
        "2025-11-04/0001000-25-000001.txt": "failed",
    }
    assert [path.name for path in polite.folder.rglob("*") if path.is_file()] == ["2025q4_form.idx"]


def test_no_day_or_name_of_an_index_leads_out_of_the_folder(server, polite):
    """The planted fault: a day of ten characters that is a way up, between two years."""
    line = "4           EVIL INC                          5000        {}  edgar/data/5000/{}\n"
    evil = line.format("2026/../..", "0001000-25-000009.txt") + line.format("2025-12-01", "x.txt")
    server.on("/Archives/edgar/full-index/2025/QTR4/form.idx", Reply((INDEX + evil).encode()))
    question = asked(date(2025, 12, 1), date(2027, 1, 31), today=date(2025, 12, 31))
    assert states(SecForm4(server.base), polite, question) == {"2025q4_form.idx": "fetched"}
    assert len(server.seen) == 1


def test_an_index_that_is_unchanged_where_there_is_none_fails_alone(server, polite):
    server.on("/Archives/edgar/full-index/2025/QTR4/form.idx", Reply(status=304))
    assert states(SecForm4(server.base), polite, asked(date(2025, 11, 4), date(2025, 11, 5))) == {
        "2025q4_form.idx": "failed"
    }


def test_the_running_quarters_index_is_asked_for_again_and_an_old_one_is_not(server, polite):
    for quarter in (2, 4):
        server.on(f"/Archives/edgar/full-index/2025/QTR{quarter}/form.idx", Reply(INDEX.encode()))
    for start in (date(2025, 4, 1), date(2025, 10, 1)):
        question = asked(start, start)
        states(SecIndex(server.base), polite, question)
        states(SecIndex(server.base), polite, question)
    assert [path.count("QTR2") for path in server.paths()] == [1, 0, 0]


@pytest.mark.parametrize("agent", ["", "Jane Doe", "a@b\r\nX-Evil: 1", "é@example.org"])
def test_the_sec_is_not_asked_by_nobody(server, tmp_path, agent):
    with pytest.raises(BadValue, match=r"--agent.*asks who asks"):
        list(fetched(SecIndex(server.base), asked(date(2025, 4, 1), date(2025, 4, 2)), tmp_path, agent))
    assert server.seen == []


# -- FINRA -------------------------------------------------------------------------------------------------------------


def test_short_volume_a_session_and_days_that_have_none(server, polite):
    server.on("/equity/regsho/daily/CNMSshvol20251107.txt", Reply(SHORT))
    server.on("/equity/regsho/daily/CNMSshvol20251110.txt", Reply(b"<Error>AccessDenied</Error>", 403))
    found = list(FinraShort(server.base).files(polite, asked(date(2025, 11, 7), date(2025, 11, 10))))
    assert [(f.name, f.state) for f in found] == [
        ("CNMSshvol20251107.txt", "fetched"),
        ("2025-11-08", "unpublished"),
        ("2025-11-09", "unpublished"),
        ("CNMSshvol20251110.txt", "unpublished"),
    ]
    assert found[1].why == "a weekend"
    (holiday,) = FinraShort(server.base).files(polite, asked(date(2025, 7, 4), date(2025, 7, 4)))
    assert holiday.why == "no session of New York"


@pytest.mark.parametrize(
    "body",
    [SHORT.replace(b"\n2\r", b"\n3\r"), SHORT[:-3], SHORT.replace(b"|Symbol|", b"|Ticker|"), SHORT[:90]],
)
def test_short_volume_that_does_not_count_up_is_not_kept(server, polite, body):
    server.on("/equity/regsho/daily/CNMSshvol20251105.txt", Reply(body))
    (found,) = FinraShort(server.base).files(polite, asked(date(2025, 11, 5), date(2025, 11, 5)))
    assert found.state == "failed"
    assert not list(polite.folder.rglob("CNMS*"))


def ats_record(n: int) -> dict:
    return {"weekStartDate": "2025-09-08", "summaryTypeCode": "ATS_W_SMBL", "issueSymbolIdentifier": f"S{n}",
            "totalWeeklyShareQuantity": n, "totalWeeklyTradeCount": 1, "lastUpdateDate": "2025-09-29"}  # fmt: skip


def page(first: int, count: int, total: int) -> Reply:
    body = json.dumps([ats_record(n) for n in range(first, first + count)]).encode()
    return Reply(body, headers={"Record-Total": str(total)})


def test_ats_weeks_are_read_in_pages_and_counted(server, polite):
    path = "/data/group/otcMarket/name/weeklySummary"
    server.on(path, page(0, 3, 5), page(3, 2, 5), Reply(status=204), Reply(b"[]"))
    found = list(FinraAts(server.base).files(polite, asked(date(2025, 9, 8), date(2025, 9, 12))))
    assert [(f.name, f.state) for f in found] == [
        ("ats_weekly_2025-09-08_T1.json", "fetched"),
        ("ats_weekly_2025-09-08_T2.json", "unpublished"),
        ("ats_weekly_2025-09-08_OTCE.json", "unpublished"),
    ]
    kept = json.loads((polite.folder / found[0].name).read_bytes())
    assert [record["issueSymbolIdentifier"] for record in kept] == [f"S{n}" for n in range(5)]
    bodies = [json.loads(seen.body) for seen in server.seen]
    assert [body["offset"] for body in bodies] == [0, 3, 0, 0]
    filters = {f["fieldName"]: f["fieldValue"] for f in bodies[0]["compareFilters"]}
    # of the four summary types one: all four would count every share more than once
    assert filters == {"summaryTypeCode": "ATS_W_SMBL", "weekStartDate": "2025-09-08", "tierIdentifier": "T1"}


@pytest.mark.parametrize(
    "replies",
    [
        (page(0, 3, 5), page(3, 0, 5)),
        (page(0, 3, 5), Reply(status=204)),
        (page(0, 3, 5), Reply(b"")),
        (page(0, 3, 5), Reply(b"[]")),
        (page(0, 3, 5), page(3, 1, 4)),
        (Reply(b""),),
        (Reply(status=304),),
        (Reply(b"[" * 100_000),),
        (Reply(b"{}"),),
        (Reply(b"<html>"),),
        (Reply(b'[{"a": 1}]'),),
        (Reply(status=500),),
        (Reply(b"[{", cut=1),),
    ],
)
def test_ats_answers_that_are_none_are_not_kept(server, polite, replies):
    server.on("/data/group/otcMarket/name/weeklySummary", *replies)
    first = next(FinraAts(server.base).files(polite, asked(date(2025, 9, 8), date(2025, 9, 8))))
    assert first.state == "failed"
    assert not list(polite.folder.rglob("*.json*"))


def test_ats_weeks_too_young_are_not_asked_for(server, polite):
    found = list(FinraAts(server.base).files(polite, asked(date(2025, 11, 3), date(2025, 11, 7))))
    assert {f.state for f in found} == {"unpublished"}
    assert server.seen == []


# -- Cboe --------------------------------------------------------------------------------------------------------------


def test_cboe_documents_and_the_archives_before_them(server, polite):
    document = {"SUM OF ALL PRODUCTS": [{"name": "VOLUME", "call": 1, "put": 2, "total": 3}]}
    server.on("/data/us/options/market_statistics/daily/2019-10-07_daily_options", Reply(json.dumps(document).encode()))
    archive = b"Cboe data is compiled for convenience\r\nDATE,CALL,PUT,TOTAL,P/C Ratio\r\n11/1/2006,1,2,3,0.5\r\n"
    for name in ("totalpc", "equitypc"):
        server.on(f"/resources/options/volume_and_call_put_ratios/{name}.csv", Reply(archive))
    server.on("/resources/options/volume_and_call_put_ratios/indexpc.csv", Reply(b"a,b\n"))
    assert states(Cboe(server.base), polite, asked(date(2019, 10, 4), date(2019, 10, 8))) == {
        "totalpc.csv": "fetched",
        "equitypc.csv": "fetched",
        "indexpc.csv": "failed",
        "2019-10-07_daily_options.json": "fetched",
        "2019-10-08_daily_options.json": "unpublished",
    }


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"{", b'"SUM OF ALL PRODUCTS"', b"[" * 100_000])
def test_a_document_that_is_none_is_not_kept(server, polite, body):
    server.on("/data/us/options/market_statistics/daily/2025-11-05_daily_options", Reply(body))
    (found,) = Cboe(server.base).files(polite, asked(date(2025, 11, 5), date(2025, 11, 5)))
    assert found.state == "failed"


# -- daily bars --------------------------------------------------------------------------------------------------------


def test_stooq_bars_are_read_by_ingest(server, polite, store):
    body = b"Date,Open,High,Low,Close,Volume\r\n2025-11-05,1,2,0.5,1.5,100\r\n"
    server.on("/q/d/l/?s=brk-b.us&d1=20251101&d2=20251107&i=d", Reply(body))
    server.on("/q/d/l/?s=^spx&d1=20251101&d2=20251107&i=d", Reply(body))
    question = asked(date(2025, 11, 1), date(2025, 11, 7), "BRK.B", "^SPX")
    found = states(Stooq(server.base), polite, question)
    assert found == {"brk-b_us_d_20251101_20251107.csv": "fetched", "^spx_d_20251101_20251107.csv": "fetched"}
    outcomes = {outcome.table: outcome for outcome in ingest(store, [polite.folder])}
    assert (outcomes["daily_bars"].stored, outcomes["index_levels"].stored) == (1, 1)
    (part,) = store.parts({"daily_bars": "history"}, store.sessions())
    assert part.tables["daily_bars"]["symbol"].to_list() == ["BRK.B"]
    assert states(Stooq(server.base), polite, question) == dict.fromkeys(found, "present")


def test_stooq_says_in_words_what_it_has_not(server, polite):
    server.on("/q/d/l/", Reply(b"No data"), Reply(b"Exceeded the daily hits limit"))
    none, spent = Stooq(server.base).files(polite, asked(date(2025, 11, 1), date(2025, 11, 7), "NONE", "A"))
    assert (none.state, spent.state, "Exceeded the daily hits limit" in spent.why) == ("unpublished", "failed", True)


@pytest.mark.parametrize("cut", [5, 20])
def test_stooq_bars_that_end_within_a_line_are_not_kept(server, polite, cut):
    body = b"Date,Open,High,Low,Close,Volume\r\n2025-11-04,1,2,0.5,1.5,100\r\n2025-11-05,1,2,0.5,1.5,100\r\n"
    server.on("/q/d/l/", Reply(body[: -cut - 2]))
    (found,) = Stooq(server.base).files(polite, asked(date(2025, 11, 1), date(2025, 11, 7), "A"))
    assert (found.state, "within a line" in found.why) == ("failed", True)


def chart(**more) -> bytes:
    quote = {"open": [1.0, None], "high": [2.0, None], "low": [0.5, None], "close": [1.5, None], "volume": [100, None]}
    result = {"meta": {"exchangeTimezoneName": "America/New_York"}, "timestamp": [1762353000, 1762439400],
              "indicators": {"quote": [quote], "adjclose": [{"adjclose": [1.4, None]}]}} | more  # fmt: skip
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def test_yahoo_charts_become_yahoos_csv(server, polite, store):
    server.on("/v8/finance/chart/BRK-B", Reply(chart()))
    assert states(Yahoo(server.base), polite, asked(date(2025, 11, 5), date(2025, 11, 6), "BRK.B")) == {
        "BRK-B_20251105_20251106.csv": "fetched"
    }
    assert server.paths() == ["/v8/finance/chart/BRK-B?period1=1762300800&period2=1762473600&interval=1d"]
    path = polite.folder / "BRK-B_20251105_20251106.csv"
    assert path.read_text().splitlines() == [
        "Date,Open,High,Low,Close,Adj Close,Volume",
        "2025-11-05,1.0,2.0,0.5,1.5,1.4,100",
        "2025-11-06,null,null,null,null,null,null",
    ]
    (outcome,) = ingest(store, [path], most_rejected=1.0)
    assert (outcome.stored, outcome.rejected) == (1, 1)


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (Reply(b'{"chart": {"result": null}}', 404), "unpublished"),
        (Reply(chart(timestamp=[])), "unpublished"),
        (Reply(b"<html>"), "failed"),
        (Reply(b""), "failed"),
        (Reply(b"[" * 100_000), "failed"),
        (Reply(b'{"chart": {"result": [{}]}}'), "failed"),
        (Reply(chart(timestamp=[1762353000])), "failed"),
        (Reply(chart(meta={"exchangeTimezoneName": "../../etc/passwd"})), "failed"),
    ],
)
def test_yahoo_answers_that_are_none(server, polite, reply, state):
    server.on("/v8/finance/chart/A", reply)
    (found,) = Yahoo(server.base).files(polite, asked(date(2025, 11, 5), date(2025, 11, 6), "A"))
    assert found.state == state
    assert not list(polite.folder.rglob("*.csv*"))


@pytest.mark.parametrize("symbol", ["../../etc/passwd", "A/B", "A&s=x", "", "X" * 30, "A\nB"])
def test_a_symbol_that_is_none_is_refused(server, polite, symbol):
    for source in (Stooq(server.base), Yahoo(server.base)):
        with pytest.raises(BadValue, match="--symbol"):
            list(source.files(polite, asked(date(2025, 11, 5), date(2025, 11, 6), symbol)))
    assert server.seen == []


# -- AkShare -----------------------------------------------------------------------------------------------------------


class Frame(pl.DataFrame):
    """As much of a pandas frame as is used."""

    def to_csv(self, index: bool) -> str:
        assert index is False
        return self.write_csv()


@pytest.fixture
def akshare(monkeypatch) -> types.ModuleType:
    made = types.ModuleType("akshare")
    monkeypatch.setitem(sys.modules, "akshare", made)
    return made


def test_akshare_frames_are_kept_under_its_own_names(akshare, polite, waits):
    calls = []

    def bond_china_yield(start_date, end_date):
        calls.append((start_date, end_date))
        return Frame({"曲线名称": ["中债国债收益率曲线"], "日期": ["2025-11-05"], "10年": [1.8]})

    akshare.bond_china_yield = bond_china_yield
    source = Akshare((CALLS[0],))
    question = asked(date(2024, 1, 1), date(2025, 1, 2))
    found = states(source, polite, question)
    assert calls == [("20240101", "20241225"), ("20241226", "20250102")]  # under a year a call
    assert found == {f"bond_china_yield_{a}_{b}.csv": "fetched" for a, b in calls}
    assert (polite.folder / "bond_china_yield_20240101_20241225.csv").read_text().startswith("曲线名称,日期,10年")
    assert waits == [0.25]
    assert set(states(source, polite, question).values()) == {"present"}
    assert len(calls) == 2


def test_akshare_faults_are_told_one_by_one(akshare, polite):
    tries = []

    def flaky(symbol):
        tries.append(symbol)
        if symbol == "bad" or len(tries) == 1:
            raise KeyError("data\nwith a line")
        return Frame({"日期": ["2025-11-05"]} if symbol != "other" else {"date": ["2025-11-05"]})

    akshare.flaky = flaky
    akshare.empty = lambda date: Frame({"日期": []})
    akshare.none = lambda: None
    calls = (
        Call("flaky", ("日期",), symbols=("good", "bad", "other")),
        Call("empty", ("日期",), days=1),
        Call("none", ()),
    )
    found = {f.name: f for f in Akshare(calls).files(polite, asked(date(2025, 11, 7), date(2025, 11, 9)))}
    assert {name: f.state for name, f in found.items()} == {
        "flaky_good.csv": "fetched",
        "flaky_bad.csv": "failed",
        "flaky_other.csv": "failed",
        "empty_20251107.csv": "unpublished",
        "none.csv": "unpublished",
    }
    assert found["flaky_bad.csv"].why == "flaky: KeyError: 'data\\nwith a line'"
    assert "expected a header with 日期" in found["flaky_other.csv"].why


def test_akshare_days_are_shanghais_sessions_and_todays_may_be_missing(akshare, polite):
    def detail(date):
        if date == "20251009":
            raise KeyError("result")
        return Frame({"日期": [date]})

    akshare.detail = detail
    question = asked(date(2025, 9, 29), date(2025, 10, 31), today=date(2025, 10, 9))
    found = {f.name: f.state for f in Akshare((Call("detail", ("日期",), days=1),)).files(polite, question)}
    assert found == {  # the first week of October is a holiday
        "detail_20250929.csv": "fetched",
        "detail_20250930.csv": "fetched",
        "detail_20251009.csv": "unpublished",
    }


def test_akshare_symbols_go_to_the_functions_that_take_them(akshare, polite):
    calls = []
    akshare.bars = lambda **given: calls.append(given) or Frame({"日期": ["2025-11-07"]})
    akshare.today = lambda: Frame({"item": ["上涨"]})
    stock = Call("bars", ("日期",), days=3650, asked=r"\d{6}", fixed=(("adjust", "hfq"),))
    question = asked(date(2025, 11, 7), date(2025, 11, 9), "600000", "工业4.0")
    source = Akshare((stock, Call("today", ("item",), dated=True)))
    assert list(states(source, polite, question)) == ["bars_hfq_600000_20251107_20251109.csv", "today_20251112.csv"]
    assert calls == [{"adjust": "hfq", "start_date": "20251107", "end_date": "20251109", "symbol": "600000"}]
    for bad in ("../x", "a/b", "", ".hidden"):
        with pytest.raises(BadValue, match="--symbol"):
            list(source.files(polite, asked(date(2025, 11, 7), date(2025, 11, 9), bad)))


def test_akshare_not_installed_is_one_line(monkeypatch, polite):
    monkeypatch.setitem(sys.modules, "akshare", None)
    with pytest.raises(BadValue, match=r"bullbear\[china\]"):
        list(Akshare().files(polite, asked(date(2025, 11, 7), date(2025, 11, 9))))
