"""The ledger as the warehouse sees it: raw.sent_emails, raw.workflow_runs and raw.suppressions.

The deliveries are appended: what has moved since the line of the log that the warehouse holds as its mark. A warehouse
that was deleted has no mark, and one whose counts are not the ledger's is not trusted: both are filled anew. The mirror
only saves work; a partner that it does not know is refused by the ledger's own key.
"""

from collections import Counter
from dataclasses import astuple

import pandas

from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import Changes, Mark, changes_since, runs_since
from flows.ledger.suppressions import suppressions
from flows.warehouse.connection import Connection, has_table
from flows.warehouse.raw_tables import append_raw_rows, ensure_raw_table, replace_raw_table

DELIVERY_COLUMNS = [
    "delivery_id",
    "workflow_id",
    "program_id",
    "partner_id",
    "email",
    "action",
    "state",
    "message_id",
    "run_id",
    "as_of",
    "sent_at",
    "reason",
]
RUN_COLUMNS = [
    "run_id",
    "workflow_id",
    "as_of",
    "status",
    "members",
    "addresses",
    "already_contacted",
    "suppressed",
    "no_address",
    "recipients",
    "sent",
    "failed",
    "in_doubt",
    "detail",
]


def mirror(connection: Connection, ledger: Ledger) -> None:
    """Make the mirror equal to the ledger. To be called in a transaction."""
    changes = changes_since(ledger, _mark(connection))
    _append(connection, changes)
    if _counts(connection) != changes.counts:
        changes = changes_since(ledger, None)
        _append(connection, changes)
    replace_raw_table(connection, "ledger_watermark", _frame([astuple(changes.mark)] if changes.mark else [], _MARK))
    _mirror_runs(connection, ledger)
    rows = [
        (email, one.scope, one.reason, one.at) for one in suppressions(ledger) for email in _spellings(one.email_key)
    ]
    replace_raw_table(connection, "suppressions", _frame(rows, ["email", "scope", "reason", "suppressed_at"]))


_MARK = ["log_id", "logged_at", "delivery_id"]


def _mirror_runs(connection: Connection, ledger: Ledger) -> None:
    """Append the runs that were recorded since the mark: their rows never change."""
    place = has_table(connection, "raw", "run_watermark") and has_table(connection, "raw", "workflow_runs")
    mark = connection.execute("SELECT log_id, run_id FROM raw.run_watermark").fetchone() if place else None
    rows, since_begin, newest = runs_since(ledger, mark)
    frame = _frame([[row[column] for column in RUN_COLUMNS] for row in rows], RUN_COLUMNS)
    (replace_raw_table if since_begin else append_raw_rows)(connection, "workflow_runs", frame)
    replace_raw_table(connection, "run_watermark", _frame([newest] if newest else [], ["log_id", "run_id"]))


def _mark(connection: Connection) -> Mark | None:
    if not (has_table(connection, "raw", "ledger_watermark") and has_table(connection, "raw", "sent_emails")):
        return None
    row = connection.execute("SELECT log_id, logged_at, delivery_id FROM raw.ledger_watermark").fetchone()
    return Mark(*row) if row else None


def _append(connection: Connection, changes: Changes) -> None:
    """Put the changed deliveries in the place of what the mirror had of them."""
    frame = _frame([_row(one) for one in changes.deliveries], DELIVERY_COLUMNS)
    if changes.since_begin:
        replace_raw_table(connection, "sent_emails", frame)
        return
    ensure_raw_table(connection, "sent_emails")
    if len(frame):
        changed = [one.delivery_id for one in changes.deliveries]
        connection.execute("DELETE FROM raw.sent_emails WHERE delivery_id IN (SELECT UNNEST(?))", [changed])
        append_raw_rows(connection, "sent_emails", frame)


def _row(delivery: Delivery) -> list:
    return [getattr(delivery, column) for column in DELIVERY_COLUMNS]


def _counts(connection: Connection) -> dict[str, int]:
    rows = connection.execute("SELECT state, count(*) FROM raw.sent_emails GROUP BY state").fetchall()
    return Counter(dict(rows))


def _frame(rows: list, columns: list[str]) -> pandas.DataFrame:
    return pandas.DataFrame(rows, columns=columns, dtype=object)


def _spellings(key: str) -> list[str]:
    """An address as the warehouse may hold it: its domain in the IDNA form, or in letters."""
    local, at, domain = key.rpartition("@")
    try:
        return sorted({key, local + at + domain.encode("ascii").decode("idna")})
    except UnicodeError:
        return [key]
