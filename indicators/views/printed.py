"""The report as text, for a terminal, a pipe or a file. Rendering a stored one needs pydantic and rich alone."""

from collections import Counter
from collections.abc import Sequence, Set
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from feeds.errors import BadValue
from indicators.views.language import ENGLISH, Language
from indicators.views.report import Gauge, IndicatorLine, Ranking, Report
from indicators.views.table import SENTENCE, clean, encodable, number, plain_text, print_rows

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
WIDTHS = (30, 23, 8, 8, 6, 17, 8)
"""Columns of the report, and of its indicators' lines, WIDTH in all."""

BEIJING = ZoneInfo("Asia/Shanghai")

COUNTS = ("industries",)
"""Units of what is counted, in whole numbers."""

ASSUMED = "assumed: "
"""How a note begins that names what was assumed rather than read; a line gathers its own."""

BAR = 60
"""Columns of the gauge's bar, 12 to a zone."""


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
    _say(console, head_said(report, language), style="bold")
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


def head_said(report: Report, language: Language) -> str:
    """What the report is of, and when: its first line, the page's heading."""
    say = language.say
    when = {"session": str(report.session), "as_of": moment_said(report.as_of, report.market, language)}
    if report.market != "china":
        return say("Bull/bear report · {market} · session {session} · as of {as_of}", market=report.market, **when)
    year, week, _ = report.session.isocalendar()
    return say("A-share weekly · week {week} of {year} · session {session} · as of {as_of}", week=str(week),
               year=str(year), **when)  # fmt: skip


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
