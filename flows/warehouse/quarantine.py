"""The rows of raw tables that are set aside, in the words of a run, doctor and the report."""

from collections.abc import Sequence

from flows.warehouse.connection import Connection
from flows.warehouse.errors import NotBuilt

SHOWN = 5
"""Reasons that are named; marts.quarantined_rows has all rows."""

SetAside = tuple[str, str, int]
"""A raw table, the reason, and the number of rows that are set aside for it."""


def rows_set_aside(connection: Connection) -> list[SetAside]:
    """Return the rows that are set aside by table and reason, most rows first; none before the first build."""
    query = """
        SELECT table_name, reason, CAST(sum(occurrences) AS BIGINT) FROM marts.quarantined_rows
        GROUP BY table_name, reason ORDER BY 3 DESC, 1, 2"""
    try:
        return [(table, reason, number) for table, reason, number in connection.execute(query).fetchall()]
    except NotBuilt:
        return []


def describe_set_aside(rows: Sequence[SetAside]) -> str:
    """Return one sentence with the number of rows, and the most frequent reasons.

    >>> describe_set_aside([("actions", "state is null", 2), ("partners", "name is null", 1)])
    '3 rows are set aside: 2 of raw.actions (state is null), 1 of raw.partners (name is null).'
    >>> describe_set_aside([("partners", "name is null", 1)])
    '1 row is set aside: 1 of raw.partners (name is null).'
    """
    total = sum(number for *_, number in rows)
    reasons = [f"{number:,} of raw.{table} ({reason})" for table, reason, number in rows[:SHOWN]]
    more = [f"and for {len(rows) - SHOWN:,} more reasons"] if len(rows) > SHOWN else []
    return f"{total:,} {'row is' if total == 1 else 'rows are'} set aside: {', '.join([*reasons, *more])}."


def hint_of_set_aside(table: str | None = None) -> str:
    """Return how to look at the rows, of one raw table or of all, and what to do about them."""
    condition = f" WHERE table_name = '{table}'" if table else ""
    return (
        f"SELECT * FROM marts.quarantined_rows{condition} shows them. Nothing is computed from them: correct them in "
        "the source, and the next run uses them."
    )


def notes_of_set_aside(connection: Connection) -> tuple[str, ...]:
    """Return the note of a plan about the rows that are set aside, if there are any."""
    rows = rows_set_aside(connection)
    return (f"{describe_set_aside(rows)} {hint_of_set_aside()}",) if rows else ()
