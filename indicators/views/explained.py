"""Docstrings as explanations: how an indicator's numbers are made, in the words that stand beside the code."""

import inspect
import re
from dataclasses import dataclass
from typing import Any

from indicators.engine.indicator import Indicator
from indicators.views.report import IndicatorLine

HEADING = re.compile(r"(Units|NaN rule|Null rule|States|Source|Timing): ")

FULL = 104
"""Columns from which a line of a docstring is full: 120 less the indent of a method's or a class's headed part."""


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
    return Explanation(summary, [(heading, unbroken(body)) for heading, body in said if body])


def unbroken(text: str) -> str:
    """A docstring's text without the line ends that its source's width made, so that a page of any width breaks it.

    A line whose end had no place for the next word goes on in the next; a shorter one ends where it was meant to.
    Formulas that stand side by side come below each other.

    >>> unbroken("value = a / b\\nlow undefined")
    'value = a / b\\nlow undefined'
    >>> unbroken("    a = 1        b = 2")
    '    a = 1\\n    b = 2'
    """
    found: list[str] = []
    last = ""
    for line in text.splitlines():
        goes_on = bool(last.strip() and line.strip()) and len(last) + 1 + len(line.split()[0]) > FULL
        if goes_on and not line.lstrip().startswith(("- ", "* ")):
            found[-1] += " " + line.strip()
        else:
            found += _apart(line)
        last = line
    return "\n".join(found)


def _apart(line: str) -> list[str]:
    """Formulas side by side, each on a line of its own; any other line as it is."""
    indent = line[: len(line) - len(line.lstrip())]
    pieces = re.split(r" {3,}", line.strip())
    return [indent + piece for piece in pieces] if all(" = " in piece for piece in pieces) else [line]
