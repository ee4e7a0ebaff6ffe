"""Restore: bring a ledger up to what is remembered of it, so that runs can go on and nobody is written to twice.

Whoever is remembered is contacted. What an old ledger takes for unsent may have been sent since, so it is in doubt: the
machine sends none of it, a file of the outbox or an event settles it, or a person.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from compiler import PartnerflowError
from flows.addresses import address_key
from flows.ledger.delivery import LOST, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.recovery.integrity import NOT_BEGUN, Forgotten, forgotten
from flows.ledger.recovery.replica import Memory, Row, memories
from flows.ledger.schema import CONTACT, DELIVERY, DELIVERY_LOG, RUN, WORKFLOW_RUN
from flows.ledger.suppressions import suppress
from flows.settings import Postgres

OPEN = (*NOT_BEGUN, "sending")

DOUBT = "The ledger was restored: this may have been sent since."


@dataclass(frozen=True)
class Restored:
    """How much was put into the ledger: deliveries that it did not have, others that are now where they were, what it
    took for unsent and is in doubt now, suppressions, and rows of workflow_runs."""

    deliveries: int = 0
    settled: int = 0
    doubted: int = 0
    suppressions: int = 0
    runs: int = 0

    def __add__(self, other: "Restored") -> "Restored":
        return Restored(*(mine + its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))

    def as_json(self) -> dict[str, int]:
        """As the command line answers with it."""
        return asdict(self)


def restore(ledger: Ledger, warehouse: Path | Postgres, published: Path, person: str, reason: str) -> Restored:
    """Put what the warehouse and the published file remember into the ledger; the log keeps who said so, and why.

    May be repeated. Raises PartnerflowError without a reason, and when the warehouse cannot be read.
    """
    check_reason(reason)
    actor, why = f"person:{person}", f"Restored: {reason.strip()}"
    done = sum((_remember(ledger, memory, actor, why) for memory in memories(warehouse, published)), Restored())
    return done + Restored(doubted=_doubt(ledger, actor, why))


def check_reason(reason: str) -> None:
    """Raises PartnerflowError where there is none."""
    if not reason.strip():
        raise PartnerflowError("Say why: --reason TEXT. The log keeps it.")


def _remember(ledger: Ledger, memory: Memory, actor: str, why: str) -> Restored:
    found = forgotten(ledger, memory) or Forgotten(memory.place, [], [])
    with ledger.store.writing() as connection:
        added = _add(ledger, connection, found.missing, actor, why)
        settled = sum(_advance(connection, row, actor, why) for row in found.behind)
        runs = _add_runs(ledger, connection, memory.runs())
    return Restored(added, settled, 0, _suppress(ledger, memory), runs)


def _add(ledger: Ledger, connection: Connection, rows: list[Row], actor: str, why: str) -> int:
    """Contacts and deliveries that the ledger does not have; one that was not settled is in doubt."""
    deliveries = [_delivery(row) for row in rows]
    _insert_new(ledger, connection, CONTACT, deliveries)
    _insert_new(ledger, connection, DELIVERY, deliveries)
    lines = [_line(one["delivery_id"], None, one["state"], actor, why) for one in deliveries]
    if lines:
        connection.execute(insert(DELIVERY_LOG), lines)
    return len(deliveries)


def _delivery(row: Row) -> Row:
    """A remembered delivery as a row of the ledger."""
    doubtful = row["state"] in OPEN
    return row | {
        "state": "in_doubt" if doubtful else row["state"],
        "reason": DOUBT if doubtful else row["reason"],
        "email_key": address_key(row["email"]) if row["email"] else None,
        "context": LOST,
        "claimed_at": row["as_of"],
        "sending_at": row["sent_at"],
    }


def _add_runs(ledger: Ledger, connection: Connection, rows: list[Row]) -> int:
    """Rows of workflow_runs that the ledger does not have, and the runs themselves; how many rows."""
    hours = {row["run_id"]: {"run_id": row["run_id"], "as_of": row["as_of"]} for row in rows}
    _insert_new(ledger, connection, RUN, hours.values())
    settled = [row | {"is_settled": row["status"] in ("done", "over_limit")} for row in rows]
    return _insert_new(ledger, connection, WORKFLOW_RUN, settled)


def _advance(connection: Connection, row: Row, actor: str, why: str) -> int:
    """Move a delivery to where it is remembered to have been."""
    one = _delivery(row)
    which = DELIVERY.c.delivery_id == one["delivery_id"]
    before = connection.execute(select(DELIVERY.c.state).where(which)).scalar_one()
    values = {name: one[name] for name in ("state", "reason", "sent_at")} | {"not_before": None}
    connection.execute(update(DELIVERY).where(which).values(values))
    connection.execute(insert(DELIVERY_LOG), _line(one["delivery_id"], before, one["state"], actor, why))
    return 1


def _doubt(ledger: Ledger, actor: str, why: str) -> int:
    """What is still taken for unsent is in doubt."""
    with ledger.store.writing() as connection:
        query = select(DELIVERY.c.delivery_id, DELIVERY.c.state).where(DELIVERY.c.state.in_(OPEN))
        rows = connection.execute(query).all()
        if rows:
            values = {"state": "in_doubt", "reason": DOUBT, "not_before": None}
            connection.execute(update(DELIVERY).where(DELIVERY.c.state.in_(OPEN)).values(values))
            lines = [_line(identity, state, "in_doubt", actor, why) for identity, state in rows]
            connection.execute(insert(DELIVERY_LOG), lines)
        return len(rows)


def _insert_new(ledger: Ledger, connection: Connection, table: Any, rows: Iterable[Row]) -> int:
    """Insert the rows that a table does not have, of each the columns that it knows; how many."""
    names = table.columns.keys()
    known = [{name: row[name] for name in names if name in row} for row in rows]
    if not known:
        return 0
    new = ledger.store.insert(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return len(connection.execute(new, known).all())


def _suppress(ledger: Ledger, memory: Memory) -> int:
    """Suppressions that were added since; those of events are found again by the next run."""
    return sum(
        suppress(ledger, [row["email"]], row["reason"], "restored", row["scope"]) for row in memory.suppressions()
    )


def _line(identity: str, source: str | None, target: str, actor: str, why: str) -> Row:
    return {
        "delivery_id": identity, "from_state": source, "to_state": target, "actor": actor, "at": utc_now(),
        "reason": why,
    }  # fmt: skip
