"""The bull/bear regime of an index: a two-state Markov chain behind its daily returns (INDICATORS 6).

    r_t = μ(s_t) + σ(s_t)·ε_t      P(s_t = j | s_{t−1} = i) = p_ij      r in per cent, log close over log close before

Bull is the state of lower variance; where its mean is not the higher one the states are calm and wild rather than bull
and bear, and the regime is "not identified". Each month's parameters come from returns through the month before, so a
probability rests on no later return and is never computed again. It is filtered, not smoothed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from feeds.schema import Sessions, utc
from indicators.kernels.regime import fit_switching, hamilton_filter

Floats = npt.NDArray[np.float64]
State = Literal["bull", "bear"]

MINIMUM = 750
"""Returns that the first fit needs: three years."""

ENTER_BULL, ENTER_BEAR = 0.6, 0.4
"""Probabilities of bull beyond which the state switches; between them it stays what it was."""

STEPS, TOLERANCE = 2_000, 1e-4
"""Most steps of a climb, and the gain in log likelihood below which it is done: far less than a return adds."""


class RegimeReading(BaseModel):
    """The regime at one session's close. Nulls carry a reason; `since` is the session of the last switch."""

    model_config = ConfigDict(frozen=True)

    session: date
    bull_probability: float | None = None
    state: State | None = None
    since: date | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    known_at: datetime | None = None


@dataclass(frozen=True)
class Switching:
    """Parameters by state, 0 the calmer one: mean and variance of returns, probability of staying."""

    mean: Floats
    variance: Floats
    stay: Floats

    @classmethod
    def start(cls, returns: Floats) -> "Switching":
        """Where a climb begins that knows of no earlier one: a long calm state, a shorter wild one."""
        spread = np.array([0.5, 2.0]) * np.nanvar(returns)
        return cls(np.full(2, np.nanmean(returns)), spread, np.array([0.98, 0.95]))

    @property
    def identified(self) -> bool:
        """Whether the calmer state is also the one that rises."""
        return bool(self.mean[0] > self.mean[1])


def regime(closes: pl.DataFrame, sessions: Sessions) -> list[RegimeReading]:
    """The regime at every session from the first close on.

    Parameters
    ----------
    closes : one index's `date` and `close`
    sessions : the exchange's sessions up to the last one asked for

    Returns
    -------
    list : null with a reason before `MINIMUM` returns are known by a month's end, where a close is missing, and while
        the states are not identified; a fit that fails keeps the parameters before it, which a note says
    """
    known = closes.filter(pl.col("close") > 0).unique("date", keep="last")
    price = sessions.frame().select(date="session").join(known, on="date", how="left", maintain_order="left")["close"]
    level = np.log(price.cast(pl.Float64).to_numpy(writable=True))
    present = np.flatnonzero(~np.isnan(level))
    if not len(present):
        return []
    first = int(present[0])
    returns = np.full(len(level), np.nan)
    # over a missing close the return spans what is missing: it belongs to the session that ended it
    returns[present[1:]] = 100.0 * np.diff(level[present])
    readings: list[RegimeReading] = []
    held: Switching | None = None
    for _, month in groupby(range(first, len(sessions)), key=lambda t: sessions.dates[t].replace(day=1)):
        span = list(month)
        past = returns[first + 1 : span[0]]
        count = int(np.count_nonzero(~np.isnan(past)))
        failed = False
        if count >= MINIMUM:
            fitted = _fitted(past, held, anew=sessions.dates[span[0]].month == 1)
            failed = fitted is None
            held = fitted or held
        readings += _month(held, returns, first, span, sessions, (count, failed))
    return _with_states(readings)


def _fitted(past: Floats, held: Switching | None, anew: bool) -> Switching | None:
    """The better of two climbs: from the parameters held, and each January (or without any) from a fresh start."""
    starts = [held] if held else []
    if anew or held is None:
        starts.append(Switching.start(past))
    best: tuple[float, Switching] | None = None
    for start in starts:
        mean, variance, stay, likelihood, reached = fit_switching(
            past, start.mean, start.variance, start.stay, STEPS, TOLERANCE
        )
        if reached and (best is None or likelihood > best[0]):
            calm = np.argsort(variance, kind="stable")
            best = (likelihood, Switching(mean[calm], variance[calm], stay[calm]))
    return None if best is None else best[1]


def _month(
    held: Switching | None, returns: Floats, first: int, span: list[int], sessions: Sessions, fit: tuple[int, bool]
) -> Iterable[RegimeReading]:
    """Readings of one month under the parameters held during it, states not yet told."""
    count, failed = fit
    notes: tuple[str, ...] = ()
    if held is not None:
        wild, _ = hamilton_filter(returns[first + 1 : span[-1] + 1], held.mean, held.variance, held.stay)
        if failed:
            notes = (f"the fit at the start of {sessions.dates[span[0]]:%Y-%m} failed: earlier parameters are kept",)
    for t in span:
        reason, probability = None, None
        if np.isnan(returns[t]):
            reason = "no close of the index for this session or before it"
        elif held is None:
            failing = "the first fit failed" if failed else f"needs {MINIMUM} returns by the month before, has {count}"
            reason = failing
        elif not held.identified:
            reason = (
                f"not identified: the calmer state returned {held.mean[0]:.3f} % a session, the wilder"
                f" {held.mean[1]:.3f} %, so calm is not bull"
            )
        else:
            probability = float(1.0 - wild[t - first - 1])
        yield RegimeReading(
            session=sessions.dates[t],
            bull_probability=probability,
            reason=reason,
            notes=notes,
            known_at=utc(int(sessions.closes[t])),
        )


def _with_states(readings: list[RegimeReading]) -> list[RegimeReading]:
    """Tell the state of each reading: it switches beyond 0.6 and below 0.4, and is lost while not identified."""
    state: State | None = None
    since: date | None = None
    out = []
    for reading in readings:
        p = reading.bull_probability
        if p is None and reading.reason and reading.reason.startswith("not identified"):
            state, since = None, None
        elif p is not None:
            asked: State | None = "bull" if p > ENTER_BULL else "bear" if p < ENTER_BEAR else None
            if asked is not None and asked != state:
                state, since = asked, reading.session
        if p is None:
            out.append(reading)
            continue
        undecided = None if state else f"undecided: {p:.2f} lies between {ENTER_BEAR} and {ENTER_BULL} from the start"
        out.append(reading.model_copy(update={"state": state, "since": since, "reason": undecided}))
    return out


def switches(readings: list[RegimeReading]) -> list[RegimeReading]:
    """The readings at which the state switched, ascending."""
    return [reading for reading in readings if reading.state and reading.since == reading.session]
