"""The daily report: a document that can be stored, and its rendering as text.

Building one needs readings; rendering a stored one needs pydantic and rich alone.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from feeds.errors import BadValue
from indicators.views.language import ENGLISH, Language
from indicators.views.table import clean, encodable, json_text, number, plain, plain_text, print_rows

if TYPE_CHECKING:
    from rich.console import Console

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
WIDTH = 100
WIDTHS = (30, 23, 8, 8, 6, 17, 8)
"""Columns of the report, and of its indicators' lines, WIDTH in all."""

BEIJING = ZoneInfo("Asia/Shanghai")

COUNTS = ("industries",)
"""Units of what is counted, in whole numbers."""

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


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("bullbear")
    except PackageNotFoundError:
        return "not installed"


def print_report(report: Report, out: Path | None = None, language: Language = ENGLISH) -> None:
    """Print the report on the terminal or, as plain text, into a pipe or a file."""
    if out is not None:
        try:
            out.write_text(report_text(report, language=language) + "\n", encoding="utf-8")
        except OSError as error:
            raise BadValue("--out", out, f"cannot be written: {error.strerror}") from None
        return
    from rich.console import Console

    console = Console()
    render_text(report, Console(width=min(console.width, WIDTH) if console.is_terminal else WIDTH), language)


def report_text(report: Report, width: int = WIDTH, language: Language = ENGLISH) -> str:
    """The report as plain text of a fixed width, the same bytes everywhere."""
    return plain_text(lambda console: render_text(report, console, language), width)


def render_text(report: Report, console: "Console", language: Language = ENGLISH) -> None:
    """Print the report. Bull and bear are told by words, signs and positions; colour (blue, orange) only repeats it."""
    say = language.say
    when = {"session": str(report.session), "as_of": moment_said(report.as_of, report.market, language)}
    if report.market == "china":
        year, week, _ = report.session.isocalendar()
        head = say("A-share weekly · week {week} of {year} · session {session} · as of {as_of}", week=str(week),
                   year=str(year), **when)  # fmt: skip
    else:
        head = say("Bull/bear report · {market} · session {session} · as of {as_of}", market=report.market, **when)
    _say(console, head, style="bold")
    _gauge(report.gauge, console, language)
    regime = report.regime
    if regime.state is None or regime.bull_probability is None:
        why = regime.reason or say("no reason given")
        _say(console, say("Regime: not available, {reason}", reason=why))
    else:
        known = {"state": regime.state, "probability": number(regime.bull_probability)}
        since = say(", since {day}", day=str(regime.since)) if regime.since else ""
        _say(console, say("Regime: {state}, probability of bull {probability}", **known) + since)
    if regime.switches:
        said = " · ".join(f"{switch.session} {say(switch.state)}" for switch in regime.switches)
        _say(console, say("Latest switches: {said}", said=said), hang=2, indent=2)
    for note in regime.notes:
        _say(console, language.sentence(note), hang=2, indent=2)
    told = Counter(note for line in report.indicators for note in line.notes)
    shared = {note for note, lines in told.items() if lines > 1}
    if report.market == "china":
        _pillars(report, console, shared, language)
    else:
        _say(console, "")
        heads = (say("Indicator"), say("value"), say("change"), say("score"), say("cover"), say("band"), say("age"))
        _row(console, heads, style="bold")
        for line in report.indicators:
            _indicator(line, console, shared, language)
    if report.beside:
        _say(console, say("Beside the gauge, not weighed"), style="bold")
    for line in report.beside:
        _indicator(line, console, shared, language)
    for ranking in report.rankings:
        _say(console, "")
        _ranking(ranking, console, language)
    if report.notices:
        _say(console, "")
        _say(console, say("Notices"), style="bold")
    for notice in report.notices:
        _say(console, f"! {language.sentence(notice)}", hang=2)
    _say(console, "")
    for caveat in (*report.caveats, *sorted(shared)):
        _say(console, language.sentence(caveat))
    _say(console, say("bullbear {version} · input {hash}", version=report.version, hash=report.input_hash), style="dim")


def _pillars(report: Report, console: "Console", shared: Set[str], language: Language) -> None:
    """The weekly page's indicators, pillar by pillar in the broker's order."""
    from indicators.engine.scope import PILLARS

    say = language.say
    pillar = None
    for line in report.indicators:
        if line.pillar != pillar:
            pillar = line.pillar
            _say(console, "")
            name = language.heading(pillar.capitalize(), PILLARS.get(pillar, ""))
            heads = (name, say("value"), say("week"), say("score"), say("cover"), say("band"),
                     say("age"))  # fmt: skip
            _row(console, heads, style="bold")
        _indicator(line, console, shared, language)


def _percent(change: float) -> str:
    """A relative change in few enough characters for its column.

    >>> _percent(-5.46), _percent(610.52)
    ('-5.5 %', '+611 %')
    """
    return f"{change:+.1f} %" if abs(change) < 99.95 else f"{change:+.0f} %"


def _gauge(gauge: Gauge, console: "Console", language: Language) -> None:
    say = language.say
    parts = say("{present} of {total} parts", present=str(gauge.parts_present), total=str(gauge.parts_total))
    if gauge.level is None:
        _say(console, say("Gauge: {zone}, no level · {parts}", zone=gauge.zone, parts=parts), style="bold")
        _say(console, language.sentence(gauge.reason or "no reason given"), hang=2, indent=2)
        return
    level = {"level": f"{gauge.level:.1f}", "zone": gauge.zone, "confidence": gauge.confidence or "low"}
    _say(
        console,
        say("Gauge: {level} of 100 · {zone} · confidence {confidence} · {parts}", parts=parts, **level),
        style=f"bold {_colour(gauge.level)}",
    )
    zone = max(min(BAR, console.width - 6) // 5, 1)
    _say(console, " " * round(gauge.level / 100 * 5 * zone) + "▼", indent=2, keep=True)
    _say(console, "|" + ("─" * (zone - 1) + "|") * 5, indent=2, keep=True)
    _say(console, "".join(f"{mark:<{zone}}" for mark in (0, 20, 40, 60, 80, 100)).rstrip(), indent=2, keep=True)
    if zone >= len("strong bull") + 1:
        names = [language.sentence(name) for name in ("deep bear", "bear", "neutral", "bull", "strong bull")]
        _say(console, " " + "".join(_centred(name, zone) for name in names).rstrip(), indent=2, keep=True)
    ordered = sorted(gauge.contributions.items(), key=lambda item: (-abs(item[1] or 0.0), item[0]))
    pulls = " · ".join(f"{language.sentence(name)} {_points(points)}" for name, points in ordered)
    _say(console, say("Points added to 50: {pulls}", pulls=pulls), hang=2)
    for remark in (gauge.reason, *gauge.notes):
        if remark:
            _say(console, language.sentence(remark), hang=2)


def _centred(text: str, width: int) -> str:
    """Text in the middle of some columns, wide characters counted as two."""
    from rich.cells import cell_len

    blank = max(width - cell_len(text), 0)
    return " " * (blank // 2) + text + " " * (blank - blank // 2)


def _points(points: float | None) -> str:
    text = f"{points or 0.0:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def _indicator(line: IndicatorLine, console: "Console", shared: Set[str], language: Language) -> None:
    title = language.heading(line.title, line.chinese)
    if line.pillar:
        band = "–" if line.flag is None else language.sentence(line.flag)
        change = change_said(line) if line.change_percent is None else _percent(line.change_percent)
    else:
        band = (
            language.say("none")
            if line.low is None or line.high is None
            else language.say("{low} to {high}", low=number(line.low, places=3), high=number(line.high, places=3))
        )
        change = change_said(line)
    cells = (
        title,
        "–" if line.value is None else f"{value_said(line)} {language.sentence(line.unit)}",
        change,
        "–" if line.score is None else f"{line.score:.1f} {_sign(line.score)}",
        "–" if line.coverage is None else f"{100 * line.coverage:.0f} %",
        band,
        _age(line.age_sessions, language),
    )
    from rich.cells import cell_len

    style = "" if line.score is None else _colour(line.score)
    if cell_len(title) >= WIDTHS[0]:
        _say(console, title, style=style)
        cells = ("", *cells[1:])
    _row(console, cells, style=style)
    own = [note for note in line.notes if note not in shared]
    assumed = [note.removeprefix(ASSUMED) for note in own if note.startswith(ASSUMED)]
    sentences = [line.meaning, line.reason or "", *(note for note in own if not note.startswith(ASSUMED))]
    if assumed:
        sentences.append(ASSUMED + "; ".join(assumed))
    said = [language.sentence(s) for s in dict.fromkeys(s for s in sentences if s)]
    if line.verdict and said:
        shown = "" if line.weighed else language.say(", not weighed")
        said[0] += language.say(" [formula: {verdict}{shown}]", verdict=line.verdict, shown=shown)
    for sentence in said:
        _say(console, sentence, indent=2)


def value_said(line: IndicatorLine) -> str:
    """The value for people; what is counted is a whole number."""
    return number(line.value) if line.value is None or line.unit not in COUNTS else f"{line.value:,.0f}"


def change_said(line: IndicatorLine) -> str:
    """The change for people, with its sign; "–" where there is none."""
    if line.change is None or line.unit not in COUNTS:
        return number(line.change, signed=True)
    return f"{line.change:+,.0f}" if round(line.change) else "0"


def moment_said(moment: datetime, market: str, language: Language = ENGLISH) -> str:
    """A time as the market's readers tell it: A shares on Beijing's clock, else with the zone that it came in.

    >>> [moment_said(datetime.fromisoformat("2024-11-01T10:00Z"), market) for market in ("china", "us")]
    ['2024-11-01 18:00 Beijing time', '2024-11-01 10:00 UTC']
    """
    if market == "china" and moment.tzinfo is not None:
        return language.say("{time} Beijing time", time=f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M}")
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".rstrip()


def _age(sessions: int | None, language: Language = ENGLISH) -> str:
    """Sessions since a reading, in eight columns.

    >>> [_age(n) for n in (None, 0, 3, 2258)]
    ['–', 'today', '3 back', '2,258']
    """
    if sessions is None:
        return "–"
    if sessions == 0:
        return language.say("today")
    return language.say("{n} back", n=str(sessions)) if sessions < 100 else f"{sessions:,}"


def _ranking(ranking: Ranking, console: "Console", language: Language) -> None:
    title = language.say("{name} by {key}", name=ranking.name, key=ranking.by)
    if not ranking.rows:
        _say(console, language.say("{title}: no rows", title=title))
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
