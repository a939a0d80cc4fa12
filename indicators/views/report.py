"""The daily report: a document that can be stored, and its rendering as text.

Building one needs readings; rendering a stored one needs pydantic and rich alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from feeds.errors import BadValue
from indicators.views.table import clean, encodable, json_text, number, plain, plain_text, print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from feeds.schema import Sessions
    from feeds.store import Store
    from indicators.engine.gauge import GaugeReading
    from indicators.engine.indicator import Indicator, Reading
    from indicators.engine.run import Day

Number = Annotated[float | None, BeforeValidator(plain)]
"""A JSON number or null: never NaN, never -0."""

CAVEATS = (
    "Scores are relative to the last year: 50 is the middle of an indicator's own past, not of the market's history.",
    "A band bounds random error in trade sides, not a bias of all of them: the sign of a level is no evidence, its "
    "change against its own history is.",
)
WIDTH = 100
WIDTHS = (30, 23, 8, 8, 6, 17, 8)
"""Columns of the report, and of its indicators' lines, WIDTH in all."""

SWITCHES = 5
"""The latest switches of the regime on the report."""

LEADERS = 5
"""Rows of each ranking on the report."""

ASSUMED = "assumed: "
"""How a note begins that names what was assumed rather than read; a line gathers its own."""

BAR = 60
"""Columns of the gauge's bar, 12 to a zone."""

SENTENCE = 1000
"""Characters of a sentence shown; names inside it come from files."""


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

    `change` is the value minus the previous non-null reading's; `age_sessions` counts sessions since the reading.
    """

    name: str
    title: str
    value: Number = None
    unit: str
    score: Number = None
    change: Number = None
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
            if indicator.weighed
        ),
        beside=tuple(
            _line(indicator, found, session, sessions, fused)
            for name, indicator in indicators.items()
            if not indicator.weighed and (found := readings.get(name))
        ),
        rankings=tuple(rankings),
        notices=tuple(notices),
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

    past = [reading for reading in readings if reading.session <= session]
    name = {"name": indicator.name, "title": indicator.title, "unit": indicator.unit}
    if not past:
        return IndicatorLine(**name, reason="no reading yet")
    newest = past[-1]
    age = sessions.position(session) - sessions.position(newest.session)
    if age > MAX_AGE[indicator.cadence]:
        # a number past its age is not today's: the line says when the last one was, and no more
        why = f"stale: the last reading is of {newest.session}, {age:,} sessions back"
        return IndicatorLine(**name, reason=why, known_at=newest.known_at, age_sessions=age)
    value = plain(newest.value)
    before = next((v for r in reversed(past[:-1]) if (v := plain(r.value)) is not None), None)
    missing = None if fused is None else fused.missing.get(indicator.name)
    numbers = {
        "value": value,
        "score": None if fused is None else fused.scores.get(indicator.name),
        "change": None if value is None or before is None else value - before,
        "coverage": plain(newest.coverage),
        "low": plain(newest.low),
        "high": plain(newest.high),
    }
    because = {
        "value": newest.reason or "not a finite number",
        "score": missing or "not part of the gauge",
        "change": "no value" if value is None else "no earlier value",
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
        version=_version(),
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


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("bullbear")
    except PackageNotFoundError:
        return "not installed"


def print_report(report: Report, out: Path | None = None) -> None:
    """Print the report on the terminal or, as plain text, into a pipe or a file."""
    if out is not None:
        try:
            out.write_text(report_text(report) + "\n", encoding="utf-8")
        except OSError as error:
            raise BadValue("--out", out, f"cannot be written: {error.strerror}") from None
        return
    from rich.console import Console

    console = Console()
    render_text(report, Console(width=min(console.width, WIDTH) if console.is_terminal else WIDTH))


def report_text(report: Report, width: int = WIDTH) -> str:
    """The report as plain text of a fixed width, the same bytes everywhere."""
    return plain_text(lambda console: render_text(report, console), width)


def render_text(report: Report, console: "Console") -> None:
    """Print the report. Bull and bear are told by words, signs and positions; colour (blue, orange) only repeats it."""
    as_of = f"{report.as_of:%Y-%m-%d %H:%M} {report.as_of.tzname() or ''}".rstrip()
    _say(console, f"Bull/bear report · {report.market} · session {report.session} · as of {as_of}", style="bold")
    _gauge(report.gauge, console)
    regime = report.regime
    if regime.state is None or regime.bull_probability is None:
        _say(console, f"Regime: not available, {regime.reason or 'no reason given'}")
    else:
        since = f", since {regime.since}" if regime.since else ""
        _say(console, f"Regime: {regime.state}, probability of bull {number(regime.bull_probability)}{since}")
    if regime.switches:
        said = " · ".join(f"{switch.session} {switch.state}" for switch in regime.switches)
        _say(console, f"Latest switches: {said}", hang=2, indent=2)
    for note in regime.notes:
        _say(console, note, hang=2, indent=2)
    _say(console, "")
    _row(console, ("Indicator", "value", "change", "score", "cover", "band", "age"), style="bold")
    told = Counter(note for line in report.indicators for note in line.notes)
    shared = {note for note, lines in told.items() if lines > 1}
    for line in report.indicators:
        _indicator(line, console, shared)
    if report.beside:
        _say(console, "Beside the gauge, not weighed", style="bold")
    for line in report.beside:
        _indicator(line, console, shared)
    for ranking in report.rankings:
        _say(console, "")
        _ranking(ranking, console)
    if report.notices:
        _say(console, "")
        _say(console, "Notices", style="bold")
    for notice in report.notices:
        _say(console, f"! {notice}", hang=2)
    _say(console, "")
    for caveat in (*report.caveats, *sorted(shared)):
        _say(console, caveat)
    _say(console, f"bullbear {report.version} · input {report.input_hash}", style="dim")


def _gauge(gauge: Gauge, console: "Console") -> None:
    parts = f"{gauge.parts_present} of {gauge.parts_total} parts"
    if gauge.level is None:
        _say(console, f"Gauge: {gauge.zone}, no level · {parts}", style="bold")
        _say(console, gauge.reason or "no reason given", hang=2, indent=2)
        return
    _say(
        console,
        f"Gauge: {gauge.level:.1f} of 100 · {gauge.zone} · confidence {gauge.confidence} · {parts}",
        style=f"bold {_colour(gauge.level)}",
    )
    zone = max(min(BAR, console.width - 6) // 5, 1)
    _say(console, " " * round(gauge.level / 100 * 5 * zone) + "▼", indent=2, keep=True)
    _say(console, "|" + ("─" * (zone - 1) + "|") * 5, indent=2, keep=True)
    _say(console, "".join(f"{mark:<{zone}}" for mark in (0, 20, 40, 60, 80, 100)).rstrip(), indent=2, keep=True)
    if zone >= len("strong bull") + 1:
        names = ("deep bear", "bear", "neutral", "bull", "strong bull")
        _say(console, " " + "".join(f"{name:^{zone}}" for name in names).rstrip(), indent=2, keep=True)
    ordered = sorted(gauge.contributions.items(), key=lambda item: (-abs(item[1] or 0.0), item[0]))
    pulls = " · ".join(f"{name} {_points(points)}" for name, points in ordered)
    _say(console, f"Points added to 50: {pulls}", hang=2)
    for remark in (gauge.reason, *gauge.notes):
        if remark:
            _say(console, remark, hang=2)


def _points(points: float | None) -> str:
    text = f"{points or 0.0:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def _indicator(line: IndicatorLine, console: "Console", shared: Set[str]) -> None:
    band = (
        "none"
        if line.low is None or line.high is None
        else f"{number(line.low, places=3)} to {number(line.high, places=3)}"
    )
    cells = (
        line.title,
        f"{number(line.value)} {line.unit}" if line.value is not None else "–",
        number(line.change, signed=True),
        "–" if line.score is None else f"{line.score:.1f} {_sign(line.score)}",
        "–" if line.coverage is None else f"{100 * line.coverage:.0f} %",
        band,
        _age(line.age_sessions),
    )
    style = "" if line.score is None else _colour(line.score)
    if len(line.title) >= WIDTHS[0]:
        _say(console, line.title, style=style)
        cells = ("", *cells[1:])
    _row(console, cells, style=style)
    own = [note for note in line.notes if note not in shared]
    assumed = [note.removeprefix(ASSUMED) for note in own if note.startswith(ASSUMED)]
    sentences = [line.meaning, line.reason or "", *(note for note in own if not note.startswith(ASSUMED))]
    if assumed:
        sentences.append(ASSUMED + "; ".join(assumed))
    for sentence in dict.fromkeys(s for s in sentences if s):
        _say(console, sentence, indent=2)


def _age(sessions: int | None) -> str:
    """Sessions since a reading, in eight columns.

    >>> [_age(n) for n in (None, 0, 3, 2258)]
    ['–', 'today', '3 back', '2,258']
    """
    if sessions is None:
        return "–"
    return "today" if sessions == 0 else f"{sessions} back" if sessions < 100 else f"{sessions:,}"


def _ranking(ranking: Ranking, console: "Console") -> None:
    title = f"{ranking.name} by {ranking.by}"
    if not ranking.rows:
        _say(console, f"{title}: no rows")
        return
    names = [name for name in ranking.rows[0] if name != "reason"]
    fit = max(console.width // 13, 3)
    columns = [*names[:2], ranking.by, *(name for name in names[2:] if name != ranking.by)]
    columns = list(dict.fromkeys(name for name in columns if name in names))[:fit]
    if any(row.get(ranking.by) is None for row in ranking.rows):
        columns = [*columns[: fit - 1], "reason"]
    _say(console, title, style="bold")
    print_rows(ranking.rows, console, columns)


def _sign(score: float) -> str:
    return "▲" if score >= 60 else "▼" if score <= 40 else "·"


def _colour(level: float) -> str:
    return "blue" if level >= 60 else "dark_orange" if level <= 40 else ""


def _row(console: "Console", cells: Sequence[str], style: str = "") -> None:
    """One aligned line where it fits, else the cells one after the other, wrapped."""
    from rich.cells import cell_len

    texts = [clean(cell, width - 1) for cell, width in zip(cells, WIDTHS, strict=True)]
    if console.width < sum(WIDTHS):
        _say(console, " · ".join(filter(None, texts)), hang=2, style=style)
        return
    padded = [" " * max(width - cell_len(text), 0) for text, width in zip(texts, WIDTHS, strict=True)]
    aligned = texts[0] + padded[0] + "".join(blank + text for blank, text in zip(padded[1:], texts[1:], strict=True))
    _say(console, aligned, style=style, keep=True)


def _say(console: "Console", text: str, *, indent: int = 0, hang: int = 0, style: str = "", keep: bool = False) -> None:
    """Print one paragraph, wrapped by display width; `keep` leaves its blanks alone."""
    from rich.text import Text

    words = Text(encodable(text if keep else clean(text, SENTENCE), console))
    for i, line in enumerate(words.wrap(console, max(console.width - indent - hang, 8))):
        blanks = " " * (indent + (hang if i else 0))
        console.print(Text(f"{blanks}{line.plain.rstrip()}", style=style), soft_wrap=True)
