"""Shiller's monthly averages: an index of their own, known when the month is over; zeros; old months; both layouts."""

import base64
import zlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.check import BEFORE_CALENDAR
from feeds.ingest import ingest

from .hostile import cells, said_of

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "us" / "index" / "sp500_shiller_monthly.csv"
HEADER = (
    "Date,SP500,Dividend,Earnings,Consumer Price Index,Long Interest Rate,Real Price,Real Dividend,Real Earnings,PE10"
)
REST = ",0.0" * 8
IE_DATA = (
    "c-rk)O-NKx6h8OOn|Y&+I%67XB$t8AOp0(5flfdE;6j;_C?u#i<Ew_5-jg@4s5V(9EhGqBNIx6FO&hCCKU7e=7J^ZWAPBUUt%8CU"
    ">g(Jy?@cr2!hw>C_dV`;_niBkbN}!Ac|9AMn|x3|56jRFK3KBLAW&dqn95uw3|Ma4BJ19Rm~0RK6v~1)kpVwEt(Z~79E$m#2MO-W"
    "FHr(~#B>aXpwG}XzJ}OOZBUtLLmNs4chFJ^b=0bAl1Y;5N!}yoGm?ABa-C!wa_86p%*OhfcRQ>2s1&8LN)T}$k<WXw?1EZ&C06mJ"
    "8!X55!#*>mX8z8C1~~*%fb-U^>6)o#=AZ^Aa0<TJ9N??FQ(th;zP5G-X#ZYpS5~l(OESPP*e7U#k3tA`$f87s4%Jc@V2qB`AT3Pj"
    "w~S<(_o`-Ev$!bdhqKxsPw70`W16a!GITY=JI|j@;8M_&S`<SeO~WM<$JBwT(+6-M-h%<VOf@MyngDde()RE!Ey0J(R8r%qEVoW;"
    "Ts?<jPHEgY$&(o)t7Xf@=})IcxahQ~pj{L~IS5shkI-HUW5XBjetFZIh{ukTWth5>dyZ@oT?ZR33lDUz1osJ&i`q;c+eu!bsGBHX"
    "PqGGg0NxwpwN9pMgg95Jv=QU965htP7UY{SKl=IL<A%{sv2B>2?w-F`GyN_$2~m8m4WhreMxceYuv<3;p2XZcbIzO(B<p@Te}Yoj"
    ">6`65EURD<$|)Pk^$i&k^{$v95krhgPIJdEr%9;!@|q7dIj_m6`SY3|wSZHP@Q@1Xd5*33Q9TpsbtuOb(Ne*bS76G-yiLrVd8Vkz"
    "SH#>%wg_As2%%K^H=`UoBjO2uV1>v5;*Sx(b)vzEtSn<PDL}Re^-Q4=5qi5+4G+c8;0gZ|<>0}C2M-=Rc<|t1^<ebw1@v|(-uwK{"
    "`?uo!*IC50<ozc3Z*d3=ye#}M?F1d~CR`|K{cHd~b7Qep`ndlK1&(0tCZr)j?MRore(|e}74~P<j^W?8g-We|sg!p9;rf37Xo2^E"
)
"""A workbook of the layout of ie_data.xls, packed: 1871.09, 1871.1, 2024.01 and 2024.02 with a price, and a note."""


@pytest.fixture
def monthly(tmp_path: Path):
    def write(rows: list[str], name: str = "sp500.csv", header: str = HEADER) -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def one(store, path: Path, **more):
    (outcome,) = ingest(store, [path], **more)
    return outcome


def levels(store) -> list[dict]:
    (part,) = store.parts({"index_levels": "history"}, store.sessions())
    return part.tables["index_levels"].sort("date").to_dicts()


def test_a_month_is_known_when_it_is_over(store, monthly):
    outcome = one(store, monthly([f"2024-03-01,5100.5{REST}", "2024-04-01,5095.46,1,2,3,4,5,6,7,8"]))
    assert (outcome.stored, outcome.table, outcome.source) == (2, "index_levels", "shiller")
    march, april = levels(store)
    # the 29th was Good Friday: March's last session was the 28th
    assert (march["date"], march["index"], march["close"]) == (date(2024, 3, 28), "SPX_SHILLER", 5100.5)
    assert march["known_at"] == 1711656000_000_000_000  # 16:00 in New York on the 28th
    assert (april["date"], april["open"]) == (date(2024, 4, 30), None)


def test_zero_is_missing_and_earnings_reach_no_estimates(store, monthly):
    outcome = one(store, monthly([f"2024-03-01,0.0{REST}", f"2024-04-01,5095.46{REST}"]), most_rejected=0.5)
    assert (outcome.stored, outcome.rejected) == (1, 1)
    assert "Earnings" in outcome.ignored
    assert store.held_sessions("forward_eps") == []


def test_months_before_the_calendar_are_counted_and_not_held_against_the_file(store, monthly):
    outcome = one(store, monthly([f"1871-{m:02d}-01,4.5{REST}" for m in range(1, 13)] + [f"2024-03-01,5100{REST}"]))
    assert (outcome.error, outcome.read, outcome.stored, outcome.rejected) == (None, 13, 1, 12)
    assert set(store.rejects()["reason"]) == {BEFORE_CALENDAR}


def test_what_is_no_month_is_refused(store, monthly):
    rows = [f"2024-13-01,1{REST}", f"soon,1{REST}", f"9999-01-01,1{REST}", f",1{REST}", f"2024-03-01,=cmd(){REST}"]
    outcome = one(store, monthly([*rows, f"2024-04-01,5095.46{REST}"]), most_rejected=1.0)
    assert (outcome.stored, outcome.rejected) == (1, 5)


def test_no_month_at_all_is_a_reject(store, monthly):
    outcome = one(store, monthly([f",1{REST}"]), most_rejected=1.0)
    assert (outcome.error, outcome.read, outcome.rejected) == (None, 1, 1)


def test_a_missing_column_is_named(store, monthly):
    path = monthly(["2024-03-01,1,2,3"], header="Date,Consumer Price Index,PE10,Real Price")
    assert "missing SP500, Dividend, Earnings, Long Interest Rate" in one(store, path).error


def test_the_workbook_counts_october_right(store, tmp_path):
    path = tmp_path / "ie_data.xls"
    path.write_bytes(zlib.decompress(base64.b85decode(IE_DATA)))
    outcome = one(store, path)
    assert (outcome.read, outcome.stored, outcome.rejected) == (4, 2, 2)
    assert [(row["date"], row["close"]) for row in levels(store)] == [
        (date(2024, 1, 31), 4804.49),
        (date(2024, 2, 29), 5011.96),
    ]
    # 1871.1 is October, not January
    assert [row["raw"].split(",")[0] for row in store.rejects().to_dicts()] == ["1871-09-30", "1871-10-31"]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(cells, min_size=1, max_size=11).map(",".join), max_size=6))
def test_any_cells_are_read_or_refused(tmp_path, scratch, rows):
    path = tmp_path / "fuzz.csv"
    path.write_text("\n".join([HEADER, *rows]), encoding="utf-8", errors="surrogatepass")
    assert "fuzz.csv" in said_of(scratch, "shiller", path)


@pytest.mark.skipif(not REAL.exists(), reason="the real file is not at hand")
def test_the_real_file_is_read_whole(store):
    outcome = one(store, REAL)
    assert (outcome.error, outcome.read, outcome.stored, outcome.rejected) == (None, 1866, 918, 948)
    assert {row["date"]: row["close"] for row in levels(store)}[date(2022, 3, 31)] == 4391.265217391306
