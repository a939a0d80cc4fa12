"""Equal answers before times, contenders in turn, targets as ratios."""

import polars as pl
import pytest

from indicators.engine.bench.clock import DifferentAnswer, Target, equal_answers, held_to, interleaved, timed

ANSWER = pl.DataFrame({"session": [1, 2], "bull": [10, 20]})


def test_one_micro_dollar_is_a_different_answer():
    with pytest.raises(DifferentAnswer, match=r"peer and ours differ: \(2, 21\) against \(2, 20\)"):
        equal_answers({"ours": lambda: ANSWER, "peer": lambda: ANSWER.with_columns(bull=pl.Series([10, 21]))})


def test_a_float_sum_is_a_different_answer():
    with pytest.raises(DifferentAnswer):
        equal_answers({"ours": lambda: ANSWER, "peer": lambda: ANSWER.cast({"bull": pl.Float64})})


def test_a_contender_without_an_answer_is_timed_all_the_same():
    result = timed("x", {"ours": lambda: ANSWER, "scan": lambda: None}, Target(""), rounds=1)
    assert result.met is None
    assert result.peers["scan"].ratio == result.peers["scan"].seconds / result.seconds


def test_contenders_run_in_turn():
    ran: list[str] = []
    interleaved({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, rounds=2)
    assert ran == ["a", "b", "a", "b"]


@pytest.mark.parametrize(("scan", "duckdb", "met"), [(0.5, 3.0, True), (0.49, 3.0, False), (0.5, 2.9, False)])
def test_a_target_is_met_when_every_ratio_is(scan, duckdb, met):
    target = Target("≤ 2× scan; ≥ 3× DuckDB", {"scan": 1 / 2, "duckdb": 3})
    assert held_to("x", {"ours": 1.0, "scan": scan, "duckdb": duckdb}, target).met is met
