"""What `bullbear ingest` says of each file."""

from feeds.ingest import SNIFFING, Outcome
from feeds.mapping import Mapped
from indicators.views.table import clean

_LINE = 400
"""Characters of a foreign text on a line."""


def outcome_line(outcome: Outcome) -> str:
    """One line a file: read = stored + duplicates + rejected, and whatever a reader should know of it."""
    name = clean(outcome.path.name, _LINE)
    if outcome.error is not None:
        return clean(outcome.error, _LINE)
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
    if outcome.assumed:
        line += f"; assumed: {clean(outcome.assumed, _LINE)}"
    if outcome.aside:
        counted = ", ".join(f"{what}: {count:,}" for what, count in outcome.aside.items())
        line += f"; set aside: {clean(counted, _LINE)}"
    if outcome.ignored:
        line += f"; columns left out: {clean(', '.join(outcome.ignored), _LINE)}"
    return line


def sources_text() -> str:
    """Every source with the tables it fills."""
    feeds = [*((feed.name, feed.about, feed.fills) for feed in SNIFFING), (Mapped.name, Mapped.about, Mapped.fills)]
    return "\n".join(f"{name:<10} {about}\n{'':<10} fills {', '.join(fills)}" for name, about, fills in feeds)
