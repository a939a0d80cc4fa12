"""The error band against the truth of the demo market, whose errors are shared inside parent orders."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from math import sqrt

import numpy as np
import polars as pl
import pytest

from feeds.check import check
from feeds.demo import SEED, SESSIONS, true_sides
from feeds.schema import MICRO, TABLES, Part
from feeds.store import Store
from feeds.synthetic import market
from indicators.engine.indicator import Reading
from indicators.engine.prints import signed_prints
from indicators.engine.run import compute
from indicators.kernels.band import Stratum, error_band
from indicators.us.directional_premium import DirectionalPremium
from seeds.side_accuracy import PROFILES, option_accuracy, venue_profiles

TAPES = {"option_trades": "session", "option_quotes": "session"}


@dataclass(frozen=True)
class Seen:
    """Readings of the demo market by session and month, and the signed prints of each session with their truth."""

    daily: list[Reading]
    monthly: list[Reading]
    prints: dict[date, pl.DataFrame]


@pytest.fixture(scope="module")
def demo() -> Seen:
    made = market(seed=SEED, sessions=SESSIONS)
    truth = true_sides(made)
    tapes = [made.tape(day) for day in made.sessions.dates]
    asked = DirectionalPremium()
    with Store.memory() as store:
        calendar = store.calendar()
        for name in TAPES:
            frame = pl.concat([tape[name] for tape in tapes])
            numbered = frame.with_columns(record=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
            good = check(numbered, TABLES[name], calendar, scaled=True).good
            store.append(TABLES[name], "synthetic", name, name, [good])
        parts: list[Part] = list(store.parts(TAPES, made.sessions))
        rows = compute(asked, parts)
        prints = {part.session: with_truth(signed_prints(part, asked), truth) for part in parts if part.session}
    months = asked.value(rows, made.sessions, period="month")
    return Seen(asked.value(rows, made.sessions), months, prints)


def with_truth(prints: pl.DataFrame, truth: np.ndarray) -> pl.DataFrame:
    """The prints that carry a sign, with dollars and the direction that they truly have."""
    true = pl.Series(truth[prints["record"].to_numpy() - 1])
    up = pl.when(pl.col("right") == "C").then(1).otherwise(-1)
    return prints.with_columns(dollars=pl.col("premium") / MICRO, true=true * up).filter(
        ~pl.col("excluded") & (pl.col("direction") != 0)
    )


def true_imbalance(signed: pl.DataFrame) -> float:
    return signed.select((pl.col("dollars") * pl.col("true")).sum() / pl.col("dollars").sum()).item()


def strata(signed: pl.DataFrame, together: bool) -> list[Stratum]:
    """Sums by asset class, venue profile and rule; squares of whole parents, or of prints as if each were alone."""
    c = pl.col
    profiles = {venue: PROFILES[venue_profiles().get(venue, 0)] for venue in signed["venue"].unique()}
    sizes = pl.when(c.bid_size.is_null()).then(pl.lit("quote_rev_tick")).otherwise(pl.lit("gsu"))
    order = c.parent if together else c.row
    keys = ("asset_class", "profile", "rule")
    sums = (
        signed.with_row_index("row")
        .with_columns(
            profile=c.venue.replace_strict(profiles),
            rule=pl.when(c.bid.is_null()).then(pl.lit("rev_tick")).otherwise(sizes),
            net=c.dollars * c.direction,
        )
        .with_columns(
            square=c.net.sum().over(order) ** 2, largest=c.row == c.row.sort_by(-c.dollars).first().over(order)
        )
        .group_by(keys)
        .agg(
            bought=c.dollars.filter(c.direction > 0).sum(),
            sold=c.dollars.filter(c.direction < 0).sum(),
            squares=c.square.filter(c.largest).sum(),
        )
        .sort(keys)
    )
    found = []
    for asset_class, profile, rule, bought, sold, squares in sums.iter_rows():
        accuracy = option_accuracy(asset_class, profile, rule)
        found.append(Stratum(bought, sold, round(squares), accuracy.p, accuracy.se))
    return found


def covered(bands: dict[date, tuple[float, float]], prints: dict[date, pl.DataFrame]) -> tuple[int, int]:
    inside = [low <= true_imbalance(prints[day]) <= high for day, (low, high) in bands.items()]
    return sum(inside), len(inside)


def within_binomial_error(hits: int, trials: int) -> bool:
    """Whether hits are what 95 % would give, two-sided at 95 %."""
    return abs(hits - 0.95 * trials) <= 1.96 * sqrt(0.95 * 0.05 * trials)


def test_the_band_covers_the_true_imbalance_of_95_sessions_in_a_hundred(demo):
    bands = {r.session: (r.low, r.high) for r in demo.daily if r.low is not None and r.high is not None}
    assert len(bands) == SESSIONS
    hits, trials = covered(bands, demo.prints)
    assert within_binomial_error(hits, trials), (hits, trials)


def test_a_band_that_takes_prints_as_independent_does_not(demo):
    """Same strata, same accuracies; the squares of single prints in the place of the parents'."""
    bands = {}
    for together in (True, False):
        found = {day: error_band(strata(signed, together)) for day, signed in demo.prints.items()}
        bands[together] = {day: (band.low, band.high) for day, band in found.items()}
    for reading in demo.daily:
        assert bands[True][reading.session] == pytest.approx((reading.low, reading.high), abs=1e-3)
    hits, trials = covered(bands[False], demo.prints)
    assert not within_binomial_error(hits, trials), (hits, trials)
    assert hits < 0.95 * trials


def test_a_month_sums_and_then_divides_which_is_no_mean_of_its_days(demo):
    days: dict[str, list[Reading]] = defaultdict(list)
    for reading in demo.daily:
        days[f"{reading.session:%Y-%m}"].append(reading)
    assert len(demo.monthly) == len(days) >= 12
    for month in demo.monthly:
        own = days[month.month]
        bull, bear = (sum(r.components[name] for r in own) for name in ("bull", "bear"))
        assert month.components["ratio"] == pytest.approx(float(bull / bear))
        assert month.value == pytest.approx(float((bull - bear) / (bull + bear)))
        assert abs(month.components["ratio"] - np.mean([r.components["ratio"] for r in own])) > 1e-3
        assert abs(month.value - np.mean([r.value for r in own])) > 1e-5
