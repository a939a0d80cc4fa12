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
from indicators.engine.run import of_market, registry, rows_of
from indicators.engine.scope import scope

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
    assert {line["name"] for part in ("indicators", "beside") for line in made[part]} == set(of_market("us"))
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


def test_report_as_a_page_by_format_or_ending(small_db, last, tmp_path):
    printed = run("report", "--db", small_db, "--format", "html")
    assert printed.exit_code == run("report", "--db", small_db).exit_code
    run("report", "--db", small_db, "--out", tmp_path / "report.HTML")
    assert (tmp_path / "report.HTML").read_text(encoding="utf-8") == printed.stdout
    assert printed.stdout.startswith("<!doctype html>")
    assert last in printed.stdout
    assert all(f'id="why-{name}"' in printed.stdout for name in of_market("us"))
    weekly = run("report", "--db", small_db, "--market", "china", "--format", "html", "--lang", "zh-Hant").stdout
    assert all(f'id="why-{name}"' in weekly for name in of_market("china"))
    assert 'lang="zh-Hant"' in weekly


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", ["session", "month"])
def test_indicator_as_a_picture(small_db, tmp_path, name, by):
    out = tmp_path / "figure.html"
    assert answer("indicator", name, "--db", small_db, "--by", by, "--out", out) == ""
    page = out.read_text(encoding="utf-8")
    assert f"<title>{f'{registry()[name].title} {registry()[name].chinese}'.strip()}, " in page
    assert "Plotly.newPlot" in page


def test_indicator_of_a_symbol_as_a_picture_beside_its_price(small_db, small_market, tmp_path):
    symbol = small_market.tables()["daily_bars"]["symbol"][0]
    out = tmp_path / "figure.html"
    answer("indicator", "dark_pool_imbalance", "--symbol", symbol, "--db", small_db, "--out", out)
    assert f"{symbol}, daily close" in out.read_text(encoding="utf-8")


def test_premium_by_minute_as_a_picture_and_no_other_split(small_db, tmp_path):
    out = tmp_path / "figure.html"
    assert answer("indicator", "directional_premium", "--by", "minute", "--db", small_db, "--out", out) == ""
    assert "Net option premium by minute" in out.read_text(encoding="utf-8")
    result = run("indicator", "directional_premium", "--split", "legs", "--db", small_db, "--out", out)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "`--by minute` has a picture" in result.stderr


def test_a_format_other_than_text_wins_over_the_ending(small_db, tmp_path):
    out = tmp_path / "readings.html"
    answer("indicator", "short_share", "--db", small_db, "--format", "json", "--out", out)
    assert json.loads(out.read_text())["indicator"] == "short_share"


@pytest.mark.parametrize("name", ["rows.txt", "rows.md", "rows.json", "rows.csv", "rows", "rows.2025-12-31"])
def test_text_is_written_under_any_name_that_is_no_picture(small_db, tmp_path, name):
    out = tmp_path / name
    asked = ("rank", "directional_premium", "--by", "premium", "--floor", "0", "--db", small_db)
    assert answer(*asked, "--out", out) == ""
    assert out.read_text(encoding="utf-8") == answer(*asked)


PREMIUM = ("directional_premium", "--by", "premium")
LISTED, PICTURED = ".txt, .json or .csv", ".html, .png, .svg, .txt, .json or .csv"
NO_PICTURE = [
    (("gauge",), "x.gif", PICTURED),
    (("indicator", "short_share"), "X.JPG", PICTURED),
    (("indicator", "short_share", "--format", "json"), "x.webp", PICTURED),
    (("report",), "x.pdf", ".html, .txt or .json"),
    (("report", "--format", "json"), "x.png", ".html, .txt or .json"),
    (("backtest",), "x.tiff", ".html, .txt or .json"),
    (("rank", *PREMIUM), "x.png", LISTED),
    (("rank", *PREMIUM, "--format", "csv"), "x.gif", LISTED),
    (("unusual",), "x.html", LISTED),
    (("explain", "2025-12-30"), "x.svg", LISTED),
    (("status",), "x.png", ".txt or .json"),
]


@pytest.mark.parametrize(("command", "name", "allowed"), NO_PICTURE, ids=[f"{c[0]} {n}" for c, n, _ in NO_PICTURE])
def test_a_picture_that_a_command_cannot_draw_is_no_file_of_text(small_db, tmp_path, command, name, allowed):
    result = run(*command, "--db", small_db, "--out", tmp_path / name)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("`--out`, was ")
    assert f"expected a name like {allowed}" in line
    assert list(tmp_path.iterdir()) == []


def test_a_bench_is_no_picture(tmp_path):
    result = run("bench", "P0", "--scale", "0.001", "--out", tmp_path / "bench.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected a name like .txt, .md or .json" in result.stderr


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


def test_a_ranking_names_its_session_and_says_why_it_is_empty(small_db, last):
    shown = answer("rank", "directional_premium", "--by", "growth", "--db", small_db, "--floor", "0")
    assert shown.startswith(f"{last}: directional_premium by growth\nrank")
    none = answer("rank", "directional_premium", "--by", "growth", "--db", small_db, "--floor", "1e15", code=1)
    assert none == f"{last}: directional_premium by growth: no rows; the floor of premium is $1e15, --floor lowers it\n"
    made = json.loads(answer("rank", "sector_rotation", "--by", "strength", "--db", small_db, "--format", "json"))
    assert (made["indicator"], made["session"], made["by"]) == ("sector_rotation", last, "strength")


@pytest.mark.parametrize(
    ("name", "by"),
    [("directional_premium", "call_put"), ("directional_premium", "growth"), ("dark_pool_imbalance", "notional")],
)
def test_a_ranking_without_rows_has_its_header(small_db, name, by):
    asked = ("rank", name, "--by", by, "--db", small_db, "--format", "csv", "--floor")
    header, *rows = answer(*asked, "0").splitlines()
    assert rows
    assert answer(*asked, "999999999999", code=1).splitlines() == [header]


def test_an_unknown_symbol_is_said_by_the_screen(small_db):
    text = answer("unusual", "--symbol", "NOSUCH", "--db", small_db, code=1)
    assert "NOSUCH: no option prints in this session" in text


@pytest.mark.parametrize(
    "command",
    [
        ("unusual", "--symbol"),
        ("indicator", "directional_premium", "--symbol"),
        ("indicator", "directional_premium", "--by", "minute", "--symbol"),
        ("indicator", "dark_pool_imbalance", "--symbol"),
        ("explain", "LAST", "directional_premium"),
        ("explain", "LAST", "eps_divergence"),
    ],
    ids=" ".join,
)
def test_a_symbol_in_small_letters_is_told_in_capitals(small_db, small_market, last, command):
    symbol = small_market.tables()["daily_bars"]["symbol"][0]
    asked = [last if word == "LAST" else word for word in command]
    result = run(*asked, symbol.lower(), "--db", small_db)
    assert result.exit_code == 1
    assert f"did you mean {symbol}?" in result.output
    assert "did you mean" not in run(*asked, "NOSUCH", "--db", small_db).output


def test_unusual_orders_in_every_format(small_db, small_market):
    wide = ("--min-premium", "20000", "--max-dte", "400", "--any-moneyness", "--db", small_db)
    made = json.loads(answer("unusual", *wide, "--format", "json"))
    columns = {
        *("time", "contract", "side", "direction", "premium", "size", "volume", "open_interest", "days", "moneyness"),
        *("sweep", "venues", "prints"),
    }
    assert len(made["rows"]) > 3
    assert all(columns <= set(row) and isinstance(row["premium"], str) for row in made["rows"])
    assert {row["side"] for row in made["rows"]} <= {"buy", "sell", "unknown"}
    assert {row["direction"] for row in made["rows"]} <= {"bull", "bear", "unknown"}
    assert made["precision"]["flagged"] >= len(made["rows"])
    assert {ring["symbol"] for ring in made["rings"]} == {"market", *(row["underlying"] for row in made["rows"])}
    listed = list(csv.DictReader(io.StringIO(answer("unusual", *wide, "--format", "csv"))))
    assert [row["contract"] for row in listed] == [row["contract"] for row in made["rows"]]
    text = answer("unusual", *wide)
    assert "precision" in text.splitlines()[-4:][0] + text
    assert made["rows"][0]["contract"] in text
    symbol = made["rows"][0]["underlying"]
    one = json.loads(answer("unusual", *wide, "--symbol", symbol, "--sort", "time", "--format", "json"))["rows"]
    assert one == sorted((row for row in made["rows"] if row["underlying"] == symbol), key=lambda row: row["time"])


def test_no_unusual_order_is_exit_one(small_db):
    text = answer("unusual", "--min-premium", "999999999", "--db", small_db, code=1)
    assert "no order passes the screen" in text
    assert "no precision" in text
    wide = ("--min-premium", "20000", "--max-dte", "400", "--any-moneyness")
    (first, *_) = json.loads(answer("unusual", *wide, "--format", "json", "--db", small_db))["rows"]
    header, *rows = answer("unusual", *wide, "--format", "csv", "--db", small_db).splitlines()
    assert rows
    assert header.split(",") == list(first)
    nothing = answer("unusual", "--min-premium", "999999999", "--format", "csv", "--db", small_db, code=1)
    assert nothing.splitlines() == [header], "a table without rows has its columns all the same"


def test_explain_walks_down_in_every_format(small_db, last):
    walks = [(), ("directional_premium",), ("dark_pool_imbalance",), ("eps_divergence",)]
    for walk in walks:
        rows = json.loads(answer("explain", last, *walk, "--db", small_db, "--format", "json"))["rows"]
        assert rows
        assert all("level" in row and "name" in row for row in rows)
        text = answer("explain", last, *walk, "--db", small_db)
        assert rows[-1]["name"] in text
        assert len(text.splitlines()) == len(rows)
        assert len(
            list(csv.DictReader(io.StringIO(answer("explain", last, *walk, "--db", small_db, "--format", "csv"))))
        )
    rows = json.loads(answer("explain", last, "directional_premium", "--db", small_db, "--format", "json"))["rows"]
    symbol = rows[1]["name"]
    down = json.loads(answer("explain", last, "directional_premium", symbol, "--db", small_db, "--format", "json"))[
        "rows"
    ]
    assert [row["level"] for row in down[:3]] == ["underlying", "order", "print"]
    prints = [row for row in down if row["level"] == "print"]
    assert all(row["line"] > 0 and row["file"] for row in prints)
    assert f"line {prints[0]['line']}" in answer("explain", last, "directional_premium", symbol, "--db", small_db)


@pytest.mark.parametrize("split", ["asset_class", "expiry", "moneyness", "legs", "minute"])
def test_splits_in_every_format(small_db, last, split):
    asked = ("--by", "minute") if split == "minute" else ("--split", split)
    made = json.loads(answer("indicator", "directional_premium", *asked, "--db", small_db, "--format", "json"))
    assert made["split"] == split
    for row in made["readings"]:
        assert row["session"] == last
        assert {split, "value", "coverage", "reason", "components"} <= set(row)
        assert row["reason"]
    rows = list(
        csv.DictReader(
            io.StringIO(answer("indicator", "directional_premium", *asked, "--db", small_db, "--format", "csv"))
        )
    )
    assert len(rows) == len(made["readings"]) > 1
    assert made["readings"][0][split] in answer("indicator", "directional_premium", *asked, "--db", small_db)


def test_what_unusual_measures_is_kept_for_the_next_time(tmp_path, small_db):
    import shutil

    db = tmp_path / "own.duckdb"
    shutil.copy(small_db, db)
    run("unusual", "--db", db)
    with Store.open(db, read_only=True) as store:
        covered = scope(store, ["option_trades"])
        rows_of(store, registry()["directional_premium"](), covered)
        assert not store.scanned


def test_gauge_history(small_db):
    for kind in ("text", "json", "csv"):
        result = run("gauge", "--db", small_db, "--format", kind)
        assert result.exit_code in (0, 1)
        assert result.stdout


def test_gauge_as_a_picture(small_db, last, tmp_path):
    out = tmp_path / "gauge.html"
    result = run("gauge", "--db", small_db, "--out", out)
    assert (result.exit_code, result.stdout) == (run("gauge", "--db", small_db).exit_code, "")
    assert f"Bull/bear gauge, US, {last}" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [("gauge",), ("indicator", "short_share")])
def test_an_image_without_a_browser_is_one_clear_line(small_db, tmp_path, monkeypatch, command):
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-such-browser"))
    result = run(*command, "--db", small_db, "--out", tmp_path / "figure.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.strip().splitlines()) == 1
    assert "or write .html" in result.stderr


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
    "a picture in no folder": (("gauge", "--db", "SMALL", "--out", "/nonexistent/x.html"), 2, "cannot be written"),
    "a report as an image": (("report", "--db", "SMALL", "--out", "x.png"), 2, "a name like .html, .txt or .json"),
    "unknown symbol": (("indicator", "directional_premium", "--symbol", "NOSUCH", "--db", "SMALL"), 1, "NOSUCH"),
    "bad premium": (("unusual", "--min-premium", "much", "--db", "SMALL"), 2, "--min-premium"),
    "unknown sort": (("unusual", "--sort", "colour", "--db", "SMALL"), 2, "premium"),
    "unknown side": (("unusual", "--side", "bought", "--db", "SMALL"), 2, "unknown"),
    "unusual on no session": (("unusual", "--date", "2025-12-25", "--db", "SMALL"), 2, "no session of XNYS"),
    "unknown split": (("indicator", "directional_premium", "--split", "strike", "--db", "SMALL"), 2, "moneyness"),
    "no split": (("indicator", "insider_ratio", "--split", "expiry", "--db", "SMALL"), 2, "only directional_premium"),
    "split by month": (
        ("indicator", "directional_premium", "--split", "expiry", "--by", "month", "--db", "SMALL"), 2, "--by"),
    "unknown period": (("indicator", "directional_premium", "--by", "decade", "--db", "SMALL"), 2, "minute"),
    "explain nothing": (("explain", "2025-12-30", "nothing", "--db", "SMALL"), 2, "no such name"),
    "explain no date": (("explain", "today", "--db", "SMALL"), 2, "YYYY-MM-DD"),
    "explain no session": (("explain", "2025-12-25", "--db", "SMALL"), 2, "no session of XNYS"),
    "explain a stranger": (("explain", "2025-12-30", "directional_premium", "NOSUCH", "--db", "SMALL"), 1, "NOSUCH"),
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
