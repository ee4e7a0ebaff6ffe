"""Restore: re-import into a ledger what its replicas know, so that runs can go on and no partner is contacted twice.

Every partner in a replica counts as contacted. A delivery that is unsent in an old ledger may have been sent since, so
it is in doubt: the program never sends it. A file of the outbox or an event resolves it, or a person.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, Table, insert, select, update

from compiler import PartnerflowError
from flows.addresses import address_key
from flows.ledger.delivery import RESTORED_CONTEXT, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.recovery.integrity import NOT_STARTED, LedgerGap, find_gap
from flows.ledger.recovery.replica import Replica, Row, replicas
from flows.ledger.schema import CONTACT, DELIVERY, DELIVERY_LOG, RUN, WORKFLOW_RUN
from flows.ledger.suppressions import suppress
from flows.settings import Place

UNSENT = (*NOT_STARTED, "sending")
"""States whose deliveries are in doubt after a restore."""

WHY_IN_DOUBT = "The ledger was restored: this may have been sent after the backup."


@dataclass(frozen=True)
class Restored:
    """How many rows a restore has written.

    `deliveries` were missing; `settled` were moved to the state in the replica; `doubted` were unsent and are in doubt;
    `suppressions` and `runs` (rows of workflow_runs) were missing.
    """

    deliveries: int = 0
    settled: int = 0
    doubted: int = 0
    suppressions: int = 0
    runs: int = 0

    def __add__(self, other: "Restored") -> "Restored":
        return Restored(*(one + more for one, more in zip(vars(self).values(), vars(other).values(), strict=True)))

    def as_json(self) -> dict[str, int]:
        """Return the counts as the command line prints them."""
        return asdict(self)


def restore(ledger: Ledger, warehouse: Place, published: Path, person: str, reason: str) -> Restored:
    """Re-import into the ledger what the warehouse and the published file know. The log keeps the person and reason.

    May be repeated. Raises PartnerflowError without a reason, and if the warehouse cannot be read.
    """
    check_reason(reason)
    actor, why = f"person:{person}", f"Restored: {reason.strip()}"
    done = sum((_import(ledger, replica, actor, why) for replica in replicas(warehouse, published)), Restored())
    return done + Restored(doubted=_doubt_unsent(ledger, actor, why))


def check_reason(reason: str) -> None:
    """Raise PartnerflowError if the reason is empty."""
    if not reason.strip():
        raise PartnerflowError("The reason is missing. Give it with --reason TEXT; it is kept in the log.")


def _import(ledger: Ledger, replica: Replica, actor: str, why: str) -> Restored:
    gap = find_gap(ledger, replica) or LedgerGap(replica.place, [], [])
    with ledger.store.writing() as connection:
        added = _add(ledger, connection, gap.missing_contacts, actor, why)
        settled = sum(_advance(connection, row, actor, why) for row in gap.stale_deliveries)
        runs = _add_runs(ledger, connection, replica.runs())
    return Restored(added, settled, 0, _import_suppressions(ledger, replica), runs)


def _add(ledger: Ledger, connection: Connection, rows: list[Row], actor: str, why: str) -> int:
    """Add contacts and deliveries that the ledger does not have."""
    deliveries = [_delivery(row) for row in rows]
    _insert_new(ledger, connection, CONTACT, deliveries)
    _insert_new(ledger, connection, DELIVERY, deliveries)
    log = [_log_row(one["delivery_id"], None, one["state"], actor, why) for one in deliveries]
    if log:
        connection.execute(insert(DELIVERY_LOG), log)
    return len(deliveries)


def _delivery(row: Row) -> Row:
    """Return a replica's delivery as a row of the ledger; in doubt if it was unsent."""
    in_doubt = row["state"] in UNSENT
    return row | {
        "state": "in_doubt" if in_doubt else row["state"],
        "reason": WHY_IN_DOUBT if in_doubt else row["reason"],
        "email_key": address_key(row["email"]) if row["email"] else None,
        "context": RESTORED_CONTEXT,
        "claimed_at": row["as_of"],
        "send_started_at": row["sent_at"],
    }


def _add_runs(ledger: Ledger, connection: Connection, rows: list[Row]) -> int:
    """Add runs, and their rows per workflow, that the ledger does not have; return the number of rows per workflow."""
    runs = {row["run_id"]: {name: row.get(name) for name in ("run_id", "as_of", "notes")} for row in rows}
    _insert_new(ledger, connection, RUN, runs.values())
    settled = [row | {"is_settled": row["status"] in ("done", "over_limit")} for row in rows]
    return _insert_new(ledger, connection, WORKFLOW_RUN, settled)


def _advance(connection: Connection, row: Row, actor: str, why: str) -> int:
    """Move a delivery to its state in the replica."""
    one = _delivery(row)
    which = DELIVERY.c.delivery_id == one["delivery_id"]
    before = connection.execute(select(DELIVERY.c.state).where(which)).scalar_one()
    values = {name: one[name] for name in ("state", "reason", "sent_at")} | {"next_attempt_at": None}
    connection.execute(update(DELIVERY).where(which).values(values))
    connection.execute(insert(DELIVERY_LOG), _log_row(one["delivery_id"], before, one["state"], actor, why))
    return 1


def _doubt_unsent(ledger: Ledger, actor: str, why: str) -> int:
    """Move every delivery that is still unsent to `in_doubt`; return how many."""
    with ledger.store.writing() as connection:
        query = select(DELIVERY.c.delivery_id, DELIVERY.c.state).where(DELIVERY.c.state.in_(UNSENT))
        rows = connection.execute(query).all()
        if rows:
            values = {"state": "in_doubt", "reason": WHY_IN_DOUBT, "next_attempt_at": None}
            connection.execute(update(DELIVERY).where(DELIVERY.c.state.in_(UNSENT)).values(values))
            log = [_log_row(identity, state, "in_doubt", actor, why) for identity, state in rows]
            connection.execute(insert(DELIVERY_LOG), log)
        return len(rows)


def _insert_new(ledger: Ledger, connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert the rows that a table does not have, with the columns that it has; return how many."""
    names = table.columns.keys()
    known = [{name: row[name] for name in names if name in row} for row in rows]
    if not known:
        return 0
    new = ledger.store.insert(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return len(connection.execute(new, known).all())


def _import_suppressions(ledger: Ledger, replica: Replica) -> int:
    """Add suppressions that the ledger does not have; the next run derives those of events again."""
    return sum(
        suppress(ledger, [row["email"]], row["reason"], "restored", row["scope"], row["suppressed_at"])
        for row in replica.suppressions()
    )


def _log_row(identity: str, source: str | None, target: str, actor: str, why: str) -> Row:
    return {
        "delivery_id": identity, "from_state": source, "to_state": target, "actor": actor, "at": utc_now(),
        "reason": why,
    }  # fmt: skip
