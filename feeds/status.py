"""What a store holds: sessions, gaps against the exchange calendar, rejects, and how far behind each table is."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from feeds.schema import TABLES
from feeds.store import Store

State = Literal["available", "degraded", "pending", "missing"]


class TableStatus(BaseModel):
    """One table's standing.

    `gaps` counts sessions between the first and the last without a row, for tables that should have one every session;
    null for those that need not. state: missing = no row; pending = every-session table behind the newest session held;
    degraded = gaps or rejected rows; available = neither.
    """

    model_config = ConfigDict(frozen=True)

    table: str
    rows: int
    files: int
    sessions: int
    first: date | None
    last: date | None
    gaps: int | None
    gap_sessions: tuple[date, ...]
    rejected: int
    reasons: dict[str, int]
    corrections: int
    assumed: tuple[str, ...]
    state: State


class Status(BaseModel):
    """The whole store's standing."""

    model_config = ConfigDict(frozen=True)

    tables: list[TableStatus]
    unknown_conditions: dict[str, int]


def status(store: Store) -> Status:
    """Every canonical table, held or not, in the order of the schema."""
    reasons: dict[str, dict[str, int]] = {}
    for refusing, reason, n in store.reject_counts():
        reasons.setdefault(refusing, {})[reason] = n
    newest = max(
        (
            days[-1][0]
            for name, t in TABLES.items()
            if t.known in ("tape", "close") and (days := store.held_sessions(name))
        ),
        default=None,
    )
    files, corrections = store.file_counts(), store.correction_counts()
    tables = []
    for name, table in TABLES.items():
        held = store.held_sessions(name)
        refused = reasons.get(name, {})
        every_session = table.known in ("tape", "close")
        missed: list[date] = []
        if held and every_session:
            have = {day for day, _ in held}
            missed = [d for d in store.sessions(table.exchange).window(held[0][0], held[-1][0]).dates if d not in have]
        state: State = "available"
        if not held:
            state = "missing"
        elif every_session and newest is not None and held[-1][0] < newest:
            state = "pending"
        elif missed or refused:
            state = "degraded"
        tables.append(
            TableStatus(
                table=name,
                rows=sum(n for _, n in held),
                files=files.get(name, 0),
                sessions=len(held),
                first=held[0][0] if held else None,
                last=held[-1][0] if held else None,
                gaps=len(missed) if every_session else None,
                gap_sessions=tuple(missed[:20]),
                rejected=sum(refused.values()),
                reasons=refused,
                corrections=corrections.get(name, 0),
                assumed=tuple(store.assumptions(name)),
                state=state,
            )
        )
    return Status(tables=tables, unknown_conditions=dict(store.unknown_conditions()))
