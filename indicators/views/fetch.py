"""What `bullbear fetch` says of each file, and of all of them."""

from collections.abc import Sequence

from feeds.fetch.source import Fetched
from indicators.views.table import clean

_WORDS = {"fetched": "fetched", "present": "already there", "unpublished": "not published", "failed": "failed"}


def fetched_line(found: Fetched) -> str:
    """One line a file."""
    why = f": {clean(found.why, 300)}" if found.why else ""
    return f"{clean(found.name, 200)}: {_WORDS[found.state]}{why}"


def fetched_summary(every: Sequence[Fetched]) -> str:
    """How many of each, and the exit code's reason."""
    counts = {state: sum(found.state == state for found in every) for state in _WORDS}
    return ", ".join(f"{count} {_WORDS[state]}" for state, count in counts.items() if count) or "nothing was asked for"
