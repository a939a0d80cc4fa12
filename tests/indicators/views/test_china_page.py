"""The weekly A-share page: the broker's order, changes in per cent, bands and warnings, names in both languages."""

import json
import re

import pytest
from typer.testing import CliRunner

from cli import app
from indicators.engine.run import of_market


def run(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def page(small_db) -> str:
    result = run("report", "--market", "china", "--db", small_db)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def made(small_db) -> dict:
    return json.loads(run("report", "--market", "china", "--db", small_db, "--format", "json").stdout)


def test_the_pillars_stand_in_the_brokers_order(page):
    places = [page.index(f"\n{name}") for name in ("Valuation 估值", "Sentiment 情绪", "Structure 结构", "Funds 资金")]
    assert places == sorted(places)
    for indicator in of_market("china").values():
        assert f"{indicator.title} {indicator.chinese}" in page
        assert f"[formula: {indicator.verdict}" in page
    assert page.startswith("A-share weekly · week 1 of 2026 · session 2025-12-31")


def test_times_are_beijings_and_counts_are_whole(page, made, small_db):
    assert made["as_of"].endswith(("Z", "+00:00"))
    assert re.search(r"as of 2025-12-31 1[5-8]:00 Beijing time", page)
    assert "UTC" not in page
    assert re.search(r" \d+ industries +[+-]\d+ ", page)
    assert ".00 industries" not in page
    html = run("report", "--market", "china", "--db", small_db, "--format", "html").stdout
    assert "UTC" not in html.split('id="why"')[0]
    assert ".00 industries" not in html
    zh = run("report", "--market", "china", "--db", small_db, "--lang", "zh").stdout
    assert "截至 北京时间2025-12-31" in zh


def test_each_line_has_value_change_band_and_meaning(made):
    assert made["market"] == "china"
    lines = {line["name"]: line for line in made["indicators"]}
    assert list(lines) == list(of_market("china"))
    for line in lines.values():
        assert line["value"] is not None, line["name"]
        assert line["change"] is not None
        assert line["meaning"]
    assert lines["equity_bond_spread"]["flag"] == f"{lines['equity_bond_spread']['components']['band']} σ"
    assert lines["rotation_strength"]["flag"] in ("above 40", "below 40")
    turnover = lines["turnover_to_peak"]
    before = turnover["value"] - turnover["change"]
    assert turnover["change_percent"] == pytest.approx(100 * (turnover["value"] / before - 1))
    assert lines["margin_flow"]["change_percent"] is None
    assert lines["margin_flow"]["reasons"]["change_percent"]
    assert made["gauge"]["parts_total"] == 9
    assert set(made["gauge"]["contributions"]) <= {n for n, i in of_market("china").items() if i.weighed} | {"clip"}


def test_a_change_of_an_index_is_a_percentage_of_it(made, page):
    turnover = next(line for line in made["indicators"] if line["name"] == "turnover_to_peak")
    assert f"{turnover['change_percent']:+.1f} %" in page


SAID = {"zh": ("估值", "环比", "股债收益差", "A股周报"), "zh-Hant": ("估值", "環比", "股債收益差", "A股週報")}


@pytest.mark.parametrize(("lang", "said"), SAID.items())
def test_the_page_in_chinese(small_db, lang, said):
    text = run("report", "--market", "china", "--db", small_db, "--lang", lang).stdout
    for words in said:
        assert words in text
    assert "Equity-bond" not in text
    us = run("report", "--db", small_db, "--lang", lang).stdout
    assert "暗池" in us
    assert "Dark-pool" not in us


def test_an_unknown_language_is_one_clear_line(small_db):
    result = run("report", "--db", small_db, "--lang", "de")
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("`--lang`, was 'de': no such name")
    assert line.endswith("Known: en, zh, zh-Hant")


def test_the_gauge_has_a_history(small_db):
    readings = json.loads(run("gauge", "--market", "china", "--db", small_db, "--format", "json").stdout)["readings"]
    levels = [r["level"] for r in readings if r["level"] is not None]
    assert len(levels) > 500
    assert {r["zone"] for r in readings} > {"insufficient", "neutral"}
