"""Every command answers, and bad input is one clear line with the documented exit code."""

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import feeds.demo
import indicators.engine.accuracy
from cli import app
from feeds.store import LAYOUT, Store
from indicators.engine.run import of_market, registry

NAMES = sorted(registry())


def run(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def answer(*arguments: object, code: int = 0) -> str:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture(scope="module")
def last(small_market) -> str:
    return small_market.sessions.dates[-1].isoformat()


def test_every_command_has_help():
    for command in app.registered_commands:
        assert "Usage" in answer(command.name or command.callback.__name__, "--help")


def test_report_text_and_json(small_db, last):
    result = run("report", "--db", small_db)
    assert result.exit_code in (0, 1)
    assert last in result.stdout
    made = json.loads(run("report", "--db", small_db, "--format", "json").stdout)
    assert made["session"] == last
    assert {"market", "as_of", "gauge", "regime", "indicators", "notices", "version", "input_hash"} <= set(made)
    assert {line["name"] for line in made["indicators"]} == set(of_market("us"))
    gauge = made["gauge"]
    assert gauge["parts_total"] == 5
    if gauge["level"] is None:
        assert (gauge["zone"], result.exit_code) == ("insufficient", 1)
        assert gauge["reason"]
    else:
        from decimal import Decimal

        total = sum(Decimal(str(points)) for points in gauge["contributions"].values())
        assert Decimal(str(gauge["level"])) - 50 == total


def test_report_is_the_same_bytes_twice(small_db):
    first, second = (run("report", "--db", small_db, "--format", "json").stdout for _ in range(2))
    assert first == second


def test_report_writes_a_file(small_db, tmp_path):
    run("report", "--db", small_db, "--format", "json", "--out", tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["market"] == "us"


def test_report_on_demo_needs_no_files(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(feeds.demo, "SESSIONS", 8)
    first = run("report", "--demo")
    assert first.exit_code in (0, 1), first.output
    assert "directional" in first.stdout.lower()
    assert run("report", "--demo").stdout == first.stdout


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", ["session", "month"])
def test_indicator_in_every_format(small_db, name, by):
    assert answer("indicator", name, "--db", small_db, "--by", by)
    made = json.loads(answer("indicator", name, "--db", small_db, "--by", by, "--format", "json"))
    assert made["indicator"] == name
    assert {
        "session" if by == "session" else "month",
        "value",
        "score",
        "coverage",
        "low",
        "high",
        "reason",
        "components",
    } <= set(made["readings"][0])
    rows = list(csv.DictReader(io.StringIO(answer("indicator", name, "--db", small_db, "--by", by, "--format", "csv"))))
    assert len(rows) == len(made["readings"])


def test_range_of_sessions_is_inclusive_and_scores_do_not_depend_on_it(small_db, small_market):
    a, b = small_market.sessions.dates[-5], small_market.sessions.dates[-2]
    whole = json.loads(answer("indicator", "directional_premium", "--db", small_db, "--format", "json"))["readings"]
    some = json.loads(
        answer("indicator", "directional_premium", "--db", small_db, "--format", "json", "--start", a, "--end", b)
    )["readings"]
    assert [r["session"] for r in some] == [d.isoformat() for d in small_market.sessions.dates[-5:-1]]
    assert some == [r for r in whole if a.isoformat() <= r["session"] <= b.isoformat()]


def test_money_is_a_string_and_everything_else_a_number(small_db):
    made = json.loads(answer("indicator", "directional_premium", "--db", small_db, "--format", "json"))
    components = made["readings"][-1]["components"]
    assert isinstance(components["bull"], str)
    assert "e" not in components["bull"].lower()
    assert isinstance(components["imbalance"], float)


@pytest.mark.parametrize(
    ("name", "by"),
    [("directional_premium", by) for by in ("call_put", "imbalance", "growth", "premium")]
    + [("dark_pool_imbalance", by) for by in ("imbalance", "notional")]
    + [("insider_ratio", by) for by in ("net", "streak")]
    + [("sector_rotation", "strength")],
)
def test_rankings(small_db, name, by):
    rows = json.loads(answer("rank", name, "--by", by, "--db", small_db, "--format", "json", "--floor", "0"))["rows"]
    assert rows
    assert (
        len(
            json.loads(
                answer("rank", name, "--by", by, "--db", small_db, "--format", "json", "--floor", "0", "--top", "2")
            )["rows"]
        )
        <= 2
    )


def test_gauge_history(small_db):
    for kind in ("text", "json", "csv"):
        result = run("gauge", "--db", small_db, "--format", kind)
        assert result.exit_code in (0, 1)
        assert result.stdout


def test_status(small_db):
    assert "option_trades" in answer("status", "--db", small_db)
    tables = json.loads(answer("status", "--db", small_db, "--format", "json"))["tables"]
    assert {"table", "rows", "first", "last", "gaps", "rejected", "state"} <= set(tables[0])


def test_demo_files_are_ingested_to_the_same_readings(tmp_path):
    answer("demo", "--out", tmp_path / "files", "--seed", "3", "--sessions", "5")
    assert len(list((tmp_path / "files" / "truth").rglob("option_trades.parquet"))) == 5
    db = tmp_path / "m.duckdb"
    said = answer("ingest", tmp_path / "files", "--db", db)
    assert "0 rejected" in said
    from feeds.synthetic import market

    with Store.open(tmp_path / "direct.duckdb") as store:
        feeds.demo.fill(store, market(seed=3, sessions=5))
    options = ("indicator", "directional_premium", "--format", "json", "--db")
    assert answer(*options, db) == answer(*options, tmp_path / "direct.duckdb")


def test_demo_measures_the_rules_against_the_truth(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for module in (feeds.demo, indicators.engine.accuracy):
        monkeypatch.setattr(module, "SESSIONS", 8)
    lines = answer("demo", "--accuracy").splitlines()
    rules = {tuple(line.split()[:2]): line.split() for line in lines[1:]}
    assert set(rules) == {
        (rule, profile) for rule in indicators.engine.accuracy.MEASURED for profile in ("ise", "cboe")
    }
    for cells in rules.values():
        assert abs(float(cells[4]) - float(cells[5])) < 0.03  # 8 sessions: 9,000 prints a venue


def test_ingest_reports_and_returns_two_when_a_file_fails(tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("date,index,close\n2025-11-05,SPX,6800\n")
    bad.write_text("x\n1\n")
    db = tmp_path / "m.duckdb"
    result = run("ingest", good, bad, "--table", "index_levels", "--db", db)
    assert result.exit_code == 2
    assert "1 read = 1 stored + 0 duplicates + 0 rejected" in result.stdout
    assert len(result.stderr.strip().splitlines()) == 1
    assert "missing date" in result.stderr


def test_ingest_lists_its_sources():
    listing = answer("ingest", "--list")
    assert "lean" in listing
    assert "option_trades" in listing


@pytest.fixture
def newer_db(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "newer.duckdb") as store:
        store._db.execute("UPDATE ledger.store SET version = ?", [LAYOUT + 1])
    return tmp_path / "newer.duckdb"


@pytest.fixture
def rubbish_db(tmp_path: Path) -> Path:
    (tmp_path / "rubbish.duckdb").write_bytes(b"rubbish" * 5000)
    return tmp_path / "rubbish.duckdb"


BAD = {
    "unknown indicator": (("indicator", "dark_pool", "--db", "SMALL"), 2, "did you mean dark_pool_imbalance"),
    "unknown parameter": (("indicator", "eps_divergence", "-p", "lookbak=3", "--db", "SMALL"), 2, "lookback"),
    "bad parameter": (("indicator", "eps_divergence", "-p", "lookback=x", "--db", "SMALL"), 2, "lookback"),
    "unknown key": (("rank", "directional_premium", "--by", "size", "--db", "SMALL"), 2, "call_put"),
    "unknown market": (("report", "--market", "mars", "--db", "SMALL"), 2, "us"),
    "unknown format": (("report", "--format", "xml", "--db", "SMALL"), 2, "json"),
    "date in the future": (("report", "--date", "2027-06-01", "--db", "SMALL"), 2, "beyond the last stored session"),
    "no session": (("report", "--date", "2025-12-25", "--db", "SMALL"), 2, "no session of XNYS"),
    "no date": (("report", "--date", "yesterday", "--db", "SMALL"), 2, "YYYY-MM-DD"),
    "before everything": (("report", "--date", "1999-12-31", "--db", "SMALL"), 1, "before the first stored session"),
    "swapped range": (
        ("indicator", "eps_divergence", "--start", "2025-12-31", "--end", "2025-12-01", "--db", "SMALL"), 2, "after"),
    "as-of without zone": (("report", "--as-of", "2025-12-31T16:00:00", "--db", "SMALL"), 2, "offset or Z"),
    "no database": (("report", "--db", "nowhere.duckdb"), 2, "bullbear ingest"),
    "rubbish": (("report", "--db", "RUBBISH"), 2, "not a database of bullbear"),
    "newer": (("status", "--db", "NEWER"), 2, "newer version"),
    "unwritable": (("status", "--db", "SMALL", "--out", "/nonexistent/x.txt"), 2, "cannot be written"),
    "unknown symbol": (("indicator", "directional_premium", "--symbol", "NOSUCH", "--db", "SMALL"), 1, "NOSUCH"),
    "nothing to ingest": (("ingest", "--db", "NEW"), 2, "PATH"),
    "unknown table": (("ingest", "x.csv", "--table", "trades", "--db", "NEW"), 2, "option_trades"),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_is_one_clear_line(case, small_db, newer_db, rubbish_db, tmp_path):
    arguments, code, said = BAD[case]
    places = {"SMALL": small_db, "NEWER": newer_db, "RUBBISH": rubbish_db, "NEW": tmp_path / "new.duckdb"}
    result = run(*(places.get(a, a) for a in arguments))
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert said in lines[0]
    assert "Traceback" not in result.output
