"""The mirror of the ledger in the warehouse: raw.sent_emails, workflow_runs, suppressions and copy_addresses.

The watermark in the warehouse is the last row of the ledger's log that the mirror has seen; only deliveries that have
changed since are written. The mirror is filled again without a watermark (the warehouse was deleted), if the counts
differ from the ledger's, and if a table lacks a column (an earlier program has written it). Suppressions and copy
addresses are few: they are compared row by row. The mirror only saves work: a contact that it misses is still refused
by the ledger's primary key.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

import pandas
from sqlglot import exp

from compiler.sql.dialect import table
from flows.addresses import address_key
from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import Changes, Watermark, changes_since, copy_addresses, runs_since
from flows.ledger.suppressions import suppressions
from flows.run_id import hour_of_run
from flows.warehouse.connection import Connection, transaction
from flows.warehouse.raw_tables import (
    append_raw_rows,
    delete_raw_rows,
    raw_columns,
    replace_raw_table,
    replace_raw_table_in_batches,
    usable_raw_tables,
)

DELIVERY_COLUMNS = raw_columns("sent_emails")

RUN_COLUMNS = raw_columns("workflow_runs")


def mirror(connection: Connection, ledger: Ledger) -> None:
    """Make the mirror equal to the ledger; write only what differs. Call it outside a transaction.

    Each batch of deliveries has a transaction of its own, because DuckDB keeps the rows of a transaction in memory.
    What marks rows as mirrored is written after them, and rows are deleted before they are added again. So a mirror
    that was interrupted is completed by the next one.
    """
    usable = usable_raw_tables(connection)
    _mirror_deliveries(connection, ledger, usable)
    rows = {(one.email_key, one.scope, one.reason, one.at) for one in suppressions(ledger)}
    copies = {address_key(one) for one in copy_addresses(ledger)}
    spellings = {(email, one) for email in copies for one in _spellings(email)}
    with transaction(connection):
        _mirror_runs(connection, ledger, usable)
        _mirror_list(connection, "suppressions", rows, usable)
        _mirror_list(connection, "copy_addresses", spellings, usable)


def _mirror_deliveries(connection: Connection, ledger: Ledger, usable: Collection[str]) -> None:
    """Write the deliveries that have changed since the watermark; all of them if the numbers by state differ then."""
    watermark = None
    if {"ledger_watermark", "sent_emails"} <= {*usable}:
        query = "SELECT log_id, logged_at, delivery_id FROM raw.ledger_watermark"
        row = connection.execute(query).fetchone()
        watermark = Watermark(*row) if row else None
    with changes_since(ledger, watermark) as changes:
        if changes.is_complete and ("sent_emails" not in usable or _counts(connection)):
            _replace(connection, changes)
        else:
            _write(connection, changes)
    if _counts(connection) != changes.counts:
        with changes_since(ledger, None) as changes:
            _replace(connection, changes)
    if changes.watermark != watermark or watermark is None:
        with transaction(connection):
            _mark(connection, "ledger_watermark", astuple(changes.watermark) if changes.watermark else None, usable)


def _replace(connection: Connection, changes: Changes) -> None:
    """Replace all rows of the mirror in one transaction: until its end the mirror, which `restore` reads, is whole."""
    with transaction(connection):
        replace_raw_table_in_batches(connection, "sent_emails", map(_deliveries_frame, changes.batches))


def _write(connection: Connection, changes: Changes) -> None:
    """Replace the mirror's rows of the deliveries that have changed, each batch in a transaction of its own."""
    for batch in changes.batches:
        with transaction(connection):
            delete_raw_rows(connection, "sent_emails", "delivery_id", {one.delivery_id for one in batch})
            append_raw_rows(connection, "sent_emails", _deliveries_frame(batch))


def _deliveries_frame(deliveries: Iterable[Delivery]) -> pandas.DataFrame:
    return _frame("sent_emails", [_row(one) for one in deliveries])


def _mirror_runs(connection: Connection, ledger: Ledger, usable: Collection[str]) -> None:
    """Add the runs that were recorded since the watermark; their rows never change."""
    watermark = None
    if {"run_watermark", "workflow_runs"} <= {*usable}:
        watermark = connection.execute("SELECT log_id, run_id FROM raw.run_watermark").fetchone()
    rows, is_complete, newest = runs_since(ledger, watermark)
    if not is_complete and newest == watermark:
        return
    frame = _frame("workflow_runs", [[row[column] for column in RUN_COLUMNS] for row in rows])
    if is_complete:
        replace_raw_table(connection, "workflow_runs", frame)
    else:
        delete_raw_rows(connection, "workflow_runs", "run_id", {row["run_id"] for row in rows})
        append_raw_rows(connection, "workflow_runs", frame)
    _mark(connection, "run_watermark", newest, usable)


def _mark(connection: Connection, name: str, row: tuple[Any, ...] | None, usable: Collection[str]) -> None:
    """Make this the only row of a watermark's table. Without a row, the next mirror fills everything again."""
    frame = _frame(name, [row] if row else [])
    if name in usable:
        connection.execute(f"DELETE FROM raw.{name}")
        append_raw_rows(connection, name, frame)
    else:
        replace_raw_table(connection, name, frame)


def _mirror_list(connection: Connection, name: str, rows: Collection[tuple[Any, ...]], usable: Collection[str]) -> None:
    """Make the rows of raw.<name>, whose first column is `email`, equal to these; write those of emails that differ."""
    if name not in usable:
        replace_raw_table(connection, name, _frame(name, sorted(rows)))
        return
    query = exp.select(*raw_columns(name)).from_(table(f"raw.{name}"))
    found, wanted = Counter(connection.execute(query).fetchall()), Counter(rows)
    differing = {email for email, *_ in (found - wanted) + (wanted - found)}
    delete_raw_rows(connection, name, "email", differing & {email for email, *_ in found})
    append_raw_rows(connection, name, _frame(name, sorted(row for row in rows if row[0] in differing)))


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


def _frame(name: str, rows: Sequence[Sequence[Any]]) -> pandas.DataFrame:
    return pandas.DataFrame(rows, columns=list(raw_columns(name)), dtype=object)


def _spellings(key: str) -> list[str]:
    """Return the forms in which an event may have a canonical address: its domain in IDNA form, or in Unicode."""
    local, at, domain = key.rpartition("@")
    try:
        return sorted({key, local + at + domain.encode("ascii").decode("idna")})
    except UnicodeError:
        return [key]
