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
from math import cos, pi, sin
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from indicators.engine.indicator import Indicator
from indicators.views.report import IndicatorLine, Ranking, Report
from indicators.views.table import SENTENCE, clean, number, shown

ZONES = ("deep bear", "bear", "neutral", "bull", "strong bull")
CENTRE, INNER, OUTER, LABELS = (260.0, 240.0), 120.0, 190.0, 200.0
"""The dial, in units of its drawing."""

MIDDLE, REACH = 340.0, 110.0
"""The bars: where 0 points stands, and how far the longest one goes."""

HEADING = re.compile(r"(Units|NaN rule|Null rule|States|Source|Timing): ")
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


@dataclass(frozen=True)
class Explanation:
    """An indicator's docstring taken apart: summary, and headed parts in order."""

    summary: str
    parts: list[dict[str, Markup | str]]


def page_text(report: Report, indicators: Mapping[str, Indicator]) -> str:
    """The page.

    Parameters
    ----------
    report : a report, as computed or as kept
    indicators : the market's indicators by name: their docstrings explain the numbers
    """
    from indicators.engine import gauge, regime

    css, script = _own("report.css"), _own("report.js")
    page = _templates().get_template("report.html")
    lines = [(line, True) for line in report.indicators] + [(line, False) for line in report.beside]
    return page.render(
        report=report,
        gauge=report.gauge,
        css=css,
        js=script,
        css_hash=_hash(css),
        js_hash=_hash(script),
        as_of=f"{report.as_of:%Y-%m-%d %H:%M} {report.as_of.tzname() or ''}".rstrip(),
        remarks=[text for text in (report.gauge.reason, *report.gauge.notes) if text],
        regime_probability=number(report.regime.bull_probability),
        lines=[_line(line, weighed, indicators[line.name]) for line, weighed in lines if line.name in indicators],
        rankings=[_ranking(ranking) for ranking in report.rankings],
        why_gauge=_kept(gauge.__doc__),
        why_regime=_kept(regime.__doc__),
        why_score=_kept(inspect.getdoc(Indicator.score)),
        **_dial(report),
        **_bars(report),
    )


def _templates() -> Environment:
    """Escape everything, clean every foreign text first, and refuse a name that is not there."""

    def cleaned(cell: object) -> object:
        return clean(cell, SENTENCE) if isinstance(cell, str) and not isinstance(cell, Markup) else cell

    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=cleaned,
        loader=FunctionLoader(lambda name: str(_own(name))),
        trim_blocks=True,
    )


def _own(name: str) -> Markup:
    """One of our own files beside this one, trusted as it is."""
    return Markup((files("indicators.views") / "templates" / name).read_text(encoding="utf-8"))  # noqa: S704


def _hash(text: str) -> str:
    """What the page's policy names a style or script by."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _kept(text: str | None) -> Markup:
    """Our own words with their line breaks."""
    return escape(inspect.cleandoc(text or "not described"))


def _polar(level: float, radius: float) -> tuple[float, float]:
    """Where a level of the gauge stands at a radius of the dial."""
    angle = pi * (1 - level / 100)
    return round(CENTRE[0] + radius * cos(angle), 2), round(CENTRE[1] - radius * sin(angle), 2)


def _ring(low: float, high: float) -> str:
    """The path of a piece of the dial."""
    (a, b), (c, d), (e, f), (g, h) = (
        _polar(low, OUTER), _polar(high, OUTER), _polar(high, INNER), _polar(low, INNER)
    )  # fmt: skip
    return f"M{a} {b}A{OUTER} {OUTER} 0 0 1 {c} {d}L{e} {f}A{INNER} {INNER} 0 0 0 {g} {h}Z"


def _dial(report: Report) -> dict[str, Any]:
    level = report.gauge.level
    marks = []
    for at, text in [
        *((20 * i, str(20 * i)) for i in range(6)),
        *((20 * i + 10, name) for i, name in enumerate(ZONES)),
    ]:
        x, y = _polar(at, LABELS)
        marks.append(
            {"x": x, "y": y + 4, "text": text, "anchor": "end" if at < 45 else "start" if at > 55 else "middle"}
        )
    needle = None
    if level is not None:
        (a, b), (c, d) = _polar(level, INNER - 12), _polar(level, OUTER + 6)
        needle = f"M{a} {b}L{c} {d}"
    said = "no level, insufficient" if level is None else f"{level:.1f} of 100, {report.gauge.zone}"
    return {
        "zones": [{"path": _ring(20 * i, 20 * i + 20), "name": name} for i, name in enumerate(ZONES)],
        "rim": _ring(0, 100),
        "marks": marks,
        "needle": needle,
        "dial_said": f"Dial from 0, deep bear, to 100, strong bull: {said}",
    }


def _bars(report: Report) -> dict[str, Any]:
    pulls = sorted(report.gauge.contributions.items(), key=lambda item: (-abs(item[1] or 0.0), item[0]))
    widest = max([abs(points or 0.0) for _, points in pulls], default=0.0) or 1.0
    bars = []
    for name, points in pulls:
        width = round(REACH * abs(points or 0.0) / widest, 2)
        bull = (points or 0.0) >= 0
        bars.append(
            {
                "name": name, "text": f"{points or 0.0:+.2f}", "side": "bull" if bull else "bear", "width": width,
                "x": MIDDLE if bull else MIDDLE - width, "at": MIDDLE + width + 5 if bull else MIDDLE - width - 5,
                "anchor": "start" if bull else "end", "why": "why-gauge",
            }
        )  # fmt: skip
    bars += [
        {"name": name, "text": "missing", "side": "bull", "width": 0, "x": MIDDLE, "at": MIDDLE + 5, "anchor": "start",
         "why": "why-gauge"}
        for name in sorted(report.gauge.missing)
    ]  # fmt: skip
    return {"bars": bars, "bars_said": "; ".join(f"{bar['name']} {bar['text']}" for bar in bars) or "no parts"}


def _line(line: IndicatorLine, weighed: bool, indicator: Indicator) -> dict[str, Any]:
    """One indicator's card: its facts, each with where it is explained, and its components as tables."""
    why = f"why-{line.name}"
    band = None if line.low is None or line.high is None else f"{number(line.low)} to {number(line.high)}"
    known = None if line.known_at is None else f"{line.known_at:%Y-%m-%d %H:%M} {line.known_at.tzname() or ''}".rstrip()
    score = None if line.score is None else f"{line.score:.1f} of 100"
    facts = [
        ("Value", None if line.value is None else f"{number(line.value)} {line.unit}", f"{why}-value", "value"),
        ("Change", None if line.change is None else number(line.change, signed=True), f"{why}-change", "change"),
        ("Score", score, "why-score", "score"),
        ("Coverage", None if line.coverage is None else f"{100 * line.coverage:.0f} %", f"{why}-coverage", "coverage"),
        ("Band", band, f"{why}-band", "low"),
        ("Known at", known, f"{why}-known", "known_at"),
        ("Age, sessions", None if line.age_sessions is None else str(line.age_sessions), f"{why}-known", "age"),
    ]
    components, tables = _components(line)
    return {
        "name": line.name, "title": line.title, "weighed": weighed, "meaning": line.meaning, "notes": line.notes,
        "reason": None if line.reason == line.meaning else line.reason, "score_text": score,
        "mark": None if line.score is None else round(10 + 5 * line.score, 1),
        "facts": [
            {"name": name, "text": text or "–", "held": text is not None, "why": at,
             "reason": line.reasons.get(column) or (line.reason if column == "value" else "") or ""}
            for name, text, at, column in facts
        ],
        "components": components, "tables": tables, "why": _why(line, indicator),
    }  # fmt: skip


def _why(line: IndicatorLine, indicator: Indicator) -> dict[str, Any]:
    """The docstring's parts, and a sentence on coverage, band, timing and tables."""
    found = explanation(inspect.getdoc(type(indicator)))
    coverage = line.reasons.get("coverage") or "The share of its input that the value rests on; see the formula."
    band = line.reasons.get("low") or "Bounds the true value at 95 %, for random error in the sides of trades."
    lag = f"{indicator.lag} session later" if indicator.lag else "at the session's close, of what was public by then"
    return {
        "summary": found.summary, "parts": found.parts, "coverage": coverage, "band": band, "known": lag,
        "tables": ", ".join(need.table + (" (optional)" if need.optional else "") for need in indicator.inputs),
    }  # fmt: skip


def explanation(docstring: str | None) -> Explanation:
    """Take a docstring apart: headings stand underlined, above an indented block, or before a colon.

    >>> [part["heading"] for part in explanation("Sum.\\n\\nFormula\\n    a + b\\nUnits: dollars").parts]
    ['Formula', 'Units']
    """
    lines = (docstring or "Not described.").splitlines()
    parts: list[tuple[str, list[str]]] = [("Formula", [])]
    summary, rest = lines[0], [*lines[1:], ""]
    for i, text in enumerate(rest[:-1]):
        below = rest[i + 1]
        if text and set(text) == {"-"}:
            continue
        headed = HEADING.match(text)
        indented = text[:1].strip() and below.startswith("    ") and len(text.split()) <= 4 and text[-1].isalpha()
        if text.strip() and (set(below) == {"-"} or indented):
            parts.append((text.strip(), []))
        elif headed:
            parts.append((headed[1], [text[headed.end() :]]))
        else:
            parts[-1][1].append(text)
    said = [(heading, inspect.cleandoc("\n" + "\n".join(body))) for heading, body in parts]
    return Explanation(summary, [{"heading": heading, "text": escape(body)} for heading, body in said if body])


def _components(line: IndicatorLine) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Components as one table of names and values, and each list of rows as a table of its own."""
    rows: list[list[Cell]] = []
    tables: list[dict[str, Any]] = []

    def walk(name: str, cell: Any) -> None:
        if isinstance(cell, dict):
            for key, inner in cell.items():
                walk(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(cell, list) and cell and all(isinstance(row, dict) for row in cell):
            tables.append(_table(f"{line.name}-{name}", f"{line.title}, {name}", cell))
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


def _ranking(ranking: Ranking) -> dict[str, Any]:
    title = f"{ranking.name} by {ranking.by}"
    made = _table(f"rank-{ranking.name}", title, ranking.rows)
    if not any(row.get("reason") for row in ranking.rows):
        made = _table(
            f"rank-{ranking.name}", title, [{k: v for k, v in r.items() if k != "reason"} for r in ranking.rows]
        )
    return made | {"title": title, "name": ranking.name}
