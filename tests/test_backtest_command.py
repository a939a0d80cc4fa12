"""`bullbear backtest` on a small store: every form of it answers, JSON has the agreed keys, bad input is one line."""

import json

import pytest
from typer.testing import CliRunner

from cli import app

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
        (("--format", "html"), "--format"),
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
