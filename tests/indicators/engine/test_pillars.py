"""Parts in pillars: equal weight per pillar, then within; three of four pillars; what is shown and not weighed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest

from feeds.schema import Part, Sessions
from indicators.engine.gauge import GaugeReading, fuse, pillar_weights
from indicators.engine.indicator import Indicator, Reading, Rows
from indicators.engine.run import of_market
from indicators.engine.scope import PILLARS

DAYS = tuple(date(2025, 11, 3) + timedelta(days=i) for i in range(2))
CLOSES = np.array([int(datetime(d.year, d.month, d.day, 7, tzinfo=UTC).timestamp()) * 10**9 for d in DAYS], np.int64)
SESSIONS = Sessions(DAYS, CLOSES - 1, CLOSES)


class Given(Indicator):
    """Scores are the values themselves."""

    name: ClassVar[str] = "given"
    title: ClassVar[str] = "Given"
    unit: ClassVar[str] = "points"
    inputs: ClassVar[tuple[Any, ...]] = ()
    keys: ClassVar[dict[str, tuple[str, ...]]] = {}

    def measure(self, part: Part) -> Rows:
        return {}

    def value(self, *args: Any, **kwargs: Any) -> list[Reading]:
        return []

    def score(self, readings: Sequence[Reading], sessions: Sessions) -> list[float | None]:
        return [reading.value for reading in readings]


class Valuation(Given):
    pillar: ClassVar[str] = "valuation"


class Sentiment(Given):
    pillar: ClassVar[str] = "sentiment"


class Structure(Given):
    pillar: ClassVar[str] = "structure"


class Funds(Given):
    pillar: ClassVar[str] = "funds"


class Shown(Funds):
    weighed: ClassVar[bool] = False


KINDS = {"v": Valuation, "s1": Sentiment, "s2": Sentiment, "s3": Sentiment, "t": Structure, "f": Funds, "shown": Shown}


def fused(**scores: float | None) -> GaugeReading:
    parts = {
        name: [Reading(session=DAYS[0], value=score, reason="not there" if score is None else None)]
        for name, score in scores.items()
    }
    return fuse(parts, {name: kind() for name, kind in KINDS.items()}, SESSIONS)[0]


def test_every_pillar_weighs_the_same_however_many_stand_in_it():
    whole = fused(v=70.0, s1=60.0, s2=60.0, s3=60.0, t=40.0, f=50.0)
    assert whole.weights == pytest.approx({"v": 0.25, "s1": 1 / 12, "s2": 1 / 12, "s3": 1 / 12, "t": 0.25, "f": 0.25})
    missing = fused(v=70.0, s1=60.0, s2=None, s3=60.0, t=40.0, f=None)
    assert missing.weights == pytest.approx({"v": 1 / 3, "s1": 1 / 6, "s3": 1 / 6, "t": 1 / 3})
    total = sum(Fraction(str(points)) for points in whole.contributions.values())
    assert Fraction(str(whole.level)) - 50 == total


def test_what_is_shown_is_no_part():
    with_it = fused(v=70.0, s1=60.0, s2=60.0, s3=60.0, t=40.0, f=50.0, shown=100.0)
    assert with_it == fused(v=70.0, s1=60.0, s2=60.0, s3=60.0, t=40.0, f=50.0)
    assert with_it.parts_total == 6
    assert "shown" not in with_it.scores


def test_three_of_four_pillars_at_least():
    two = fused(v=70.0, s1=60.0, s2=60.0, s3=60.0, t=None, f=None)
    assert (two.level, two.zone, two.parts_present) == (None, "insufficient", 4)
    assert two.reason is not None
    assert two.reason.startswith("insufficient: 2 of 4 pillars, needs 3; missing: f (not there)")
    assert fused(v=70.0, s1=60.0, s2=None, s3=None, t=40.0, f=None).level is not None


def test_weights_within_a_pillar_stand_as_the_method_says():
    weights = pillar_weights([0.1, 0.3, 0.6], ["a", "a", "b"])
    assert weights == pytest.approx([0.125, 0.375, 0.5])


def test_the_a_share_gauge_has_the_signs_and_pillars_of_its_page():
    china = of_market("china")
    assert len(china) == 16
    signs = {name: kind.direction for name, kind in china.items() if kind.weighed}
    assert signs == dict.fromkeys(
        ("equity_bond_spread", "turnover_to_peak", "rising_turnover_industries", "sentiment_index", "bull_alignment",
         "margin_flow", "new_equity_funds"), 1,
    ) | {"rotation_strength": -1, "valuation_dispersion": -1}  # fmt: skip
    order = [list(PILLARS).index(kind.pillar) for kind in china.values()]
    assert order == sorted(order)
    assert {kind.pillar for kind in china.values() if kind.weighed} == set(PILLARS)
    assert sorted(kind.row for kind in china.values()) == list(range(1, 17))
    for kind in china.values():
        assert kind.chinese
        assert kind.verdict
        assert f"row {kind.row}" in (type(kind).__doc__ or "")
