"""What `bullbear ingest` says of each file."""

from feeds.ingest import SNIFFING, Outcome
from feeds.mapping import Mapped


def outcome_line(outcome: Outcome) -> str:
    """One line a file: read = stored + duplicates + rejected, and whatever a reader should know of it."""
    name = printable(outcome.path.name)
    if outcome.error is not None:
        return printable(outcome.error)
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
        line += f"; assumed: {printable(outcome.assumed)}"
    if outcome.ignored:
        line += f"; columns left out: {printable(', '.join(outcome.ignored))}"
    return line


def printable(text: str) -> str:
    """Text from outside on one line, its control characters shown, at most 400 characters of it."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= 400 else shown[:399] + "…"


def sources_text() -> str:
    """Every source with the tables it fills."""
    feeds = [*((feed.name, feed.about, feed.fills) for feed in SNIFFING), (Mapped.name, Mapped.about, Mapped.fills)]
    return "\n".join(f"{name:<10} {about}\n{'':<10} fills {', '.join(fills)}" for name, about, fills in feeds)
