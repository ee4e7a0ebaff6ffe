"""What was received and cannot be read, in the words of a run, doctor and the report."""

from collections.abc import Sequence

from flows.warehouse.connection import Connection
from flows.warehouse.errors import NotBuilt

SHOWN = 5
"""Places that are named; marts.unreadable_payloads has all."""

HINT = "They may contain unsubscribes: correct the files in the landing folder, or move them away."

UnreadableRow = tuple[str, str, str]
"""File, lines and reason."""


def unreadable_payloads(connection: Connection) -> list[UnreadableRow]:
    """Return file, lines and reason of each row of marts.unreadable_payloads, sorted; none before the first build."""
    query = "SELECT file, lines, reason FROM marts.unreadable_payloads ORDER BY file, lines, reason"
    try:
        return [(file, lines, reason) for file, lines, reason in connection.execute(query).fetchall()]
    except NotBuilt:
        return []


def describe_unreadable(rows: Sequence[UnreadableRow]) -> str:
    """Return one sentence with the number of rows and the first places.

    >>> describe_unreadable([("ses/x.json", "line 3", "it is not valid JSON"), ("ses/y.csv", "whole file", "its name")])
    '2 email events cannot be read: ses/x.json, line 3: it is not valid JSON; ses/y.csv, whole file: its name'
    """
    places = [f"{file}, {lines}: {reason}" for file, lines, reason in rows[:SHOWN]]
    more = [f"{len(rows) - SHOWN:,} more in marts.unreadable_payloads"] if len(rows) > SHOWN else []
    return f"{len(rows):,} email events cannot be read: {'; '.join([*places, *more])}"


def notes_of_unreadable(connection: Connection) -> tuple[str, ...]:
    """Return the note of a plan about what is unreadable, if anything is."""
    rows = unreadable_payloads(connection)
    return (f"{describe_unreadable(rows)}. {HINT}",) if rows else ()
