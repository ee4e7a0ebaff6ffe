"""Detect a ledger that is behind its replicas: restored from an old backup, or recreated.

A run on such a ledger would contact every missing partner again. So it is refused before anything is claimed or sent,
and before the mirror is filled again from a ledger that lacks these contacts.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from compiler import PartnerflowError
from flows.ledger.ledger import Ledger
from flows.ledger.queries import Watermark
from flows.ledger.recovery.replica import Open, Replica, Row, replicas
from flows.ledger.schema import CONTACT, DELIVERY, DELIVERY_LOG, WORKFLOW_RUN
from flows.settings import Place
from flows.warehouse.connection import open_warehouse

UNDECIDED = ("pending", "leased", "sending", "in_doubt")
"""States of deliveries that may still be sent, or resolved."""

NOT_STARTED = ("pending", "leased")
"""States of deliveries that have not been sent."""


@dataclass(frozen=True)
class LedgerGap:
    """What a replica contains and the ledger does not know.

    `missing_contacts` are deliveries whose contact the ledger does not have; `stale_deliveries` those
    that are undecided in the ledger and had already reached a later state.
    """

    place: str
    missing_contacts: list[Row]
    stale_deliveries: list[Row]


def ensure_ledger_is_current(ledger: Ledger, warehouse: Place, published: Path) -> None:
    """Raise PartnerflowError, with the remedy, if the warehouse or the published file knows more than the ledger."""
    found = next(iter(find_gaps(ledger, warehouse, published)), None)
    if found:
        raise PartnerflowError(f"{describe(found, ledger.store.name)} Nothing was claimed or sent.\n{REMEDY}")


REMEDY = (
    "Restore the newest backup with `partnerflow restore FILE --reason TEXT`. Without a FILE it keeps the current "
    "ledger. Both re-import the contacts that are missing, so that none of these partners is contacted again."
)


def describe(gap: LedgerGap, ledger_name: str) -> str:
    """Return what is wrong, in two sentences."""
    contacts = {_contact(row) for row in gap.missing_contacts}
    by_workflow = Counter(workflow for workflow, *_ in sorted(contacts))
    counts = ", ".join(f"{count:,} of {name}" for name, count in by_workflow.items())
    found = [f"{len(contacts):,} contacts that the ledger does not have ({counts})"] if contacts else []
    if gap.stale_deliveries:
        found.append(f"later states of {len(gap.stale_deliveries):,} deliveries that are undecided in the ledger")
    return (
        f"The ledger {ledger_name} is out of date: it was restored from an older backup, or recreated. "
        f"{gap.place} contains {' and '.join(found)}."
    )


def find_gaps(ledger: Ledger, warehouse: Place, published: Path, opened: Open = open_warehouse) -> list[LedgerGap]:
    """Return what each replica contains and the ledger does not know; an empty list if the ledger is current."""
    return [
        gap
        for replica in replicas(warehouse, published, opened)
        if not _agrees(ledger, replica) and (gap := find_gap(ledger, replica))
    ]


def _agrees(ledger: Ledger, replica: Replica) -> bool:
    """Return whether the ledger has the replica's watermark, newest run and number of rows: a quick first check."""
    watermark, newest = replica.watermark(), replica.newest_run()
    with ledger.store.reading() as connection:
        log, run = DELIVERY_LOG.c, WORKFLOW_RUN.c
        if watermark:
            row = connection.execute(select(log.id, log.at, log.delivery_id).where(log.id == watermark.log_id)).first()
            if row is None or Watermark(*row) != watermark:
                return False
        if newest and connection.execute(select(run.run_id).where(run.run_id == newest).limit(1)).first() is None:
            return False
        return replica.count() <= connection.execute(select(func.count()).select_from(DELIVERY)).scalar_one()


def find_gap(ledger: Ledger, replica: Replica) -> LedgerGap | None:
    """Compare ledger and replica row by row; return None if the ledger knows everything.

    The ledger's log has every state that a delivery has been in.
    """
    replicated = replica.deliveries()
    with ledger.store.reading() as connection:
        contacts = {tuple(row) for row in connection.execute(select(*CONTACT.primary_key.columns))}
        ids = set(connection.execute(select(DELIVERY.c.delivery_id)).scalars())
        undecided = select(DELIVERY.c.delivery_id).where(DELIVERY.c.state.in_(UNDECIDED))
        undecided_ids = set(connection.execute(undecided).scalars())
        log = select(DELIVERY_LOG.c.delivery_id, DELIVERY_LOG.c.to_state)
        log = log.where(DELIVERY_LOG.c.delivery_id.in_(undecided))
        known = {tuple(row) for row in connection.execute(log)}
    missing = [row for row in replicated if row["delivery_id"] not in ids and _contact(row) not in contacts]
    stale = [
        row
        for row in replicated
        if row["delivery_id"] in undecided_ids
        and row["state"] not in NOT_STARTED
        and (row["delivery_id"], row["state"]) not in known
    ]
    return LedgerGap(replica.place, missing, stale) if missing or stale else None


def _contact(row: Row) -> tuple[str, str, str, str]:
    return row["workflow_id"], row["program_id"], row["partner_id"], row["contract_id"]
