"""Rows of keyed tables on their way in: which are new, which say what is held, and which take its place.

The queries stand in feeds/sql/writing; what the staged rows are held against is said in `FileWriting.settle`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from feeds.schema import Table

Run = Callable[..., list[Any]]
"""Runs a query of feeds/sql/writing by name, with names to put into it and values; returns its rows."""


def settle_keyed(
    run: Run, table: Table, file: int, staged: int, assumed: str | None, again: bool = False
) -> tuple[int, int, int, int]:
    """Write the staged rows that are new or better; how many, and the duplicates, corrections and completions.

    Parameters
    ----------
    staged : rows staged
    assumed : columns of them that a mapping assumed, None for rows that were read
    again : the rows were read before: they fill the keys that nobody holds, and take no other row's place
    """
    key = ", ".join(f'"{name}"' for name in table.key)
    facts = [name for name in table.names if name not in table.key]
    known_at = () if "known_at" in table.names else ("known_at",)
    same_key = " AND ".join(f'o."{name}" IS NOT DISTINCT FROM n."{name}"' for name in table.key)
    differs = " OR ".join(f'o."{name}" IS DISTINCT FROM n."{name}"' for name in facts) or "false"
    better, completes = _better(table, assumed is not None)
    run("ordered", {"key": key})
    names = ", ".join(f'"{name}"' for name in (*table.names, "session", *known_at))
    into = {"table": table.name, "names": names, "key": key, "same_key": same_key}
    if again:
        kept = _one(run("keyed", into, file=file, assumed=assumed))
        return kept, staged - kept, 0, 0
    said = {"key": _json("n", table.key), "was": _json("o", facts), "became": _json("n", facts)}
    against = {"table": table.name, "same_key": same_key, "better": better}
    corrected = _one(run("corrections_within", {**said, "differs": differs}, table=table.name, file=file))
    completed = 0
    if replaced := _one(run("replaced", against)):
        more = {**said, **against, "completes": completes}
        corrections = _one(run("corrections_against", more, table=table.name, file=file))
        run("lower_partitions", against)
        run("forget_empty_partitions")
        run("forget_replaced", against)
        corrected, completed = corrected + corrections, replaced - corrections
    kept = _one(run("keyed", into, file=file, assumed=assumed))
    return kept, staged - kept, corrected, completed


def _one(rows: list[Any]) -> int:
    return int(rows[0][0])


def _better(table: Table, assumed: bool) -> tuple[str, str]:
    """SQL for whether a row n takes the place of o under its key, and whether it then completes it: says all of it."""
    contradicts, adds, loses = ["false"], ["false"], ["false"]
    for column in table.columns:
        if column.name in table.key:
            continue
        was, becomes = f'o."{column.name}"', f'n."{column.name}"'
        if column.empty_says:
            contradicts.append(f"{was} IS DISTINCT FROM {becomes}")
        else:
            contradicts.append(f"coalesce({was} <> {becomes}, false)")
            adds.append(f"({was} IS NULL AND {becomes} IS NOT NULL)")
            loses.append(f"({was} IS NOT NULL AND {becomes} IS NULL)")
    other, more, less = (" OR ".join(terms) for terms in (contradicts, adds, loses))
    # what is read takes the place of what was assumed, never the other way round
    better = (
        f"({other} OR {more}) AND o.assumed IS NOT NULL" if assumed else f"{other} OR {more} OR o.assumed IS NOT NULL"
    )
    alike = "o.assumed IS NOT NULL" if assumed else "o.assumed IS NULL"
    return better, f"NOT ({other} OR {less}) AND {alike}"


def _json(alias: str, columns: Sequence[str]) -> str:
    """SQL for a row's columns as one JSON text."""
    fields = ", ".join(f"'{name}': {alias}.\"{name}\"" for name in columns)
    return f"to_json({{{fields}}})"
