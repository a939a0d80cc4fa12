"""The audit passes sound readings and names those that looked ahead."""

from datetime import date, datetime, timedelta
from typing import ClassVar

import numpy as np
import polars as pl
import pytest

from feeds.schema import Part, Sessions
from indicators.engine import day as day_module
from indicators.engine.audit import audit
from indicators.engine.indicator import Indicator, Input, Period, Reading, Rows


class Planted(Indicator):
    """One number a session from one table; subclasses plant one fault each."""

    title: ClassVar[str] = "Planted"
    unit: ClassVar[str] = "1"
    keys: ClassVar[dict[str, tuple[str, ...]]] = {"rows": ("session",)}
    table: ClassVar[str] = "index_levels"

    def measure(self, part: Part) -> Rows:
        return {"rows": part.tables[self.table]}

    def value(
        self,
        rows: Rows,
        sessions: Sessions,
        as_of: datetime | None = None,
        key: str | None = None,
        period: Period = "session",
        since: date | None = None,
    ) -> list[Reading]:
        numbers = self.numbers(rows["rows"], sessions)
        return [
            Reading(session=day, value=None if np.isnan(x) else float(x), known_at=self.known(day))
            for day, x in zip(sessions.dates, numbers, strict=True)
        ]

    def numbers(self, frame: pl.DataFrame, sessions: Sessions) -> np.ndarray:
        """Closes of the index."""
        held = frame.filter(pl.col("index") == "SPX").select(pl.col("date").alias("session"), "close")
        days = pl.DataFrame({"session": list(sessions.dates)})
        return days.join(held, on="session", how="left", maintain_order="left")["close"].to_numpy(writable=True)

    def known(self, day: date) -> datetime | None:
        return None


class Sound(Planted):
    name: ClassVar[str] = "sound"
    inputs: ClassVar[tuple[Input, ...]] = (Input("index_levels", "history"),)


class FullSampleZScore(Sound):
    name: ClassVar[str] = "full_sample_z_score"

    def numbers(self, frame: pl.DataFrame, sessions: Sessions) -> np.ndarray:
        close = super().numbers(frame, sessions)
        return (close - np.nanmean(close)) / np.nanstd(close)


class LagOfMinusOne(Sound):
    name: ClassVar[str] = "lag_of_minus_one"

    def numbers(self, frame: pl.DataFrame, sessions: Sessions) -> np.ndarray:
        return np.append(super().numbers(frame, sessions)[1:], np.nan)


class UnlaggedForm4(Planted):
    """Trades counted on the day they were made, not on the day they were filed."""

    name: ClassVar[str] = "unlagged_form_4"
    table: ClassVar[str] = "insider_trades"
    inputs: ClassVar[tuple[Input, ...]] = (Input("insider_trades", "history"),)
    day: ClassVar[str] = "transaction_date"

    def numbers(self, frame: pl.DataFrame, sessions: Sessions) -> np.ndarray:
        counted = dict(frame.group_by(self.day).len().iter_rows())
        return np.array([counted.get(day, 0) for day in sessions.dates], dtype=np.float64)


class LaggedForm4(UnlaggedForm4):
    name: ClassVar[str] = "lagged_form_4"
    day: ClassVar[str] = "session"


class RestatedEps(Planted):
    """The newest estimate of each quarter, as if it had been known all along."""

    name: ClassVar[str] = "restated_eps"
    table: ClassVar[str] = "forward_eps"
    inputs: ClassVar[tuple[Input, ...]] = (Input("forward_eps", "history"),)

    def numbers(self, frame: pl.DataFrame, sessions: Sessions) -> np.ndarray:
        newest = frame.sort("published").group_by("quarter_end").last().sort("quarter_end")
        days = pl.DataFrame({"session": list(sessions.dates)})
        joined = days.join_asof(
            newest.select("quarter_end", "eps"), left_on="session", right_on="quarter_end", strategy="forward"
        )
        return joined["eps"].to_numpy(writable=True)


class KnownLate(Sound):
    name: ClassVar[str] = "known_late"

    def known(self, day: date) -> datetime | None:
        from datetime import UTC

        return datetime(day.year, day.month, day.day, 20, tzinfo=UTC) + timedelta(days=2)


@pytest.fixture
def audited(small_store, monkeypatch):
    def of(*kinds: type[Indicator], **given):
        monkeypatch.setattr(day_module, "of_market", lambda _market: {kind.name: kind() for kind in kinds})
        return audit(small_store, **given)

    return of


def test_sound_readings_pass(audited):
    found = audited(Sound, LaggedForm4)
    assert found.found == ()
    assert len(found.cuts) == 3
    assert set(found.series) == {"sound", "lagged_form_4", "gauge", "regime"}
    assert found.compared > 1000


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (FullSampleZScore, "whole sample"),
        (LagOfMinusOne, "ahead"),
        (UnlaggedForm4, "ahead"),
        (RestatedEps, "ahead"),
        (KnownLate, "known late"),
    ],
)
def test_a_planted_fault_is_caught_and_named(audited, kind, fault):
    found = audited(kind, Sound).found
    assert {(entry.name, entry.fault) for entry in found if entry.name != "gauge"} == {(kind.name, fault)}
    assert all(kind.name in entry.words for entry in found if entry.name == kind.name)


def test_our_own_readings_pass_with_weights_earned_by_the_past(small_store):
    assert audit(small_store, cuts=1, weights="walk_forward_ic").found == ()
