"""`bullbear backtest` on a small store: every form of it answers, JSON has the agreed keys, bad input is one line."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cli import app
from feeds.store import Store
from indicators.engine.backtest import _with_absent, asked_backtest
from indicators.views.backtest import backtest_text

KEYS = {
    "name", "horizon", "information_coefficient", "p_value", "p_bh", "p_by", "sharpe", "sortino", "max_drawdown",
    "calmar", "cagr", "volatility", "turnover", "time_in_market", "deflated_sharpe", "verdict", "reason", "readings",
}  # fmt: skip
SERIES = {
    "directional_premium", "insider_ratio", "eps_divergence", "dark_pool_imbalance", "sector_rotation", "gauge",
    "regime",
}  # fmt: skip


def run(*arguments: object):
    return CliRunner().invoke(app, ["backtest", *(str(a) for a in arguments)])


@pytest.fixture(scope="module")
def told(small_db) -> dict:
    result = run("--db", small_db, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_json_has_seven_series_at_four_horizons(told):
    assert {row["name"] for row in told["series"]} == SERIES
    assert [row["horizon"] for row in told["series"]] == [1, 5, 21, 63] * 7
    assert all(set(row) >= KEYS for row in told["series"])
    assert told["family"] == 28
    assert [index["name"] for index in told["indices"]] == ["SPX"] == sorted({row["index"] for row in told["series"]})
    assert told["cadence"] == "session"
    assert "not included" in told["dividends"]
    assert {v["name"] for v in told["verdicts"]} == SERIES
    for row in told["series"]:
        assert (row["p_value"] is None) == bool(row["reason"])
        assert (row["verdict"] == "too short") == (row["p_value"] is None)


def test_text_says_the_same(small_db, told):
    result = run("--db", small_db)
    assert result.exit_code == 0
    for verdict in told["verdicts"]:
        assert f"{verdict['name']}: {verdict['words']}" in result.stdout
    assert "Dividends" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--weights", "golden"), "walk_forward_ic"),
        (("--format", "html", "--audit"), "--audit"),
        (("--format", "csv"), "--format"),
        (("--index", "NDX"), "SPX"),
        (("--index", "SPX", "--sweep"), "--index"),
        (("--lang", "zh"), "--lang"),
        (("--lang", "de", "--format", "html"), "zh-Hant"),
        (("--out", "sheet.png"), ".png"),
        (("--start", "2030-01-01"), "--start"),
        (("--start", "yesterday"), "YYYY-MM-DD"),
        (("--market", "mars"), "--market"),
    ],
)
def test_bad_input_is_one_line(small_db, arguments, says):
    result = run("--db", small_db, *arguments)
    assert result.exit_code == 2
    assert says in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_sweep_tells_what_the_best_rule_is_worth(small_db):
    result = run("--db", small_db, "--sweep")
    assert result.exit_code == 0, result.output
    assert "10,000 rules" in result.stdout
    assert "luck" in result.stdout


@pytest.fixture(scope="module")
def both(small_db):
    """The A-share backtest on both indices."""
    with Store.open(small_db, read_only=True) as store:
        return asked_backtest(store, "china")


@pytest.fixture(scope="module")
def a_shares(both) -> dict:
    return json.loads(backtest_text(both, "json"))


def test_a_shares_are_held_against_both_indices(a_shares):
    assert [index["name"] for index in a_shares["indices"]] == ["000985", "000300"]
    names = {row["name"] for row in a_shares["series"]}
    assert len(names) == 11
    assert [(v["index"], v["name"]) for v in a_shares["verdicts"]] == [
        (index, name)
        for index in ("000985", "000300")
        for name in dict.fromkeys(v["name"] for v in a_shares["verdicts"])
    ]
    assert a_shares["family"] == 44
    assert len(a_shares["series"]) == 88
    assert a_shares["trials"] == 2 * sum(row["sessions"] > 1 for row in a_shares["series"])
    assert a_shares["cadence"] == "week"
    first, second = (
        [row["hold"] for row in a_shares["series"] if row["index"] == index and row["hold"]]
        for index in ("000985", "000300")
    )
    assert first
    assert first != second


def test_one_index_alone_is_its_own_run(small_db, a_shares):
    result = run("--db", small_db, "--market", "china", "--format", "json", "--index", "000300")
    alone = json.loads(result.stdout)
    assert [index["name"] for index in alone["indices"]] == ["000300"]
    assert alone["not_stored"] == []
    for one, of_two in zip(alone["series"], a_shares["series"][44:], strict=True):
        assert {k: v for k, v in one.items() if k != "deflated_sharpe"} == {
            k: v for k, v in of_two.items() if k != "deflated_sharpe"
        }


def test_text_has_a_table_of_each_index(both, a_shares):
    text = backtest_text(both, "text")
    assert "Readings are weekly" in text
    assert text.count("p (BY)") == 2
    assert text.index("000985, ") < text.index("000300, ")
    for verdict in a_shares["verdicts"]:
        assert f"{verdict['name']}: {verdict['words']}" in text
    assert "next session's close" in text  # these tables have no opens


def test_a_series_whose_table_is_empty_says_which(both, small_db):
    day = SimpleNamespace(missing_inputs={"new_equity_funds": ["cn_new_funds"], "gauge": ["never looked at"]})
    bare = [row.model_copy(update={"sessions": 0}) if row.name == "new_equity_funds" else row for row in both.series]
    rows, verdicts = _with_absent(day, bare, both.verdicts)
    assert {row.reason for row in rows if row.name == "new_equity_funds"} == {"no score: cn_new_funds holds nothing"}
    assert [v.words for v in verdicts if v.name == "new_equity_funds"] == ["no score: cn_new_funds holds nothing"] * 2
    assert [row.reason for row in rows if row.name == "gauge"] == [r.reason for r in both.series if r.name == "gauge"]
