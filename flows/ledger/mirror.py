"""The mirror of the ledger in the warehouse: raw.sent_emails, workflow_runs, suppressions and copy_addresses.

The watermark in the warehouse is the last row of the ledger's log that the mirror has seen; only deliveries that have
changed since are written. The mirror is filled again without a watermark (the warehouse was deleted), if the counts
differ from the ledger's, and if a table lacks a column (an earlier program has written it). It only saves work: a
contact that it misses is still refused by the ledger's primary key.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

import pandas

from flows.addresses import address_key
from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import Changes, Watermark, changes_since, copy_addresses, runs_since
from flows.ledger.suppressions import suppressions
from flows.run_id import hour_of_run
from flows.warehouse.connection import Connection
from flows.warehouse.raw_tables import append_raw_rows, has_raw_table, replace_raw_table

DELIVERY_COLUMNS = [
    "delivery_id",
    "workflow_id",
    "program_id",
    "partner_id",
    "contract_id",
    "email",
    "action",
    "state",
    "message_id",
    "run_id",
    "as_of",
    "sent_at",
    "reason",
    "failed_before_sending",
    "delivered_as_of",
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
    "notes",
]


def mirror(connection: Connection, ledger: Ledger) -> None:
    """Make the mirror equal to the ledger. Call it in a transaction."""
    changes = changes_since(ledger, _watermark(connection))
    _append(connection, changes)
    if _counts(connection) != changes.counts:
        changes = changes_since(ledger, None)
        _append(connection, changes)
    rows = [astuple(changes.watermark)] if changes.watermark else []
    replace_raw_table(connection, "ledger_watermark", _frame(rows, ["log_id", "logged_at", "delivery_id"]))
    _mirror_runs(connection, ledger)
    rows = [(one.email_key, one.scope, one.reason, one.at) for one in suppressions(ledger)]
    replace_raw_table(connection, "suppressions", _frame(rows, ["email", "scope", "reason", "suppressed_at"]))
    copies = sorted({address_key(one) for one in copy_addresses(ledger)})
    rows = [(email, spelling) for email in copies for spelling in _spellings(email)]
    replace_raw_table(connection, "copy_addresses", _frame(rows, ["email", "spelling"]))


def _mirror_runs(connection: Connection, ledger: Ledger) -> None:
    """Append the runs that were recorded since the watermark; their rows never change."""
    watermark = None
    if has_raw_table(connection, "run_watermark") and has_raw_table(connection, "workflow_runs"):
        watermark = connection.execute("SELECT log_id, run_id FROM raw.run_watermark").fetchone()
    rows, is_complete, newest = runs_since(ledger, watermark)
    frame = _frame([[row[column] for column in RUN_COLUMNS] for row in rows], RUN_COLUMNS)
    (replace_raw_table if is_complete else append_raw_rows)(connection, "workflow_runs", frame)
    replace_raw_table(connection, "run_watermark", _frame([newest] if newest else [], ["log_id", "run_id"]))


def _watermark(connection: Connection) -> Watermark | None:
    if not (has_raw_table(connection, "ledger_watermark") and has_raw_table(connection, "sent_emails")):
        return None
    row = connection.execute("SELECT log_id, logged_at, delivery_id FROM raw.ledger_watermark").fetchone()
    return Watermark(*row) if row else None


def _append(connection: Connection, changes: Changes) -> None:
    """Replace the mirror's rows of the deliveries that have changed."""
    frame = _frame([_row(one) for one in changes.deliveries], DELIVERY_COLUMNS)
    if changes.is_complete:
        replace_raw_table(connection, "sent_emails", frame)
        return
    if len(frame):
        changed = [one.delivery_id for one in changes.deliveries]
        connection.execute("DELETE FROM raw.sent_emails WHERE delivery_id IN (SELECT UNNEST(?))", [changed])
        append_raw_rows(connection, "sent_emails", frame)


def _row(delivery: Delivery) -> list[Any]:
    """Return the delivery's row, its address in canonical form, as the warehouse compares it."""
    special = {"email": delivery.email_key, "delivered_as_of": _delivered_as_of(delivery)}
    return [special[column] if column in special else getattr(delivery, column) for column in DELIVERY_COLUMNS]


def _delivered_as_of(delivery: Delivery) -> datetime | None:
    """Return the hour (UTC) of the run that sent the delivery, by its id; None if it is not sent, or that is unknown.

    It differs from `as_of`, the hour of the run that claimed it, after a mail server was down.
    """
    if delivery.state != "sent":
        return None
    return hour_of_run(delivery.leased_by or "")


def _counts(connection: Connection) -> dict[str, int]:
    rows = connection.execute("SELECT state, count(*) FROM raw.sent_emails GROUP BY state").fetchall()
    return Counter(dict(rows))


def _frame(rows: Sequence[Sequence[Any]], columns: list[str]) -> pandas.DataFrame:
    return pandas.DataFrame(rows, columns=columns, dtype=object)


def _spellings(key: str) -> list[str]:
    """Return the forms in which an event may have a canonical address: its domain in IDNA form, or in Unicode."""
    local, at, domain = key.rpartition("@")
    try:
        return sorted({key, local + at + domain.encode("ascii").decode("idna")})
    except UnicodeError:
        return [key]
