"""What `bullbear ingest` says of each file, and of all."""

from collections.abc import Sequence

from feeds.ingest import SNIFFING, Outcome
from feeds.mapping import Mapped
from indicators.views.table import clean

_LINE = 400
"""Characters of a foreign text on a line."""


def outcome_line(outcome: Outcome) -> str:
    """One line a file: read = stored + duplicates + rejected, and whatever a reader should know of it."""
    name = clean(outcome.shown or outcome.path.name, _LINE)
    if outcome.error is not None:
        return clean(_located(outcome, outcome.error), _LINE)
    if outcome.skipped and outcome.why is not None:
        return f"{name}: skipped, fills no table: {clean(outcome.why.rpartition(', found ')[2], _LINE)}"
    if outcome.skipped:
        return f"{name}: skipped, no feed knows this layout"
    line = (
        f"{name}: {outcome.table} ({outcome.source}): {outcome.read:,} read = {outcome.stored:,} stored"
        f" + {outcome.duplicates:,} duplicates + {outcome.rejected:,} rejected"
    )
    if outcome.replaced:
        line += f"; replaces {outcome.replaced:,} rows of the file's earlier version"
    if outcome.corrected:
        line += f"; {outcome.corrected:,} corrections recorded"
    if outcome.completed:
        line += f"; {outcome.completed:,} completions of rows that said less"
    if outcome.assumed:
        line += f"; assumed: {clean(outcome.assumed, _LINE)}"
    if outcome.aside:
        counted = ", ".join(f"{what}: {count:,}" for what, count in outcome.aside.items())
        line += f"; set aside: {clean(counted, _LINE)}"
    if outcome.ignored:
        line += f"; columns left out: {clean(', '.join(outcome.ignored), _LINE)}"
    return line


def _located(outcome: Outcome, error: str) -> str:
    """An error with the file's place in the folder: two folders may hold a file of the same name."""
    return error.replace(f"'{outcome.path.name}'", f"'{outcome.shown or outcome.path.name}'", 1)


def outcomes_line(outcomes: Sequence[Outcome]) -> str:
    """All files in one line, by what became of them; rows count once for each table that they fill."""
    failed = {outcome.path for outcome in outcomes if outcome.error is not None}
    skipped = {outcome.path for outcome in outcomes if outcome.skipped}
    whole = {outcome.path for outcome in outcomes} - failed - skipped
    read, stored, duplicates, rejected = (
        sum(getattr(outcome, name) for outcome in outcomes) for name in ("read", "stored", "duplicates", "rejected")
    )
    line = (
        f"files read: {len(whole):,}, passed over: {len(skipped):,}, failed: {len(failed):,}; {read:,} rows read"
        f" = {stored:,} stored + {duplicates:,} duplicates + {rejected:,} rejected"
    )
    if any(outcome.skipped and outcome.why is None for outcome in outcomes):
        line += "; a file of an unknown layout can be read by its name with --table or --mapping"
    return line


def sources_text() -> str:
    """Every source with the tables it fills."""
    feeds = [*((feed.name, feed.about, feed.fills) for feed in SNIFFING), (Mapped.name, Mapped.about, Mapped.fills)]
    return "\n".join(f"{name:<14} {about}\n{'':<14} fills {', '.join(fills)}" for name, about, fills in feeds)
