"""The ledger: which partners have been contacted, and the state of each delivery. It guarantees at most one contact.

There is one contact per workflow, program and partner, whose primary key enforces the guarantee, and under it one
delivery per address; an application workflow has one contact per contract. Several workers on several hosts may share a
ledger. Correctness does not depend on leases or clocks, only on these rules: every transition is a compare-and-swap;
only the worker whose transition from `leased` to `sending` succeeds sends the email; that transition is on disk before
the first byte leaves; and a delivery with an unknown outcome never becomes `pending` again. Leases only say when
another worker may take over. Every transition is logged.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, false, func, insert, or_, select, update

from flows.ledger import transitions
from flows.ledger.caps import PolicyGuard, Wait
from flows.ledger.delivery import Delivery, ResultToRecord, SendResult, utc_now
from flows.ledger.schema import CONTACT, DELIVERY, MESSAGE_VERSION, SETTING, WORKER_LEASE
from flows.ledger.store import Store, ledger_url
from flows.ledger.transitions import log_row, write_log
from flows.ledger.unsent_contacts import take_back_unsent
from flows.ledger.upgrade import upgrade
from flows.run_id import hour_of_run

MAX_CLOCK_SKEW = timedelta(days=1)
"""The clocks of two hosts differ by less. A lease or retry further ahead was written while a clock was wrong."""

_ROW = DELIVERY.c


class Ledger:
    """The ledger of one installation: a SQLite file (a path), or a database (a URL) that several hosts share.

    All times are UTC without a time zone. Raises PartnerflowError if it cannot be opened, is not a ledger, or was
    written by a newer program.
    """

    def __init__(self, place: Path | str):
        self.store = Store(ledger_url(place))
        with self.store.writing() as connection:
            if self.store.dialect == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7307)")  # two hosts may start at once
            upgrade(connection)
        self.message_key = bytes.fromhex(self._setting("message_key"))
        self.holdout_key = bytes.fromhex(self._setting("holdout_key"))

    def close(self) -> None:
        """Close all connections."""
        self.store.close()

    def claim(self, deliveries: Iterable[Delivery], messages: Mapping[str, dict[str, Any]]) -> list[Delivery]:
        """Record deliveries to partners that their workflow has not contacted yet, and return these deliveries.

        An application is left out if it has been claimed before. A contact of which no email could be rendered is
        claimed again, as it is now: nothing of it was ever sent. It was not held out then, and is not now. All
        deliveries of one contact are claimed together or not at all, and everything in one transaction. `messages` maps
        the message versions that the deliveries name to their content.
        """
        by_contact: dict[tuple[str, str, str, str], list[Delivery]] = {}
        for one in deliveries:
            key = (one.workflow_id, one.program_id, one.partner_id, one.contract_id)
            by_contact.setdefault(key, []).append(one)
        if not by_contact:
            return []
        with self.store.writing() as connection:
            self._keep_messages(connection, messages)
            rows = [
                {column.name: getattr(ones[0], column.name) for column in CONTACT.c} for ones in by_contact.values()
            ]
            new = self.store.insert(CONTACT).on_conflict_do_nothing().returning(*CONTACT.primary_key.columns)
            won = {tuple(row) for row in connection.execute(new, rows)}
            again = take_back_unsent(connection, {key: ones[0] for key, ones in by_contact.items() if key not in won})
            claimed = [
                _not_held_out(one) if key in again else one
                for key, ones in by_contact.items()
                if key in won | again
                for one in ones
            ]
            if claimed:
                # In the order in which they are leased, so that a commit touches few pages of the database.
                rows = [vars(one) for one in sorted(claimed, key=lambda one: one.delivery_id)]
                connection.execute(insert(DELIVERY), rows)
                write_log(connection, [log_row(one, None, one.state, one.run_id, one.reason) for one in claimed])
        return claimed

    def backfill_message_version(self, workflow_id: str, version: str, content: dict[str, Any]) -> None:
        """Set the message of pending deliveries that schema 1 claimed, which kept no messages."""
        without = update(DELIVERY).where(
            _ROW.workflow_id == workflow_id, _ROW.state == "pending", _ROW.template_version.is_(None)
        )
        with self.store.writing() as connection:
            self._keep_messages(connection, {version: content})
            connection.execute(without.values(template_version=version))

    def count_due(self, workflows: Collection[str], now: datetime, as_of: datetime) -> int:
        """Return how many deliveries of these workflows are due in a run of the hour `as_of`."""
        with self.store.reading() as connection:
            return connection.execute(select(func.count()).where(*_due(workflows, now, as_of))).scalar_one()

    def lease(self, run_id: str, workflows: Collection[str], limit: int, now: datetime) -> list[Delivery]:
        """Lease up to `limit` deliveries of these workflows that are due to this run, and return them, oldest first.

        An email that waits for the contact policy is due from its hour on, which is compared with the run's.
        """
        due = (
            select(_ROW.delivery_id)
            .where(*_due(workflows, now, hour_of_run(run_id)))
            .order_by(_ROW.claimed_at, _ROW.delivery_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")  # PostgreSQL may evaluate a plain subquery once per row, each time with other rows in its limit
        )
        take = (
            update(DELIVERY)
            .where(_ROW.delivery_id.in_(select(due.c.delivery_id)), _ROW.state == "pending")
            .values(state="leased", leased_by=run_id, fencing_token=_ROW.fencing_token + 1)
            .returning(*(_ROW[field.name] for field in fields(Delivery)))
        )
        with self.store.writing() as connection:
            leased = [Delivery(*row) for row in connection.execute(take).all()]
            at = utc_now()
            write_log(connection, [log_row(one, "pending", "leased", run_id, None, at) for one in leased])
        return sorted(leased, key=lambda one: (one.claimed_at, one.delivery_id))

    def mark_sending(self, delivery: Delivery, guard: PolicyGuard | None = None) -> str | None:
        """Move a leased delivery to `sending`, commit, and return the new state; only then may a byte leave.

        The state is `suppressed` if the address has been suppressed, and `pending` if the guard says that a cap has
        been used up. Return None if another worker has the delivery.
        """
        return self.store.write_together(lambda connection: transitions.mark_sending(connection, delivery, guard))

    def record_result(
        self, delivery: Delivery, source: str, result: SendResult, next_attempt_at: datetime | None = None
    ) -> bool:
        """Record the result of a delivery that this run has leased. Return False if it has lost the delivery.

        A hard bounce suppresses the address. A worker whose lease expired while it was sending may still record its
        result: the delivery is `in_doubt` then.
        """
        to_record = ResultToRecord(delivery, source, result, next_attempt_at)
        return self.store.write_together(lambda one: transitions.record_result(one, self.store, to_record))

    def record_result_and_mark_sending(
        self, to_record: ResultToRecord, delivery: Delivery, guard: PolicyGuard | None = None
    ) -> tuple[bool, str | None]:
        """Record the result of one delivery and mark another as `sending` in one commit; return both results."""

        def both(connection: Connection) -> tuple[bool, str | None]:
            recorded = transitions.record_result(connection, self.store, to_record)
            return recorded, transitions.mark_sending(connection, delivery, guard)

        return self.store.write_together(both)

    def release(self, run_id: str) -> None:
        """Make what this run has leased and not started pending again."""
        with self.store.writing() as connection:
            ours = [_ROW.leased_by == run_id]
            self._move_all(connection, "leased", "pending", ours, run_id, "The run ended before it was sent.")

    def reclaim_expired(self, run_id: str, now: datetime) -> None:
        """Reclaim deliveries of workers without a valid lease: leased ones are pending, started ones in doubt.

        A lease that ends more than MAX_CLOCK_SKEW ahead is not valid.
        """
        lease = WORKER_LEASE.c
        live = select(lease.run_id).where(lease.expires_at > now, lease.expires_at <= now + MAX_CLOCK_SKEW)
        lost: list[ColumnElement[bool]] = [_ROW.leased_by.is_(None) | _ROW.leased_by.not_in(live)]
        with self.store.writing() as connection:
            self._move_all(connection, "leased", "pending", lost, run_id, "The run that had leased it has ended.")
            self._move_all(connection, "sending", "in_doubt", lost, run_id, "The run died while it was sending.")

    def resolve(self, delivery: Delivery, target: str, actor: str, reason: str) -> bool:
        """Move a delivery that no worker has leased, as a person or an event says. Return False if it has changed."""
        return self.resolve_all([delivery], target, actor, reason) == 1

    def resolve_all(self, deliveries: Iterable[Delivery], target: str, actor: str, reason: str) -> int:
        """Move deliveries as `resolve` does, in one transaction, and return how many; those that have changed stay."""
        with self.store.writing() as connection:
            moved = [one for one in deliveries if _resolve(connection, one, target, reason)]
            write_log(connection, [log_row(one, one.state, target, actor, reason) for one in moved])
        return len(moved)

    def make_wait(self, waits: Iterable[tuple[Delivery, Wait]], actor: str) -> None:
        """Let pending deliveries wait until an hour, in one transaction; those that have changed stay as they are."""
        with self.store.writing() as connection:
            for one, wait in waits:
                values = {"not_before": wait.not_before, "reason": wait.reason}
                if connection.execute(update(DELIVERY).where(*_unchanged(one)).values(values)).rowcount:
                    write_log(connection, [log_row(one, "pending", "pending", actor, wait.reason)])

    def heartbeat(self, run_id: str, host: str, expires_at: datetime) -> None:
        """Create or renew the lease of a run. `host` names the host and the state folder that it runs on."""
        row = self.store.insert(WORKER_LEASE).values(run_id=run_id, host=host, expires_at=expires_at)
        row = row.on_conflict_do_update(index_elements=["run_id"], set_={"expires_at": expires_at})
        with self.store.writing() as connection:
            connection.execute(row)

    def end_lease(self, *, host: str | None = None, run_id: str | None = None) -> None:
        """End the lease of one run, or of every run of a host."""
        ended = WORKER_LEASE.c.run_id == run_id if run_id else WORKER_LEASE.c.host == host
        with self.store.writing() as connection:
            connection.execute(delete(WORKER_LEASE).where(ended))

    def _move_all(
        self,
        connection: Connection,
        source: str,
        target: str,
        conditions: list[ColumnElement[bool]],
        actor: str,
        reason: str,
    ) -> None:
        """Move every delivery in state `source` that meets the conditions."""
        move = update(DELIVERY).where(_ROW.state == source, *conditions).values(state=target, reason=reason)
        moved = connection.execute(move.returning(_ROW.delivery_id)).scalars().all()
        row = {"from_state": source, "to_state": target, "actor": actor, "at": utc_now(), "reason": reason}
        write_log(connection, [row | {"delivery_id": identity} for identity in moved])

    def _keep_messages(self, connection: Connection, messages: Mapping[str, dict[str, Any]]) -> None:
        rows = [{"version": version, "content": content} for version, content in messages.items()]
        if rows:
            connection.execute(self.store.insert(MESSAGE_VERSION).on_conflict_do_nothing(), rows)

    def _setting(self, name: str) -> str:
        """Return a secret of this ledger, created once: a key of Message-IDs or holdouts, which nobody can guess."""
        new = {"name": name, "value": secrets.token_hex(32)}
        with self.store.writing() as connection:
            connection.execute(self.store.insert(SETTING).values(new).on_conflict_do_nothing())
            return str(connection.execute(select(SETTING.c.value).where(SETTING.c.name == name)).scalar_one())


def _not_held_out(delivery: Delivery) -> Delivery:
    return replace(delivery, state="pending", reason=None) if delivery.state == "held_out" else delivery


def _resolve(connection: Connection, delivery: Delivery, target: str, reason: str) -> bool:
    values: dict[str, Any] = {"state": target, "reason": reason, "next_attempt_at": None, "not_before": None}
    values |= {"sent_at": delivery.send_started_at} if target == "sent" else {}
    values |= {"attempts": 0, "first_deferred_at": None, "smtp_stage": None} if target == "pending" else {}
    return connection.execute(update(DELIVERY).where(*_unchanged(delivery)).values(values)).rowcount == 1


def _unchanged(delivery: Delivery) -> list[ColumnElement[bool]]:
    return [
        _ROW.delivery_id == delivery.delivery_id,
        _ROW.state == delivery.state,
        _ROW.fencing_token == delivery.fencing_token,
    ]


def _due(workflows: Collection[str], now: datetime, as_of: datetime | None) -> list[ColumnElement[bool]]:
    """Return the conditions of a delivery that is due in a run of the hour `as_of`.

    A retry further ahead than MAX_CLOCK_SKEW is due now. Without an hour, nothing that waits for the policy is due.
    """
    next_attempt = _ROW.next_attempt_at
    is_time = or_(next_attempt.is_(None), next_attempt <= now, next_attempt > now + MAX_CLOCK_SKEW)
    may_leave = or_(_ROW.not_before.is_(None), _ROW.not_before <= as_of if as_of else false())
    return [_ROW.state == "pending", _ROW.workflow_id.in_(workflows), is_time, may_leave]
