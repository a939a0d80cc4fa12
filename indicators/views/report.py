"""The daily report: a document that can be stored. Building one needs readings, reading a stored one pydantic alone."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from indicators.views.table import json_text, plain

if TYPE_CHECKING:
    from feeds.schema import Sessions
    from feeds.store import Store
    from indicators.engine.day import Day
    from indicators.engine.gauge import GaugeReading
    from indicators.engine.indicator import Indicator, Reading

Number = Annotated[float | None, BeforeValidator(plain)]
"""A JSON number or null: never NaN, never -0."""

CAVEATS = (
    "Scores are relative to the last year: 50 is the middle of an indicator's own past, not of the market's history.",
    "A band bounds random error in trade sides, not a bias of all of them: the sign of a level is no evidence, its "
    "change against its own history is.",
)
WEEKLY_CAVEATS = (
    "Scores are relative to the last 260 weeks: 50 is the middle of an indicator's own past.",
    "Signs and pillars of the A-share gauge are ours; a formula that is ours does not reproduce a broker's numbers.",
)
SWITCHES = 5
"""The latest switches of the regime on the report."""

LEADERS = 5
"""Rows of each ranking on the report."""


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Gauge(_Block):
    """The gauge's block: level null and zone "insufficient" with too few parts."""

    level: Annotated[float, Field(ge=0, le=100)] | None = None
    zone: str = "insufficient"
    confidence: str | None = None
    parts_present: int = 0
    parts_total: int = 0
    reason: str | None = None
    contributions: dict[str, Number] = Field(default_factory=dict)
    missing: dict[str, str] = Field(default_factory=dict)
    kappa: Number = None
    width: Number = None
    notes: tuple[str, ...] = ()


class Switch(_Block):
    """A session on which the regime switched, and the state that it switched to."""

    session: date
    state: str


class Regime(_Block):
    """The bull/bear regime with its latest switches, oldest first; nulls carry a reason."""

    bull_probability: Number = None
    state: str | None = None
    since: date | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    switches: tuple[Switch, ...] = ()


class IndicatorLine(_Block):
    """One indicator on the report: its reading in force, and what it says in a sentence.

    `change` is the value minus the previous non-null reading's, `change_percent` its change on that reading in per cent
    where the number is a level and both are above zero; `age_sessions` counts sessions since the reading. `chinese`,
    `pillar`, `verdict` and `flag` (a named band or warning level) are those of the A-share page.
    """

    name: str
    title: str
    chinese: str = ""
    pillar: str = ""
    verdict: str = ""
    weighed: bool = True
    flag: str | None = None
    value: Number = None
    unit: str
    score: Number = None
    change: Number = None
    change_percent: Number = None
    coverage: Number = None
    low: Number = None
    high: Number = None
    reason: str | None = None
    reasons: dict[str, str] = Field(default_factory=dict)
    known_at: datetime | None = None
    age_sessions: int | None = None
    notes: tuple[str, ...] = ()
    meaning: str = ""
    components: Annotated[dict[str, Any], BeforeValidator(plain)] = Field(default_factory=dict)


class Ranking(_Block):
    """The first rows of one ranking; money is text, exact."""

    name: str
    by: str
    rows: Annotated[list[dict[str, Any]], BeforeValidator(plain)]


class Report(_Block):
    """The `report` document of INTERFACE."""

    market: Literal["us", "china"]
    session: date
    as_of: datetime
    gauge: Gauge
    regime: Regime
    indicators: tuple[IndicatorLine, ...]
    beside: tuple[IndicatorLine, ...] = ()
    rankings: tuple[Ranking, ...] = ()
    notices: tuple[str, ...] = ()
    caveats: tuple[str, ...] = CAVEATS
    version: str
    input_hash: str

    def to_json(self) -> str:
        """The document as JSON text: money as text, no NaN, nothing that steers a terminal."""
        return json_text(self)


def build_report(
    market: Literal["us", "china"],
    session: date,
    sessions: "Sessions",
    indicators: Mapping[str, "Indicator"],
    readings: Mapping[str, Sequence["Reading"]],
    gauge: Sequence["GaugeReading"],
    *,
    version: str,
    input_hash: str,
    rankings: Sequence[Ranking] = (),
    notices: Sequence[str] = (),
    caveats: Sequence[str] = CAVEATS,
    regime: Regime | None = None,
    as_of: datetime | None = None,
) -> Report:
    """Gather one session's gauge, readings, rankings and notices into a document.

    Parameters
    ----------
    session : the session reported; readings and gauge readings after it are not looked at
    indicators, readings : every indicator that is weighed gets a line, in this order; one that is not stands beside
        them, if it has readings
    gauge : what `fuse` returned
    as_of : None stands for the session's close
    """
    from feeds.schema import utc

    fused = next((g for g in reversed(gauge) if g.session == session), None)
    close = utc(int(sessions.closes[sessions.position(session)]))
    return Report(
        market=market,
        session=session,
        as_of=as_of or close,
        gauge=Gauge(
            reason="no reading of any part yet", parts_total=sum(indicator.weighed for indicator in indicators.values())
        )
        if fused is None
        else Gauge.model_validate(fused.model_dump()),
        regime=regime or Regime(reason="no regime estimate is available"),
        indicators=tuple(
            _line(indicator, readings.get(name, ()), session, sessions, fused)
            for name, indicator in indicators.items()
            if indicator.weighed or indicator.pillar
        ),
        beside=tuple(
            _line(indicator, found, session, sessions, fused)
            for name, indicator in indicators.items()
            if not (indicator.weighed or indicator.pillar) and (found := readings.get(name))
        ),
        rankings=tuple(rankings),
        notices=tuple(notices),
        caveats=tuple(caveats),
        version=version,
        input_hash=input_hash,
    )


def _line(
    indicator: "Indicator",
    readings: Sequence["Reading"],
    session: date,
    sessions: "Sessions",
    fused: "GaugeReading | None",
) -> IndicatorLine:
    """The indicator's newest reading at the session, the change to the one before, and why what is null is null."""
    from indicators.engine.gauge import MAX_AGE
    from indicators.engine.indicator import days_of

    # a kept reading is read when it is looked at: two of thousands are
    count = bisect_right(days_of(readings), session)
    name = {
        "name": indicator.name,
        "title": indicator.title,
        "chinese": indicator.chinese,
        "pillar": indicator.pillar,
        "verdict": indicator.verdict,
        "weighed": indicator.weighed,
        "unit": indicator.unit,
    }
    if not count:
        return IndicatorLine(**name, reason="no reading yet")
    newest = readings[count - 1]
    age = sessions.position(session) - sessions.position(newest.session)
    if age > MAX_AGE[indicator.cadence]:
        # a number past its age is not today's: the line says when the last one was, and no more
        why = f"stale: the last reading is of {newest.session}, {age:,} sessions back"
        return IndicatorLine(**name, reason=why, known_at=newest.known_at, age_sessions=age)
    value = plain(newest.value)
    before = next((v for i in range(count - 2, -1, -1) if (v := plain(readings[i].value)) is not None), None)
    missing = None if fused is None else fused.missing.get(indicator.name)
    numbers = {
        "value": value,
        "score": None if fused is None else fused.scores.get(indicator.name),
        "change": None if value is None or before is None else value - before,
        "change_percent": 100.0 * (value / before - 1.0)
        if indicator.relative and value is not None and before is not None and value > 0 < before
        else None,
        "coverage": plain(newest.coverage),
        "low": plain(newest.low),
        "high": plain(newest.high),
    }
    because = {
        "value": newest.reason or "not a finite number",
        "score": missing or "not part of the gauge",
        "change": "no value" if value is None else "no earlier value",
        "change_percent": "a percentage is given of levels above zero alone",
        "coverage": "no coverage is defined",
        "low": "no error band is defined",
        "high": "no error band is defined",
    }
    return IndicatorLine(
        **name,
        **numbers,
        reason=newest.reason or (because["value"] if value is None else missing),
        reasons={column: because[column] for column, cell in numbers.items() if cell is None} | newest.reasons,
        known_at=newest.known_at,
        age_sessions=age,
        notes=newest.notes,
        meaning=indicator.meaning(newest),
        flag=None if newest.value is None else indicator.flag(newest),
        components=newest.components,
    )


def report_of(day: "Day", store: "Store") -> Report:
    """The report on a day that was computed: the leaders of every ranking's first key, and what the store lacks."""
    from indicators.engine.screen import RANKINGS, rank

    ranked = [name for name in day.indicators if name in RANKINGS and day.rows.get(name)]
    if not day.rows.get("eps_divergence", {}).keys() & {"contributions"}:
        ranked = [name for name in ranked if name != "eps_divergence"]  # members are optional: most stores have none
    needed = {need.table for indicator in day.indicators.values() for need in indicator.inputs}
    refused = Counter[str]()
    for table, _, count in store.reject_counts():
        refused[table] += count
    return build_report(
        "china" if day.market == "china" else "us",
        day.session,
        day.sessions,
        day.indicators,
        day.readings,
        day.gauge,
        version=package_version(),
        input_hash=day.input_hash,
        rankings=[
            Ranking(
                name=name,
                by=RANKINGS[name][0],
                rows=rank(
                    day.indicators[name],
                    day.rows[name],
                    day.sessions,
                    day.session,
                    RANKINGS[name][0],
                    LEADERS,
                ),
            )
            for name in ranked
        ],
        caveats=WEEKLY_CAVEATS if day.market == "china" else CAVEATS,
        notices=[
            *(
                f"{name}: nothing stored in {', '.join(tables)}"
                for name, tables in day.missing_inputs.items()
                if day.indicators[name].weighed
            ),
            *(
                f"{table}: {n:,} rows rejected, see `bullbear status`"
                for table, n in sorted(refused.items())
                if table in needed
            ),
        ],
        regime=_regime(day),
        as_of=day.as_of,
    )


def _regime(day: "Day") -> Regime | None:
    """The regime at the session reported, with the switches that led to it."""
    from indicators.engine.regime import switches

    past = [reading for reading in day.regime if reading.session <= day.session]
    if not past or past[-1].session != day.session:
        return Regime(reason="no closes of the index are stored")
    newest = past[-1]
    return Regime(
        bull_probability=newest.bull_probability,
        state=newest.state,
        since=newest.since,
        reason=newest.reason,
        notes=newest.notes,
        switches=tuple(Switch(session=r.session, state=r.state or "") for r in switches(past)[-SWITCHES:]),
    )


def package_version() -> str:
    """The version of this package, as installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("bullbear")
    except PackageNotFoundError:
        return "not installed"
