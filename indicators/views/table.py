"""Readings and rows as text, JSON and CSV: exact money, no NaN, and nothing in a name that could act on its reader."""

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from rich.console import Console

    from indicators.engine.gauge import GaugeReading
    from indicators.engine.indicator import Indicator, Reading
    from indicators.engine.splits import Bucket

Json = Any
"""None, bool, int, finite float, str, and lists and string-keyed dicts of these."""

CELL = 24
"""Characters of a foreign text shown in a table's cell."""

REASON = 80
"""Characters of a reason in a table's cell: enough for one, which says what it is of."""

SENTENCE = 1000
"""Characters of a reason or a note shown below a table."""

LISTING = 320
"""Columns of a listing as text: every column of a ranking fits."""

FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell; the wide forms do so in East Asian versions."""

_MONEY = re.compile(r"-?\d+\.\d{2,}")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_UNPRINTABLE = re.compile(r"[^ -~]")
_BEYOND_ASCII = re.compile(r"[^\x00-~]")
_ASCII = str.maketrans({"▼": "v", "█": "#", "─": "-", "·": "-", "…": "~", "▲": "+", "−": "-", "×": "x", "Σ": "S"})


def plain(thing: object) -> Json:
    """Turn a value into what JSON holds: money (Decimal) a string, dates ISO, NaN and infinities null, −0 zero.

    Money is exact, without exponent, with two decimals at least, so that it is never taken for a code of digits.

    >>> plain({"net": Decimal("1E+7"), "ratio": float("inf"), "change": -0.0})
    {'net': '10000000.00', 'ratio': None, 'change': 0.0}
    """
    if isinstance(thing, BaseModel):
        return {name: plain(getattr(thing, name)) for name in type(thing).model_fields}
    if isinstance(thing, Mapping):
        return {str(name): plain(item) for name, item in thing.items()}
    if isinstance(thing, list | tuple):
        return [plain(item) for item in thing]
    if isinstance(thing, set | frozenset):
        return sorted((plain(item) for item in thing), key=str)
    if isinstance(thing, Decimal):
        return money(thing)
    if isinstance(thing, float):
        return float(thing) + 0.0 if math.isfinite(thing) else None
    if isinstance(thing, bool | int | str) or thing is None:
        return thing
    if isinstance(thing, date | datetime):
        return thing.isoformat()
    if hasattr(thing, "item"):
        return plain(thing.item())
    return str(thing)


def money(amount: Decimal) -> str | None:
    """Exact dollars as digits with two to six decimals; None when not finite.

    >>> money(Decimal("-0.000")), money(Decimal("28842000.100000")), money(Decimal("0.000001"))
    ('0.00', '28842000.10', '0.000001')
    """
    if not amount.is_finite():
        return None
    whole, _, decimals = format(amount if amount else Decimal(0), "f").partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def printable(text: str) -> str:
    """Foreign text with each control, format, private or unassigned character as �, each line break or tab a blank.

    Escape sequences and marks that turn the writing direction are among them.
    """
    return _UNPRINTABLE.sub(_replacement, text)


def clean(text: str, limit: int | None = None) -> str:
    """Make foreign text safe to print on one line: `printable`, blanks single, cut to `limit` characters with an "…".

    >>> clean("[red]A\\x1b[31m\\nB" + "C" * 99, 16)
    '[red]A�[31m BCC…'
    """
    text = " ".join(printable(text).split())
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def _is_control(character: str) -> bool:
    return unicodedata.category(character)[0] == "C"


def _replacement(found: re.Match[str]) -> str:
    return " " if found[0].isspace() else "�" if _is_control(found[0]) else found[0]


def number(value: float | None, signed: bool = False, places: int = 4) -> str:
    """A number for people: thousands grouped, `places` decimals below one, "–" for null, never "-0".

    >>> number(12345.678), number(0.02481), number(-0.0, signed=True), number(None), number(1.5, signed=True)
    ('12,346', '0.0248', '0', '–', '+1.50')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e15:
        return format(value, "+.2e" if signed else ".2e")
    text = format(value, ",.0f" if size >= 1000 else ",.1f" if size >= 100 else ".2f" if size >= 1 else f".{places}f")
    text = text if float(text.replace(",", "")) else format(value, ".1e")
    return f"+{text}" if signed and value > 0 else text


def shown(cell: object, limit: int = CELL) -> str:
    """A cell of a text table: numbers grouped, money with a dollar sign, text cleaned and cut."""
    cell = plain(cell)
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return number(cell)
    if isinstance(cell, str) and _MONEY.fullmatch(cell):
        amount = f"{Decimal(cell):,.2f}" if abs(Decimal(cell)) < 1000 else f"{Decimal(cell):,.0f}"
        return f"-${amount[1:]}" if amount.startswith("-") else f"${amount}"
    return clean(cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False), limit)


def json_text(thing: object) -> str:
    """JSON, indented, without NaN; characters that could steer a terminal are escaped, Chinese stays readable."""
    text = json.dumps(plain(thing), indent=2, ensure_ascii=False, allow_nan=False)
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1] if _is_control(found[0]) else found[0], text)


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """CSV with a header; nested columns are named with dots, null is empty.

    A text that a spreadsheet would run (first character = + - @, blanks skipped) gets a leading apostrophe; numbers and
    money keep their sign.
    """
    flat = [_flattened(plain(row)) for row in rows]
    names = list(columns) if columns is not None else list(dict.fromkeys(name for row in flat for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_guarded(name) for name in names])
    writer.writerows([_guarded(row.get(name)) for name in names] for row in flat)
    return out.getvalue()


def _flattened(row: Mapping[str, Json], prefix: str = "") -> dict[str, Json]:
    flat: dict[str, Json] = {}
    for name, cell in row.items():
        if isinstance(cell, dict):
            flat |= _flattened(cell, f"{prefix}{name}.")
        else:
            flat[prefix + name] = json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell
    return flat


def _guarded(cell: Json) -> Json:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell):
        return cell
    text = printable(cell)
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) else text


def print_rows(
    rows: Sequence[Mapping[str, Any]], console: "Console", columns: Sequence[str] | None = None, title: str = ""
) -> None:
    """Print rows as a table of text; numbers to the right. Nested columns are left to JSON and CSV."""
    from rich.table import Table
    from rich.text import Text

    cells = [plain(row) for row in rows]
    names = list(columns) if columns is not None else list(dict.fromkeys(name for row in cells for name in row))
    names = [name for name in names if not any(isinstance(row.get(name), dict | list) for row in cells)]
    table = Table(box=None, pad_edge=False, title=Text(clean(title, 80)) if title else None, title_justify="left")
    for name in names:
        texts = [row.get(name) for row in cells]
        right = all(not isinstance(c, str) or _MONEY.fullmatch(c) for c in texts)
        table.add_column(Text(clean(name, CELL), style="bold"), justify="right" if right else "left", overflow="fold")
    for row in cells:
        table.add_row(
            *(Text(encodable(shown(row.get(name), REASON if name == "reason" else CELL), console)) for name in names)
        )
    console.print(table)


def encodable(text: str, console: "Console") -> str:
    """The text in what the console's encoding can carry: plain signs for drawn ones, then "?"."""
    encoding = console.encoding
    if encoding.lower().replace("-", "").startswith("utf"):
        return text
    return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)


def plain_text(draw: Callable[["Console"], None], width: int) -> str:
    """What `draw` prints, as plain text of a fixed width without trailing blanks: the same bytes everywhere."""
    from rich.console import Console

    out = io.StringIO()
    draw(Console(file=out, width=width, color_system=None, force_terminal=False, legacy_windows=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def rows_text(rows: Sequence[Mapping[str, Any]], kind: str) -> str:
    """Rows of a ranking or a listing as "text", "json" ({rows: […]}) or "csv"."""
    if kind == "json":
        return json_text({"rows": rows})
    if kind == "csv":
        return csv_text(rows).rstrip("\n")
    return plain_text(lambda console: print_rows(rows, console), LISTING) if rows else "no rows"


def ranking_text(
    indicator: "Indicator",
    by: str,
    session: date,
    floor: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    kind: str,
) -> str:
    """A session's ranking as "text", "json" ({indicator, session, by, rows}) or "csv"."""
    if kind == "json":
        return json_text({"indicator": indicator.name, "session": session, "by": by, "rows": rows})
    if kind == "csv":
        return csv_text(rows, columns).rstrip("\n")
    from indicators.engine.screen import FLOORED

    head = f"{session}: {indicator.name} by {by}"
    if rows:
        return f"{head}\n{rows_text(rows, kind)}"
    floored = FLOORED.get(indicator.name)
    why = f"; the floor of {floored} is ${floor}, --floor lowers it" if floored else ""
    return f"{head}: no rows{why}"


def readings_text(indicator: "Indicator", found: Sequence[tuple["Reading", float | None]], kind: str) -> str:
    """An indicator's readings with their scores as "text", "json" (INTERFACE: `indicator`) or "csv"."""
    rows = [reading_row(reading, score) for reading, score in found]
    if kind == "text" and found:
        last = found[-1][0]
        said = [text for text in (last.reason, *last.notes) if text]
        return "\n".join([rows_text(rows, kind), *(clean(f"{last.session}: {text}", SENTENCE) for text in said)])
    if kind != "json":
        return rows_text(rows, kind)
    return json_text(
        {
            "indicator": indicator.name,
            "unit": indicator.unit,
            "params": indicator.model_dump(),
            "readings": rows,
        }
    )


def split_text(indicator: "Indicator", split: str, found: Sequence["Bucket"], kind: str) -> str:
    """A split of an indicator's sessions as "text", "json" ({indicator, unit, params, split, readings}) or "csv"."""
    rows: list[dict[str, Any]] = []
    for b in found:
        facts = {"session": b.session, split: b.bucket, "value": b.value, "coverage": b.coverage, "reason": b.reason}
        rows.append(facts | {"reasons": b.reasons, "components": b.components})
    if kind == "csv":
        return rows_text(rows, kind)
    if kind == "json":
        head = {"indicator": indicator.name, "unit": indicator.unit, "params": indicator.model_dump(), "split": split}
        return json_text(head | {"readings": rows})
    listed = [{n: row[n] for n in ("session", split, "value", "coverage")} | row["components"] for row in rows]
    empty = {name for name in listed[0] if all(row[name] is None for row in listed)}
    table = [{n: cell for n, cell in row.items() if n not in empty | {"total"}} for row in listed]
    said = {f"{name}: {row['reasons'][name]}" for row in rows for name in row["reasons"] if name in empty}
    return "\n".join([rows_text(table, kind), *sorted(said)])


def reading_row(reading: "Reading", score: float | None) -> dict[str, Any]:
    """A reading and its score, keyed by its session or its month."""
    when = {"month": reading.month} if reading.month is not None else {"session": reading.session}
    return when | {
        "value": reading.value,
        "score": score,
        "coverage": reading.coverage,
        "low": reading.low,
        "high": reading.high,
        "reason": reading.reason,
        "reasons": reading.reasons,
        "known_at": reading.known_at,
        "notes": reading.notes,
        "components": reading.components,
    }


def gauge_text(found: Sequence["GaugeReading"], kind: str) -> str:
    """The gauge's history as "text", "json" ({readings: […]}) or "csv"."""
    if kind == "json":
        return json_text({"readings": found})
    if kind == "csv":
        return csv_text([reading.model_dump() for reading in found]).rstrip("\n")
    shown_columns = ("session", "level", "zone", "confidence", "parts_present", "parts_total", "reason")
    rows = [{column: getattr(reading, column) for column in shown_columns} for reading in found]
    return rows_text(rows, kind)
