"""A number walked down to its prints, as an indented tree, JSON or CSV."""

from collections.abc import Sequence
from typing import Any

from indicators.views.table import SENTENCE, clean, csv_text, json_text, number, plain, shown

DEPTH = {"gauge": 0, "indicator": 1, "beside": 1, "clip": 1, "component": 2, "order": 3, "print": 4, "excluded": 3}
"""Steps that a level is indented; keys of an indicator, and what is left of a list, stand at 2 and 3."""


def explained_text(rows: Sequence[dict[str, Any]], kind: str) -> str:
    """Rows of `explain` as "text", "json" ({rows: […]}) or "csv"."""
    if kind == "json":
        return json_text({"rows": rows})
    if kind == "csv":
        return csv_text(rows).rstrip("\n")
    top = DEPTH.get(rows[0]["level"], 2)
    return "\n".join(
        "  " * max(DEPTH.get(row["level"], _as_before(rows, n)) - top, 0) + _line(row) for n, row in enumerate(rows)
    )


def _as_before(rows: Sequence[dict[str, Any]], n: int) -> int:
    """A rest stands beside the orders or the keys that it is left of."""
    return 3 if any(row["level"] == "order" for row in rows[:n]) else 2


def _line(row: dict[str, Any]) -> str:
    """One row: how much it adds, what it is, then every other fact that is there."""
    contribution = row.get("contribution")
    points = 2 if row["level"] in ("gauge", "indicator", "clip") else 5
    lead = "" if contribution is None else f"{contribution:+.{points}f}  "
    if row["level"] == "order":
        return clean(f"{lead}{_order(row)}", SENTENCE)
    if row["level"] == "print":
        return clean(f"{lead}{_print(row)}", SENTENCE)
    told = ("level", "name", "contribution", "notes", "known_at", "session")
    facts = [
        f"{name.replace('_', ' ')} {_fact(cell)}" for name, cell in row.items() if name not in told and cell is not None
    ]
    return clean(f"{lead}{row['name']}: {', '.join(facts)}", SENTENCE)


def _fact(cell: object) -> str:
    if isinstance(cell, float):
        return number(cell)
    return clean(str(plain(cell)), 200) if isinstance(cell, dict | list | tuple) else shown(cell, 200)


def _order(row: dict[str, Any]) -> str:
    prints = f"{row['prints']:,} print{'s' if row['prints'] > 1 else ''}"
    until = f" to {row['last_time'][11:23]}" if row["last_time"] != row["time"] else ""
    words = f", {row['conditions']}" if row["conditions"] else ""
    return (
        f"{row['time'][11:23]}{until}  {row['side']} {row['name']}  {_size(row['size'])} at {number(row['vwap'])} = "
        f"{shown(row['premium'])}  {row['direction']}, net {shown(row['net'])}, {row['kind']}, {prints}, "
        f"{row['venues']} venue{'s' if row['venues'] > 1 else ''}{words}"
    )


def _size(size: float) -> str:
    return f"{size:,.6f}".rstrip("0").rstrip(".")


def _print(row: dict[str, Any]) -> str:
    sizes = "" if row["bid_size"] is None else f" ({row['bid_size']:,} x {row['ask_size']:,})"
    quote = (
        "no quote in force"
        if row["quote_from"] is None
        else f"{shown(row['bid'])} / {shown(row['ask'])}{sizes} from the {row['quote_from']}"
    )
    rule = f"{row['side']} by {row['rule']}" if row["rule"] else "no side"
    words = f", {row['conditions']}" if row["conditions"] else ""
    return (
        f"{row['time'][11:23]}  {_size(row['size'])} at {shown(row['price'])} = {shown(row['premium'])}  {rule}; "
        f"{quote}; venue {row['venue'] or 'unknown'}{words}; {row['file']} line {row['line']}"
    )
