"""Unusual option orders as text, JSON and CSV."""

from typing import TYPE_CHECKING, Any

from indicators.views.table import csv_text, json_text, number, plain, rows_text, shown

if TYPE_CHECKING:
    from indicators.engine.unusual import Unusual

COLUMNS = (
    *("time", "last_time", "contract", "underlying", "expiry", "strike", "right", "side", "direction", "premium"),
    *("size", "vwap", "volume", "volume_from", "open_interest", "volume_open_interest", "days", "moneyness"),
    *("underlying_price", "underlying_price_from", "kind", "sweep", "floor", "cross", "venues", "prints", "opening"),
    *("next_open_interest", "outcome", "outcome_known_at", "asset_class", "conditions", "reason"),
)
"""What is told of an order, in order: the header of a table without rows too."""

SHOWN = (
    *("time", "contract", "side", "direction", "premium", "size", "vwap", "volume", "volume_from"),
    *("open_interest", "volume_open_interest", "days", "moneyness", "underlying_price", "underlying_price_from"),
    *("kind", "venues", "prints", "opening", "outcome", "conditions"),
)
SHORT = {
    "open_interest": "oi", "volume_open_interest": "vol/oi", "underlying_price": "underlying",
    "underlying_price_from": "from", "volume_from": "vol from",
    "out of the money": "out", "in the money": "in", "at the money": "at", "unknown moneyness": "unknown",
}  # fmt: skip
RINGS = (
    *("symbol", "orders", "screened_bull_bear", "screened_call_put", "institutional_bull_bear"),
    *("institutional_call_put", "all_bull_bear", "all_call_put", "all_imbalance", "all_low", "all_high"),
)

OUTCOME = (
    "opened, closed: decided by the next session's open interest whatever the contract's other prints did; "
    "precision = opened / (opened + closed)"
)
SIDES = (
    "sides are inferred and often wrong: low and high bound the true imbalance; if buys and sells are signed "
    "with different accuracy its level is biased, its change against its own history is not"
)
OPENING = (
    "opening, with open interest of the close before and the whole session's volume (as published where "
    "known and not below the tape's, else the tape's): certain = size > open interest + rest of the volume: it could "
    "not close so much had all else opened; likely = size > open interest - rest of the volume, that is volume > open "
    "interest: not all of the volume can close what was open, which order opens is unsaid"
)

BARS = "the session's tape holds minute bars, not prints: a bar is no order, so none can pass the screen"


def unusual_text(found: "Unusual", kind: str) -> str:
    """A session's unusual orders as "text", "json" ({rows, rings, precision}) or "csv" (the rows)."""
    if kind == "json":
        return json_text(
            {
                "session": found.session,
                "screen": found.screen,
                "rows": found.rows,
                "rings": found.rings,
                "precision": found.precision,
                "notes": [BARS] if found.only_bars else [],
            }
        )
    if kind == "csv":
        return csv_text(found.rows, COLUMNS).rstrip("\n")
    rows = [{SHORT.get(name, name): _cell(name, row[name]) for name in SHOWN} for row in found.rows]
    rings = [{_ring(name): ring[name] for name in RINGS} for ring in found.rings]
    tables = [_title(found), rows_text(rows, kind) if rows else _none(found), "", rows_text(rings, kind), ""]
    marks = [_precision(mark, held) for mark, held in found.precision["by_opening"].items()]
    reasons = list(dict.fromkeys(row["reason"] for row in found.rows if row["reason"]))
    reasons += [f"{ring['symbol']}: {ring['reason']}" for ring in found.rings if ring["all_bull_bear"] is None]
    if found.only_bars:
        reasons.append(BARS)
    return "\n".join([*tables, _precision("flagged", found.precision), *marks, OUTCOME, OPENING, SIDES, *reasons])


def _title(found: "Unusual") -> str:
    screen = found.screen
    return (
        f"{found.session}: option orders of {shown(screen.min_premium)} and more, {screen.max_dte} days to expiry or "
        f"less, {'out of the money' if screen.otm else 'any moneyness'}; times of New York"
    )


def _none(found: "Unusual") -> str:
    last = found.precision["last"]
    return "no order passes the screen" + (f"; the last session with one is {last}" if last else "")


def _cell(name: str, cell: object) -> object:
    if name == "time":
        return str(cell)[11:23]
    return SHORT.get(cell, cell) if isinstance(cell, str) else cell


def _ring(name: str) -> str:
    return name.replace("screened_", "scr ").replace("institutional_", "inst ").replace("_", " ")


def _precision(name: str, held: dict[str, Any]) -> str:
    """One line on what became of the orders that the screen flagged over the stored history."""
    of = f" in {held['sessions']:,} sessions" if "sessions" in held else ""
    what = (
        f"{name} orders{of}: {held['flagged']:,}; {held['opened']:,} opened, {held['closed']:,} closed, "
        f"{held['undecided']:,} undecided, {held['unknown']:,} without open interest"
    )
    if held["precision"] is None:
        return f"{what}; no precision: {plain(held['reason'])}"
    low, high = number(held["low"], places=2), number(held["high"], places=2)
    return f"{what}; precision {number(held['precision'], places=2)} (95 %: {low} to {high})"
