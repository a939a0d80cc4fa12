"""The page's own drawings: the dial and the bars of what each part adds, as what the template writes into SVG."""

from math import cos, pi, sin
from typing import Any

from indicators.views.language import Language
from indicators.views.report import Report

ZONES = ("deep bear", "bear", "neutral", "bull", "strong bull")
CENTRE, INNER, OUTER, LABELS = (260.0, 240.0), 120.0, 190.0, 200.0
"""The dial, in units of its drawing."""

MIDDLE, REACH = 340.0, 110.0
"""The bars: where 0 points stands, and how far the longest one goes."""


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


def dial(report: Report, language: Language) -> dict[str, Any]:
    """Zones as paths, marks around them, the needle where there is a level, and what all of it says in words."""
    level = report.gauge.level
    marks = []
    for at, text in [
        *((20 * i, str(20 * i)) for i in range(6)),
        *((20 * i + 10, name) for i, name in enumerate(ZONES)),
    ]:
        x, y = _polar(at, LABELS)
        marks.append(
            {
                "x": x,
                "y": y + 4,
                "text": language.sentence(text),
                "anchor": "end" if at < 45 else "start" if at > 55 else "middle",
            }
        )
    needle = None
    if level is not None:
        (a, b), (c, d) = _polar(level, INNER - 12), _polar(level, OUTER + 6)
        needle = f"M{a} {b}L{c} {d}"
    said = language.say("no level, insufficient")
    if level is not None:
        said = language.say("{level} of 100, {zone}", level=f"{level:.1f}", zone=report.gauge.zone)
    return {
        "zones": [{"path": _ring(20 * i, 20 * i + 20), "name": name} for i, name in enumerate(ZONES)],
        "rim": _ring(0, 100),
        "marks": marks,
        "needle": needle,
        "dial_said": language.say("Dial from 0, deep bear, to 100, strong bull: {said}", said=said),
    }


def bars(report: Report, language: Language) -> dict[str, Any]:
    """One bar a part, the largest first, and the missing ones without a length."""
    pulls = sorted(report.gauge.contributions.items(), key=lambda item: (-abs(item[1] or 0.0), item[0]))
    widest = max([abs(points or 0.0) for _, points in pulls], default=0.0) or 1.0
    told = [(name, points or 0.0, f"{points or 0.0:+.2f}") for name, points in pulls]
    told += [(name, 0.0, language.say("missing")) for name in sorted(report.gauge.missing)]
    drawn = []
    for name, points, text in told:
        width, bull = round(REACH * abs(points) / widest, 2), points >= 0
        drawn.append(
            {
                "name": language.sentence(name),
                "text": text,
                "side": "bull" if bull else "bear",
                "width": width,
                "x": MIDDLE if bull else MIDDLE - width,
                "at": MIDDLE + width + 5 if bull else MIDDLE - width - 5,
                "anchor": "start" if bull else "end",
                "why": "why-gauge",
            }
        )
    return {"bars": drawn, "bars_said": "; ".join(f"{bar['name']} {bar['text']}" for bar in drawn) or "–"}
