"""The daily report as one HTML page: opened without a network, printed, read on a phone, explained number by number.

Whatever a file may have brought is cleaned and escaped, and the page's own policy lets nothing run or load but the
style and the script that it holds.
"""

import hashlib
import inspect
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from indicators.engine.indicator import Indicator
from indicators.engine.scope import PILLARS
from indicators.views.dial import bars, dial
from indicators.views.explained import unbroken, why_of
from indicators.views.language import ENGLISH, Language
from indicators.views.printed import change_said, head_said, moment_said, value_said
from indicators.views.report import IndicatorLine, Ranking, Report
from indicators.views.table import SENTENCE, clean, number, shown

MONEY = re.compile(r"-?\d+\.\d{2,}")


@dataclass(frozen=True)
class Cell:
    """A cell as it is shown; a number sorts by `sorts`, "" where it is missing."""

    text: str
    number: bool = False
    sorts: str = ""


@dataclass(frozen=True)
class Column:
    """A column's heading."""

    name: str
    number: bool


def page_text(report: Report, language: Language = ENGLISH) -> str:
    """The page.

    Parameters
    ----------
    report : a report, as computed or as kept
    language : of the words and sentences; formulas are those of the docstrings, in English
    """
    from indicators.engine import gauge, regime
    from indicators.engine.run import of_market

    indicators = of_market(report.market)
    css, script = _own("report.css"), _own("report.js")
    page = _templates(language).get_template("report.html")
    lines = [*report.indicators, *report.beside]
    return page.render(
        report=report,
        gauge=report.gauge,
        css=css,
        js=script,
        css_hash=_hash(css),
        js_hash=_hash(script),
        lang={"zh": "zh-Hans"}.get(language.code, language.code),
        words=_page_words(language),
        **_heads(report, language),
        remarks=[text for text in (report.gauge.reason, *report.gauge.notes) if text],
        lines=[_line(line, indicators[line.name], language) for line in lines if line.name in indicators],
        rankings=[_ranking(ranking, language) for ranking in report.rankings],
        why_gauge=unbroken(inspect.cleandoc(gauge.__doc__ or "")),
        why_regime=unbroken(inspect.cleandoc(regime.__doc__ or "")),
        why_score=unbroken(inspect.getdoc(Indicator.score) or ""),
        **dial(report, language),
        **bars(report, language),
    )


def _page_words(language: Language) -> dict[str, str]:
    """What the page itself says, by what the template calls it."""
    say = language.say
    return {
        "gauge": say("Gauge"), "regime": say("Regime"), "indicators": say("Indicators"), "rankings": say("Rankings"),
        "notices": say("Notices"), "why": say("How it is made"), "filter": say("Filter"),
        "intro": say("Every number leads to how it is made, further down this page."),
        "adds": say("What each part adds to 50"),
        "points": say("Points: right of the line bullish, left and hatched bearish; they sum to the level less 50."),
        "components": say("Components"), "below": say("explained below"), "empty": say("no rows"),
        "parts": say("Parts of this page"),
        "strip": say("Score on a strip of zones from 0, bearish, to 100, bullish"),
    }  # fmt: skip


def _heads(report: Report, language: Language) -> dict[str, str]:
    """Headings and sentences that the page shares with the report as text."""
    say, gauge, regime = language.say, report.gauge, report.regime
    parts = say("{present} of {total} parts", present=str(gauge.parts_present), total=str(gauge.parts_total))
    if gauge.level is None:
        level = say("Gauge: {zone}, no level · {parts}", zone=gauge.zone, parts=parts)
    else:
        level = say("Gauge: {level} of 100 · {zone} · confidence {confidence} · {parts}", level=f"{gauge.level:.1f}",
                    zone=gauge.zone, confidence=gauge.confidence or "low", parts=parts)  # fmt: skip
    since = say(", since {day}", day=str(regime.since)) if regime.since else ""
    switches = " · ".join(f"{switch.session} {say(switch.state)}" for switch in regime.switches)
    state = say("Regime: not available, {reason}", reason=regime.reason or say("no reason given"))
    if regime.state is not None and regime.bull_probability is not None:
        chance = number(regime.bull_probability)
        state = (
            say("Regime: {state}, probability of bull {probability}", state=regime.state, probability=chance) + since
        )
    return {
        "head": head_said(report, language), "level_head": level, "regime_said": state,
        "switches": say("Latest switches: {said}", said=switches) if switches else "",
    }  # fmt: skip


def _templates(language: Language) -> Environment:
    """Escape everything, clean every foreign text first, and refuse a name that is not there."""

    def cleaned(cell: object) -> object:
        return clean(cell, SENTENCE) if isinstance(cell, str) and not isinstance(cell, Markup) else cell

    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=cleaned,
        loader=FunctionLoader(lambda name: str(_own(name))),
        trim_blocks=True,
    )
    made.filters["said"] = language.sentence
    made.filters["lines"] = escape  # our own words, whose line breaks `cleaned` would take away
    made.globals["say"] = language.say
    return made


def _own(name: str) -> Markup:
    """One of our own files beside this one, trusted as it is."""
    return Markup((files("indicators.views") / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704


def _hash(text: str) -> str:
    """What the page's policy names a style or script by."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _line(line: IndicatorLine, indicator: Indicator, language: Language) -> dict[str, Any]:
    """One indicator's card: its facts, each with where it is explained, and its components as tables."""
    why = f"why-{line.name}"
    band = None if line.low is None or line.high is None else f"{number(line.low)} to {number(line.high)}"
    known = None if line.known_at is None else moment_said(line.known_at, indicator.market, language)
    score = None if line.score is None else f"{line.score:.1f}"
    say = language.say
    value = None if line.value is None else f"{value_said(line)} {language.sentence(line.unit)}"
    change = None if line.change is None else change_said(line)
    if line.change_percent is not None:
        change = f"{line.change_percent:+.1f} %"
    facts = [
        (say("value"), value, f"{why}-value", "value"),
        (say("change"), change, f"{why}-change", "change"),
        (say("score"), score, "why-score", "score"),
        (
            say("cover"),
            None if line.coverage is None else f"{100 * line.coverage:.0f} %",
            f"{why}-coverage",
            "coverage",
        ),
        (say("band"), band, f"{why}-band", "low"),
        (say("known at"), known, f"{why}-known", "known_at"),
        (say("age in sessions"), None if line.age_sessions is None else str(line.age_sessions), f"{why}-known", "age"),
    ]
    components, tables = _components(line, language)
    return {
        "name": line.name, "title": language.heading(line.title, line.chinese), "weighed": line.weighed,
        "meaning": line.meaning, "notes": line.notes, "labels": _labels(line, language), "english": line.title,
        "reason": None if line.reason == line.meaning else line.reason, "score_text": score,
        "mark": None if line.score is None else round(10 + 5 * line.score, 1),
        "facts": [
            {"name": name, "text": text or "–", "held": text is not None, "why": at,
             "reason": line.reasons.get(column) or (line.reason if column == "value" else "") or ""}
            for name, text, at, column in facts
        ],
        "components": components, "tables": tables, "why": why_of(line, indicator),
    }  # fmt: skip


def _labels(line: IndicatorLine, language: Language) -> list[str]:
    """What is said below a title: its pillar, the band or warning it stands in, what its formula may claim."""
    found = []
    if line.pillar:
        found.append(language.heading(line.pillar.capitalize(), PILLARS.get(line.pillar, "")))
    if line.flag:
        found.append(line.flag)
    if line.verdict:
        weighed = "" if line.weighed else language.say(", not weighed")
        found.append(language.say(" [formula: {verdict}{shown}]", verdict=line.verdict, shown=weighed).strip(" []［］"))
    elif not line.weighed:
        found.append(language.say("Beside the gauge, not weighed"))
    return found


def _components(line: IndicatorLine, language: Language) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Components as one table of names and values, and each list of rows as a table of its own."""
    rows: list[list[Cell]] = []
    tables: list[dict[str, Any]] = []

    def walk(name: str, cell: Any) -> None:
        if isinstance(cell, dict):
            for key, inner in cell.items():
                walk(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(cell, list) and cell and all(isinstance(row, dict) for row in cell):
            tables.append(
                _table(
                    f"{line.name}-{len(tables)}-{name}",
                    f"{language.sentence(line.title)}, {language.sentence(name)}",
                    cell,
                )
            )
        elif isinstance(cell, list):
            rows.append([Cell(name), Cell(", ".join(shown(item) for item in cell) or "none")])
        else:
            rows.append([Cell(name), _cell(cell)])

    walk("", line.components)
    return {"columns": [Column("component", False), Column("value", True)], "rows": rows}, tables


def _cell(cell: Any) -> Cell:
    """A cell of JSON: numbers and money keep what they sort by."""
    if isinstance(cell, bool) or (isinstance(cell, str) and not MONEY.fullmatch(cell)):
        return Cell(shown(cell, SENTENCE))
    return Cell(shown(cell), True, "" if cell is None else str(cell))


def _table(name: str, caption: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows of JSON as a table; a column is one of numbers where no cell is a text."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    texts = {key for key in names if any(isinstance(row.get(key), str) and not _cell(row[key]).number for row in rows)}
    wordy = {key for key in names if any(isinstance(row.get(key), list | dict | bool) for row in rows)}
    return {
        "id": re.sub(r"\W+", "-", name), "caption": caption,
        "columns": [Column(key, key not in texts | wordy) for key in names],
        "rows": [
            [Cell(_words(row.get(key))) if key in texts | wordy else _cell(row.get(key)) for key in names]
            for row in rows
        ],
    }  # fmt: skip


def _words(cell: Any) -> str:
    return ", ".join(shown(item) for item in cell) if isinstance(cell, list) else shown(cell, SENTENCE)


def _ranking(ranking: Ranking, language: Language) -> dict[str, Any]:
    title = language.say("{name} by {key}", name=ranking.name, key=ranking.by)
    made = _table(f"rank-{ranking.name}", title, ranking.rows)
    if not any(row.get("reason") for row in ranking.rows):
        made = _table(
            f"rank-{ranking.name}", title, [{k: v for k, v in r.items() if k != "reason"} for r in ranking.rows]
        )
    return made | {"title": title, "name": ranking.name}


def filled(name: str, language: Language, styles: Sequence[str], scripts: Sequence[str], **given: Any) -> str:
    """Another page than the report, escaped as the report is.

    Parameters
    ----------
    name : of the template
    styles, scripts : our own files, one after the other in the page's one style and one script
    given : what the template names beside `css`, `js`, `hashes` and `lang`; `others` are further scripts, as text, that
        the page's policy lets run
    """
    css, script = (Markup("\n").join(_own(part) for part in parts) for parts in (styles, scripts))
    others = given.pop("others", ())
    return (
        _templates(language)
        .get_template(name)
        .render(
            css=css,
            js=script,
            hashes=[_hash(text) for text in (script, *others)],
            lang={"zh": "zh-Hans"}.get(language.code, language.code),
            **given,
        )
    )
