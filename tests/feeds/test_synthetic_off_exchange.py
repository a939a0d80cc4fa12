"""The synthetic market's short volume and weekly venues: within the bars, and leaning only where linked."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from feeds.synthetic import Links, Market, market


@pytest.fixture(scope="module")
def made() -> Market:
    return market(seed=5, sessions=3, symbols=12, history=500)


@pytest.fixture(scope="module")
def tables(made: Market) -> dict[str, pl.DataFrame]:
    return made.tables()


def test_short_volume_fits_into_the_bars(made: Market, tables: dict[str, pl.DataFrame]) -> None:
    short = tables["short_volume"]
    assert short.select("date", "symbol", "facility").is_duplicated().sum() == 0
    assert (short["short_exempt_volume"] <= short["short_volume"]).all()
    assert (short["short_volume"] <= short["total_volume"]).all()
    for name in ("short_volume", "short_exempt_volume", "total_volume"):
        assert (short[name] == short[name].floor()).all()
    summed = short.group_by("date", "symbol").agg(pl.col("total_volume").sum())
    both = tables["daily_bars"].join(summed, on=["date", "symbol"], how="full", coalesce=True)
    assert both["total_volume"].null_count() == 0
    share = both["total_volume"] / both["volume"]
    assert share.max() < 0.81
    assert 0.38 < share.mean() < 0.46
    assert set(short["facility"]) == {"Q", "N"}


def gap(of: Market) -> tuple[float, float]:
    """Mean short share in bull less in bear sessions, and its standard error."""
    daily = (
        of.tables()["short_volume"].group_by("date").agg(pl.col("short_volume").sum() / pl.col("total_volume").sum())
    ).sort("date")
    share, state = daily["short_volume"].to_numpy(), of.daily.state
    bull, bear = share[state > 0], share[state < 0]
    return bull.mean() - bear.mean(), float(np.hypot(bull.std() / len(bull) ** 0.5, bear.std() / len(bear) ** 0.5))


def test_the_short_share_follows_the_state_only_where_it_is_linked(made: Market) -> None:
    linked, by = gap(made)
    assert linked > 10 * by
    unlinked, by = gap(market(seed=5, sessions=3, symbols=12, history=500, links=Links.none()))
    assert abs(unlinked) < 3 * by


def test_the_link_changes_nothing_else(made: Market, tables: dict[str, pl.DataFrame]) -> None:
    other = market(seed=5, sessions=3, symbols=12, history=500, links=Links(short_sales=0.0))
    changed = {name for name, frame in other.tables().items() if not frame.equals(tables[name], null_equal=True)}
    assert changed == {"short_volume"}
    for day in made.sessions.dates:
        for name, frame in other.tape(day).items():
            assert frame.equals(made.tape(day)[name], null_equal=True)


def test_weekly_venues_fit_into_the_weeks_and_come_three_weeks_later(
    made: Market, tables: dict[str, pl.DataFrame]
) -> None:
    weekly = tables["ats_weekly"]
    assert weekly.select("week_start", "symbol", "venue", "published").is_duplicated().sum() == 0
    assert (weekly["week_start"].dt.weekday() == 1).all()
    assert (weekly["published"] - weekly["week_start"] == timedelta(days=21)).all()
    assert weekly["published"].max() < made.sessions.dates[-1]
    volume = (
        tables["daily_bars"].group_by("symbol", week_start=pl.col("date").dt.truncate("1w")).agg(pl.col("volume").sum())
    )
    summed = weekly.group_by("week_start", "symbol").agg(pl.col("shares").sum())
    both = summed.join(volume, on=["week_start", "symbol"], how="left")
    assert both["volume"].null_count() == 0
    share = both["shares"] / both["volume"]
    assert share.max() < 0.5
    assert 0.10 < share.mean() < 0.15
    assert (weekly["trades"] >= 1).all()
    assert (weekly["trades"] <= weekly["shares"]).all()
