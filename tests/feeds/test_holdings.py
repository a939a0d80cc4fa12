"""Index funds' holdings: members with weights, known the session after, as iShares and SSGA publish them."""

from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.ingest import ingest

from .hostile import cells, said_of

BANNER = 'iShares Core S&P 500 ETF\nFund Holdings as of,"Nov 07, 2025"\nStock,"-"\n\u00a0\n'
HEADER = "Ticker,Name,Sector,Asset Class,Market Value,Weight (%)\n"
ROWS = (
    '"AAPL","APPLE INC","Information Technology","Equity","1,500.00","7.10"\n'
    '"BRKB","BERKSHIRE","Financials","Equity","700.00","1.65"\n'
    '"USD","USD CASH","Cash and/or Derivatives","Cash","5.00","0.02"\n'
    '"ESZ5","S&P500 EMINI DEC 25","Cash and/or Derivatives","Futures","0.00","0.00"\n'
)
LEGAL = '\u00a0\n"The content contained herein is owned or licensed by BlackRock, Inc."\n'


@pytest.fixture
def fund(tmp_path: Path):
    def write(text: str, name: str = "IVV_holdings.csv") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def one(store, path: Path, **more):
    (outcome,) = ingest(store, [path], **more)
    return outcome


def members(store) -> list[tuple]:
    (part,) = store.parts({"index_members": "history"}, store.sessions())
    return part.tables["index_members"].sort("symbol").select("date", "index", "symbol", "weight", "assumed").rows()


def test_stocks_with_weights_on_the_session_after(store, fund):
    outcome = one(store, fund(BANNER + HEADER + ROWS + LEGAL))
    assert (outcome.error, outcome.stored, outcome.rejected) == (None, 2, 0)
    assert "rows of cash and futures" in outcome.ignored
    # as of a Friday's close, published on Monday: the fund is not the index, so both are assumed
    assert members(store) == [
        (date(2025, 11, 10), "SPX", "AAPL", 0.071, "index, weight"),
        (date(2025, 11, 10), "SPX", "BRK.B", 0.0165, "index, weight"),
    ]


def test_another_fund_keeps_its_name(store, fund):
    assert one(store, fund(BANNER + HEADER + ROWS, "IWM_holdings (1).csv")).assumed is None
    assert {row[1] for row in members(store)} == {"IWM"}


def ssga(path: Path, rows) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet("holdings")
        for at, row in enumerate(rows):
            page.write_row(at, 0, row)
    return path


SSGA = [
    ("Fund Name:", "SPDR S&P 500 ETF Trust"), ("Ticker Symbol:", "SPY"), ("Holdings:", "As of 07-Nov-2025"), (),
    ("Name", "Ticker", "Identifier", "SEDOL", "Weight", "Sector", "Shares Held", "Local Currency"),
    ("NVIDIA CORP", "NVDA", "67066G104", "2379504", 7.95, "-", 292.0, "USD"),
    ("US DOLLAR", "-", "CASH_USD", "-", 0.01, "-", 5.0, "USD"), (), ("Past performance is no guarantee",),
]  # fmt: skip


def test_ssgas_workbook(store, tmp_path):
    assert one(store, ssga(tmp_path / "holdings-daily-us-en-spy.xlsx", SSGA)).stored == 1
    assert members(store) == [(date(2025, 11, 10), "SPX", "NVDA", 0.0795, "index, weight")]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (BANNER + HEADER.replace("Weight (%)", "Share") + ROWS, "IVV_h.csv", "missing Weight (%)"),
        (BANNER.replace("Nov 07, 2025", "soon") + HEADER + ROWS, "IVV_h.csv", "expected the day of the holdings"),
        (BANNER + ROWS, "IVV_h.csv", "expected a row of column names"),
        (BANNER + HEADER + LEGAL, "IVV_h.csv", "expected stocks below"),
        (BANNER + HEADER + ROWS, "1234.csv", "expected the fund's ticker"),
    ],
)
def test_what_is_missing_is_named(store, fund, text, name, said):
    error = one(store, fund(text, name)).error
    assert said in error
    assert name in error


def test_hostile_cells_are_rejects(store, fund):
    rows = ROWS.replace('"7.10"', '"=cmd()"').replace('"BRKB"', f'"{"X" * 10_000}"')
    rows += '"T","<script>","-","Equity","1","1.0"\n"V","VISA","-","Equity"\n'
    outcome = one(store, fund(BANNER + HEADER + rows), most_rejected=1.0)
    assert (outcome.read, outcome.stored, outcome.rejected) == (4, 1, 3)
    assert set(store.rejects()["record"]) == {6, 7, 11}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(cells, min_size=1, max_size=8).map(",".join), max_size=6), st.booleans())
def test_any_cells_are_read_or_refused(tmp_path, scratch, rows, headed):
    path = tmp_path / "IVV_fuzz.csv"
    path.write_text(BANNER + (HEADER if headed else "") + "\n".join(rows), encoding="utf-8", errors="surrogatepass")
    assert path.name in said_of(scratch, "holdings", path)
