"""What `bullbear status` prints."""

from feeds.status import Status
from indicators.views.table import clean

_LINE = 400
"""Characters of a foreign text on a line."""


def status_text(found: Status) -> str:
    """A line a table, then what is overdue, gaps, rejects by reason, corrections and assumptions where there are."""
    as_of = "nothing is stored" if found.as_of is None else f"as of {found.as_of:%Y-%m-%d %H:%M} UTC"
    head = f"{'table':<16} {'state':<10} {'rows':>13} {'sessions':>9} {'first':<10} {'last':<10} {'gaps':>5}"
    lines = [as_of, f"{head} {'rejected':>9}"]
    for table in found.tables:
        gaps = "-" if table.gaps is None else f"{table.gaps:,}"
        lines.append(
            f"{table.table:<16} {table.state:<10} {table.rows:>13,} {table.sessions:>9,} {table.first or '-'!s:<10}"
            f" {table.last or '-'!s:<10} {gaps:>5} {table.rejected:>9,}"
        )
    for table in found.tables:
        if table.behind:
            due = f"{table.table}: {table.behind:,} sessions behind, due up to {table.due}"
            lines.append(f"{due}: {table.lag}")
        if table.gap_sessions:
            shown = ", ".join(str(day) for day in table.gap_sessions)
            unshown = (table.gaps or 0) - len(table.gap_sessions)
            more = f" and {unshown:,} more" if unshown else ""
            lines.append(f"{table.table}: no rows for {shown}{more}")
        lines += [f"{table.table}: {n:,} rejected: {clean(reason, _LINE)}" for reason, n in table.reasons.items()]
        if table.corrections:
            lines.append(f"{table.table}: {table.corrections:,} corrections recorded")
        if table.assumed:
            columns = sorted({name.strip() for names in table.assumed for name in names.split(",")})
            lines.append(f"{table.table}: assumed, not read, for some rows: {clean(', '.join(columns), _LINE)}")
    for word, n in found.unknown_conditions.items():
        lines.append(f"prints with the unknown condition '{clean(word, _LINE)}': {n:,}")
    return "\n".join(lines)
