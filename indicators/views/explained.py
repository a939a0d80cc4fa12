"""Docstrings as explanations: how an indicator's numbers are made, in the words that stand beside the code."""

import inspect
import re
from dataclasses import dataclass
from typing import Any

from indicators.engine.indicator import Indicator
from indicators.views.report import IndicatorLine

HEADING = re.compile(r"(Units|NaN rule|Null rule|States|Source|Timing): ")


@dataclass(frozen=True)
class Explanation:
    """An indicator's docstring taken apart: summary, and headed parts in order."""

    summary: str
    parts: list[tuple[str, str]]


def why_of(line: IndicatorLine, indicator: Indicator) -> dict[str, Any]:
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

    >>> explanation("Sum.\\n\\nFormula\\n    a + b\\nUnits: dollars").parts
    [('Formula', 'a + b'), ('Units', 'dollars')]
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
    return Explanation(summary, [(heading, body) for heading, body in said if body])
