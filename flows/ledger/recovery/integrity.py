"""A ledger that knows less than is remembered of it: restored from an older backup, or begun anew.

A run would write again to everybody who is missing from it. So it is refused before anything is claimed or sent, and
before the mirror is filled anew, which would forget them too.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from compiler import PartnerflowError
from flows.ledger.ledger import Ledger
from flows.ledger.queries import Mark
from flows.ledger.recovery.replica import Memory, Row, memories
from flows.ledger.schema import CONTACT, DELIVERY, DELIVERY_LOG, WORKFLOW_RUN
from flows.settings import Postgres

UNDECIDED = ("pending", "claimed", "sending", "in_doubt")
"""States from which a delivery may still be sent, or settled."""

NOT_BEGUN = ("pending", "claimed")


@dataclass(frozen=True)
class Forgotten:
    """What a place remembers and the ledger does not know.

    `missing`: deliveries of partners that the ledger takes for not contacted. `behind`: deliveries that it takes for
    undecided, and that were further.
    """

    place: str
    missing: list[Row]
    behind: list[Row]


def refuse_a_forgetful_ledger(ledger: Ledger, warehouse: Path | Postgres, published: Path) -> None:
    """Raises PartnerflowError, with what to do, when the warehouse or the published file knows more than the ledger."""
    found = next(iter(all_forgotten(ledger, warehouse, published)), None)
    if found:
        raise PartnerflowError(f"{describe(found, ledger.store.name)} Nothing was claimed or sent.\n{REMEDY}")


REMEDY = (
    "Put the newest backup in its place: `partnerflow restore FILE --reason TEXT`. Without a FILE it leaves the ledger "
    "where it is; either way the contacts that are remembered are put into it, and none of them is written to again."
)


def describe(found: Forgotten, ledger_name: str) -> str:
    """What is wrong, in two sentences."""
    partners = {_contact(row) for row in found.missing}
    counts = [
        f"{count:,} of {name}" for name, count in Counter(workflow for workflow, _, _ in sorted(partners)).items()
    ]
    missing = [f"{len(partners):,} contacts that it does not ({', '.join(counts)})"] if partners else []
    behind = [f"what became of {len(found.behind):,} deliveries that it takes for undecided"] if found.behind else []
    return (
        f"The ledger {ledger_name} knows less than it did: it was restored from an older backup, or begun anew. "
        f"{found.place} remembers {' and '.join([*missing, *behind])}."
    )


def all_forgotten(ledger: Ledger, warehouse: Path | Postgres, published: Path, **options) -> list[Forgotten]:
    """What each place remembers that the ledger does not know; empty when all is well. Options as of memories."""
    return [
        found
        for memory in memories(warehouse, published, **options)
        if not _agrees(ledger, memory) and (found := forgotten(ledger, memory))
    ]


def _agrees(ledger: Ledger, memory: Memory) -> bool:
    """Whether the ledger has the line, the run and the number of rows that it should: a glance, not a comparison."""
    mark, newest = memory.mark(), memory.newest_run()
    with ledger.store.reading() as connection:
        log, run = DELIVERY_LOG.c, WORKFLOW_RUN.c
        if mark:
            line = connection.execute(select(log.entry, log.at, log.delivery_id).where(log.entry == mark.entry)).first()
            if line is None or Mark(*line) != mark:
                return False
        if newest and connection.execute(select(run.run_id).where(run.run_id == newest).limit(1)).first() is None:
            return False
        return memory.count() <= connection.execute(select(func.count()).select_from(DELIVERY)).scalar_one()


def forgotten(ledger: Ledger, memory: Memory) -> Forgotten | None:
    """Compare row by row; None when the ledger knows all. Its log says of each delivery in which states it has been."""
    remembered = memory.deliveries()
    with ledger.store.reading() as connection:
        contacts = {tuple(row) for row in connection.execute(select(*CONTACT.primary_key.columns))}
        undecided = select(DELIVERY.c.delivery_id).where(DELIVERY.c.state.in_(UNDECIDED))
        waiting = set(connection.execute(undecided).scalars())
        lines = select(DELIVERY_LOG.c.delivery_id, DELIVERY_LOG.c.to_state)
        lines = lines.where(DELIVERY_LOG.c.delivery_id.in_(undecided))
        known = {tuple(row) for row in connection.execute(lines)}
    missing = [row for row in remembered if _contact(row) not in contacts]
    behind = [
        row
        for row in remembered
        if row["delivery_id"] in waiting
        and row["state"] not in NOT_BEGUN
        and (row["delivery_id"], row["state"]) not in known
    ]
    return Forgotten(memory.place, missing, behind) if missing or behind else None


def _contact(row: Row) -> tuple[str, str, str]:
    return row["workflow_id"], row["program_id"], row["partner_id"]
