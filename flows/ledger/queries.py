"""Queries of the ledger: deliveries, messages, runs, and what has changed since a watermark in its log."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, insert, or_, select, text

from compiler import PartnerflowError
from flows.ledger.delivery import STATES, Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.schema import CONTACT, DELIVERY, DELIVERY_LOG, MESSAGE_VERSION, RUN, WORKFLOW_RUN


@dataclass(frozen=True)
class Watermark:
    """The last row of the log that a reader has seen, by its id.

    `logged_at` (UTC) and `delivery_id` distinguish the logs of two ledgers.
    """

    log_id: int
    logged_at: datetime
    delivery_id: str


CHANGES_AT_A_TIME = 2_000
"""Deliveries of Changes that are in memory at once."""


@dataclass(frozen=True)
class Changes:
    """The deliveries that have changed since a watermark, as they are now, and the number of all deliveries by state.

    `batches` has the deliveries, CHANGES_AT_A_TIME at most in each, and can be read once.
    `is_complete`: these are all deliveries, because the watermark is not one of this ledger's log (another ledger, or
    one restored from a backup). `watermark` is the newest row of the log; None if the log is empty.
    """

    batches: Iterator[list[Delivery]]
    is_complete: bool
    watermark: Watermark | None
    counts: dict[str, int]


def deliveries(
    ledger: Ledger,
    states: Collection[str] = (),
    workflow_id: str | None = None,
    run_id: str | None = None,
    containing: str | None = None,
    partner_id: str | None = None,
    email_key: str | None = None,
) -> list[Delivery]:
    """Return all deliveries, or those that meet the conditions, in the order in which they were claimed.

    They are in one of `states`, of this workflow, claimed or last sent by this run, and have the text `containing` in
    their reason or the server's reply, in upper or lower case. They are to this partner, of any program, and to this
    mailbox (flows.addresses.address_key).
    """
    column = DELIVERY.c
    query = select(DELIVERY).order_by(column.claimed_at, column.delivery_id)
    if states:
        query = query.where(column.state.in_(states))
    if workflow_id is not None:
        query = query.where(column.workflow_id == workflow_id)
    if run_id is not None:
        query = query.where((column.run_id == run_id) | (column.leased_by == run_id))
    if partner_id is not None:
        query = query.where(column.partner_id == partner_id)
    if email_key is not None:
        query = query.where(column.email_key == email_key)
    if containing is not None:
        said = [text.icontains(containing, autoescape=True) for text in (column.reason, column.reply_text)]
        query = query.where(or_(*said))
    with ledger.store.reading() as connection:
        return [Delivery(**row._mapping) for row in connection.execute(query)]


def waiting_deliveries(ledger: Ledger) -> list[Delivery]:
    """Return the pending deliveries that the contact policy makes wait, in the order in which they were claimed."""
    column = DELIVERY.c
    query = select(DELIVERY).where(column.state == "pending", column.not_before.is_not(None))
    with ledger.store.reading() as connection:
        found = connection.execute(query.order_by(column.claimed_at, column.delivery_id))
        return [Delivery(**row._mapping) for row in found]


def deliveries_in_state(
    ledger: Ledger, state: str | None, *conditions: str | None, **more: str | None
) -> list[Delivery]:
    """Return what `deliveries` does, of one state, or of all for None.

    Raises PartnerflowError if the state is not one of STATES.
    """
    if state is not None and state not in STATES:
        raise PartnerflowError(f"{state} is not a valid state. The states are {', '.join(STATES)}.")
    return deliveries(ledger, [state] if state else (), *conditions, **more)


def contacted_partners(ledger: Ledger) -> dict[str, int]:
    """Return the number of contacts of each workflow that has any, by id, without those that are held out.

    These are the partners of an email workflow.
    """
    key = [DELIVERY.c[column.name] == column for column in CONTACT.primary_key.columns]
    held_out = exists().where(*key, DELIVERY.c.state == "held_out")
    with ledger.store.reading() as connection:
        query = select(CONTACT.c.workflow_id, func.count()).where(~held_out).group_by(CONTACT.c.workflow_id)
        return {row[0]: row[1] for row in connection.execute(query)}


def find_delivery(ledger: Ledger, identity: str) -> Delivery:
    """Return the delivery whose id or Message-ID starts with `identity`.

    Raises PartnerflowError if there is none, or more than one.
    """
    with ledger.store.reading() as connection:
        matches = DELIVERY.c.delivery_id.startswith(identity.strip("<> ").partition("@")[0], autoescape=True)
        rows = connection.execute(select(DELIVERY).where(matches).limit(2)).all()
    if len(rows) != 1 or not identity.strip():
        found = "Several deliveries start" if rows else "No delivery starts"
        raise PartnerflowError(f"{found} with {identity!r}. `partnerflow deliveries` lists them.")
    return Delivery(**rows[0]._mapping)


def message_content(ledger: Ledger, version: str) -> dict[str, Any]:
    """Return the content of a message version."""
    with ledger.store.reading() as connection:
        query = select(MESSAGE_VERSION.c.content).where(MESSAGE_VERSION.c.version == version)
        content: dict[str, Any] = connection.execute(query).scalar_one()
        return content


def copy_addresses(ledger: Ledger) -> set[str]:
    """Return the addresses in the cc or bcc of any message version, as the messages have them."""
    columns = [MESSAGE_VERSION.c.content[name].as_string() for name in ("cc", "bcc")]
    with ledger.store.reading() as connection:
        return {address for row in connection.execute(select(*columns)) for address in row if address}


@contextmanager
def changes_since(ledger: Ledger, watermark: Watermark | None) -> Iterator[Changes]:
    """Yield what has changed since a watermark; everything if it is None or not one of this ledger's log.

    The changes can be read until the block ends. They may have some that were made after the new watermark.
    """
    log = DELIVERY_LOG.c
    rows = select(log.id, log.at, log.delivery_id)
    with ledger.store.reading() as connection:
        if ledger.store.dialect == "postgresql":
            # An id is drawn before its transaction commits. While every writer is locked out, no id below the newest
            # can still appear. Writers go on while the changes are read.
            connection.execute(text("LOCK TABLE delivery_log IN SHARE MODE"))
        newest = connection.execute(rows.order_by(log.id.desc()).limit(1)).one_or_none()
    with ledger.store.reading() as connection:
        query, is_complete = select(DELIVERY), True
        if watermark is not None:
            known = connection.execute(rows.where(log.id == watermark.log_id)).one_or_none()
            if known is not None and Watermark(*known) == watermark:
                changed = select(log.delivery_id).where(log.id > watermark.log_id)
                query, is_complete = query.where(DELIVERY.c.delivery_id.in_(changed)), False
        counts = select(DELIVERY.c.state, func.count()).group_by(DELIVERY.c.state)
        by_state = {row[0]: row[1] for row in connection.execute(counts)}
        found = connection.execute(query.execution_options(yield_per=CHANGES_AT_A_TIME)).partitions()
        batches = ([Delivery(**row._mapping) for row in batch] for batch in found)
        yield Changes(batches, is_complete, Watermark(*newest) if newest else None, by_state)


@dataclass(frozen=True)
class RunRecord:
    """One evaluated hour (UTC, without a time zone) that is not yet in the ledger.

    `workflows` has one row per workflow: the columns of marts.workflow_runs without `run_id`, `as_of` and `notes`, and
    `is_settled` (see WORKFLOW_RUN). `programs` are those for which every active workflow has a row (see RUN). `notes`
    has what concerns no single workflow.
    """

    run_id: str
    as_of: datetime
    programs: tuple[str, ...]
    workflows: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()


def record_runs(ledger: Ledger, records: Iterable[RunRecord]) -> None:
    """Record evaluated hours, in one transaction."""
    with ledger.store.writing() as connection:
        for one in records:
            key: dict[str, Any] = {"run_id": one.run_id, "as_of": one.as_of}
            notes = "\n".join(one.notes) or None
            connection.execute(insert(RUN), key | {"programs": list(one.programs), "notes": notes})
            if one.workflows:
                connection.execute(insert(WORKFLOW_RUN), [key | row for row in one.workflows])


def runs_since(
    ledger: Ledger, watermark: tuple[int, str] | None
) -> tuple[list[dict[str, Any]], bool, tuple[int, str] | None]:
    """Return the rows of `workflow_run` that were recorded since a watermark (id and run_id of a run), in that order.

    Each has the `notes` of its run. Also return whether these are all rows, because the watermark is None or not of
    this ledger; and the newest watermark.
    """
    with ledger.store.reading() as connection:
        if ledger.store.dialect == "postgresql":
            connection.execute(text("LOCK TABLE run IN SHARE MODE"))  # as in changes_since
        ids = select(RUN.c.id, RUN.c.run_id)
        newest = connection.execute(ids.order_by(RUN.c.id.desc()).limit(1)).one_or_none()
        after = 0
        if watermark is not None:
            known = connection.execute(ids.where(RUN.c.id == watermark[0])).one_or_none()
            after = watermark[0] if known is not None and tuple(known) == watermark else 0
        query = select(WORKFLOW_RUN, RUN.c.notes).join(RUN, RUN.c.run_id == WORKFLOW_RUN.c.run_id)
        rows = connection.execute(query.where(RUN.c.id > after).order_by(RUN.c.id, WORKFLOW_RUN.c.workflow_id))
        return [dict(row._mapping) for row in rows], after == 0, (newest[0], newest[1]) if newest else None
