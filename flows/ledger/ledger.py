"""The ledger: who has been contacted, and what became of each delivery. It makes "once" true.

A contact row a (workflow, program, partner), whose primary key is the promise, and under it a delivery row an address.
Several runners, on several hosts, may work on one ledger. Correctness does not rest on leases or clocks, only on this:
every move is one compare-and-swap, only the winner of the swap from `claimed` to `sending` sends, that swap is on disk
before the first byte leaves, and nothing whose fate is unknown goes back to `pending`. Leases only say when the rows of
a runner that is gone may be taken over. The states are those of delivery.py; every move is a line of the log.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from flows.ledger.delivery import Delivery, Settlement, Verdict, utc_now
from flows.ledger.migrations import migrate
from flows.ledger.schema import CONTACT, DELIVERY, MESSAGE_VERSION, RUNNER, SETTING
from flows.ledger.store import Store, ledger_url
from flows.ledger.transitions import Swaps, entry

FARTHEST = timedelta(days=1)
"""No lease and no wait ends later than this from now; clocks of hosts may differ by less."""

_ROW = DELIVERY.c


class Ledger:
    """The ledger of one installation: a SQLite file (a path), or a database (a URL) that several share.

    Raises PartnerflowError when it cannot be opened, is no ledger, or was written by a newer program.
    """

    def __init__(self, place: Path | str):
        self.store = Store(ledger_url(place))
        with self.store.writing() as connection:
            if self.store.dialect == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7307)")  # two hosts may start at once
            migrate(connection)
        self._swaps = Swaps(self.store)
        self.message_key = bytes.fromhex(self._setting("message_key"))

    def close(self) -> None:
        """Give the database back."""
        self.store.close()

    def claim(self, deliveries: Iterable[Delivery], messages: Mapping[str, dict]) -> list[Delivery]:
        """Record the deliveries of partners that their workflow has not contacted; those of the others are left out.

        All deliveries of a partner are claimed together or not at all; everything is one transaction. `messages` are
        the contents of the message versions that the deliveries name.
        """
        by_contact: dict[tuple[str, str, str], list[Delivery]] = {}
        for one in deliveries:
            by_contact.setdefault((one.workflow_id, one.program_id, one.partner_id), []).append(one)
        if not by_contact:
            return []
        with self.store.writing() as connection:
            self._keep_messages(connection, messages)
            rows = [
                {column.name: getattr(ones[0], column.name) for column in CONTACT.c} for ones in by_contact.values()
            ]
            new = self.store.insert(CONTACT).on_conflict_do_nothing().returning(*CONTACT.primary_key.columns)
            won = {tuple(row) for row in connection.execute(new, rows)}
            claimed = [one for key, ones in by_contact.items() if key in won for one in ones]
            if claimed:
                # In the order in which they are leased, so that a commit touches few pages of the database.
                rows = [vars(one) for one in sorted(claimed, key=lambda one: one.delivery_id)]
                connection.execute(insert(DELIVERY), rows)
                self._log(connection, [entry(one, None, one.state, one.run_id, one.reason) for one in claimed])
        return claimed

    def adopt(self, workflow_id: str, version: str, content: dict) -> None:
        """Give a message to emails that were claimed before the ledger kept messages (schema 1)."""
        orphans = update(DELIVERY).where(
            _ROW.workflow_id == workflow_id, _ROW.state == "pending", _ROW.template_version.is_(None)
        )
        with self.store.writing() as connection:
            self._keep_messages(connection, {version: content})
            connection.execute(orphans.values(template_version=version))

    def due(self, workflows: Collection[str], now: datetime) -> int:
        """How many deliveries of these workflows wait to be leased."""
        with self.store.reading() as connection:
            return connection.execute(select(func.count()).where(*_due(workflows, now))).scalar_one()

    def lease(self, run_id: str, workflows: Collection[str], limit: int, now: datetime) -> list[Delivery]:
        """Take up to `limit` deliveries of these workflows that are due, the oldest first, for this run to send."""
        due = (
            select(_ROW.delivery_id)
            .where(*_due(workflows, now))
            .order_by(_ROW.claimed_at, _ROW.delivery_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")  # PostgreSQL may carry out a plain subquery once a row, each time with others for its limit
        )
        take = (
            update(DELIVERY)
            .where(_ROW.delivery_id.in_(select(due.c.delivery_id)), _ROW.state == "pending")
            .values(state="claimed", holder=run_id, fence=_ROW.fence + 1)
            .returning(*(_ROW[field.name] for field in fields(Delivery)))
        )
        with self.store.writing() as connection:
            taken = [Delivery(*row) for row in connection.execute(take).all()]
            at = utc_now()
            self._log(connection, [entry(one, "pending", "claimed", run_id, None, at) for one in taken])
        return sorted(taken, key=lambda one: (one.claimed_at, one.delivery_id))

    def begin(self, delivery: Delivery) -> str | None:
        """The swap that decides who sends: `sending`, committed when this returns, and only then may a byte leave.

        Or `suppressed`, when the address is not to be written to any more; or None: somebody else has the delivery.
        """
        return self._swaps.begin(delivery)

    def settle(self, delivery: Delivery, source: str, verdict: Verdict, not_before: datetime | None = None) -> bool:
        """Write down what became of a delivery that this run holds. False: it does not hold it any more.

        An address that does not exist is suppressed. A runner that was taken for dead and comes back with an answer may
        still say so: from `in_doubt`.
        """
        return self._swaps.settle(Settlement(delivery, source, verdict, not_before))

    def settle_and_begin(self, settlement: Settlement, delivery: Delivery) -> tuple[bool, str | None]:
        """`settle` one delivery and `begin` another in one commit: what either says."""
        return self._swaps.settle_and_begin(settlement, delivery)

    def release(self, run_id: str) -> None:
        """Give back what this run has leased and not begun."""
        with self.store.writing() as connection:
            self._sweep(connection, "claimed", "pending", [_ROW.holder == run_id], run_id, "The run ended before it.")

    def reap(self, run_id: str, now: datetime) -> None:
        """Take from runners that are gone: what they had not begun is pending again, what they had is in doubt.

        A lease that ends later than FARTHEST was given while a clock was wrong, and counts for nothing.
        """
        alive = select(RUNNER.c.run_id).where(RUNNER.c.lease_until > now, RUNNER.c.lease_until <= now + FARTHEST)
        gone = [_ROW.holder.is_(None) | _ROW.holder.not_in(alive)]
        with self.store.writing() as connection:
            self._sweep(connection, "claimed", "pending", gone, run_id, "The run that had leased it is gone.")
            self._sweep(connection, "sending", "in_doubt", gone, run_id, "The run died while it was handed over.")

    def resolve(self, delivery: Delivery, target: str, actor: str, reason: str) -> bool:
        """Move a delivery that no runner holds, on the word of a person or an event. False: it has moved meanwhile."""
        swap = update(DELIVERY).where(_ROW.delivery_id == delivery.delivery_id, _ROW.state == delivery.state)
        values: dict[str, Any] = {"state": target, "reason": reason, "not_before": None}
        values |= {"sent_at": delivery.sending_at} if target == "sent" else {}
        values |= {"attempt": 0, "refused_at": None} if target == "pending" else {}
        with self.store.writing() as connection:
            moved = connection.execute(swap.where(_ROW.fence == delivery.fence).values(values)).rowcount == 1
            if moved:
                self._log(connection, [entry(delivery, delivery.state, target, actor, reason)])
        return moved

    def beat(self, run_id: str, place: str, lease_until: datetime) -> None:
        """Say that a runner is alive. `place` names the host and the state folder that it works on."""
        row = self.store.insert(RUNNER).values(run_id=run_id, place=place, lease_until=lease_until)
        row = row.on_conflict_do_update(index_elements=["run_id"], set_={"lease_until": lease_until})
        with self.store.writing() as connection:
            connection.execute(row)

    def retire(self, *, place: str | None = None, run_id: str | None = None) -> None:
        """Say that a runner, or every runner of a place, is gone."""
        whose = RUNNER.c.run_id == run_id if run_id else RUNNER.c.place == place
        with self.store.writing() as connection:
            connection.execute(delete(RUNNER).where(whose))

    def _sweep(self, connection: Connection, source: str, target: str, which: list, actor: str, why: str) -> None:
        """Move every delivery in a state of which something holds."""
        sweep = update(DELIVERY).where(_ROW.state == source, *which).values(state=target, reason=why)
        moved = connection.execute(sweep.returning(_ROW.delivery_id)).scalars().all()
        line = {"from_state": source, "to_state": target, "actor": actor, "at": utc_now(), "reason": why}
        self._log(connection, [line | {"delivery_id": identity} for identity in moved])

    def _log(self, connection: Connection, lines: list[dict[str, Any]]) -> None:
        self._swaps.log(connection.connection.cursor(), lines)

    def _keep_messages(self, connection: Connection, messages: Mapping[str, dict]) -> None:
        rows = [{"version": version, "content": content} for version, content in messages.items()]
        if rows:
            connection.execute(self.store.insert(MESSAGE_VERSION).on_conflict_do_nothing(), rows)

    def _setting(self, name: str) -> str:
        """A secret of this ledger, made once. Message-IDs are keyed: an id that can be guessed can be pre-empted."""
        new = {"name": name, "value": secrets.token_hex(32)}
        with self.store.writing() as connection:
            connection.execute(self.store.insert(SETTING).values(new).on_conflict_do_nothing())
            return connection.execute(select(SETTING.c.value).where(SETTING.c.name == name)).scalar_one()


def _due(workflows: Collection[str], now: datetime) -> list[ColumnElement[bool]]:
    """One that seems to wait for longer than FARTHEST was refused while a clock was wrong."""
    is_time = or_(_ROW.not_before.is_(None), _ROW.not_before <= now, _ROW.not_before > now + FARTHEST)
    return [_ROW.state == "pending", _ROW.workflow_id.in_(workflows), is_time]
