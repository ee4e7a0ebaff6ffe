"""The caps of the contact policy, counted in the ledger.

An email counts in the evaluation hour of the run that started to send it, as long as it may have been sent: while it is
`sending`, when it is `sent`, and in doubt. A cap per N hours looks N - 1 hours back and ahead, so that no N hours in a
row have more emails, even if the run of an earlier hour sends later.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_

from compiler import Cap, ContactPolicy
from flows.ledger.delivery import Delivery
from flows.ledger.schema import DELIVERY
from flows.run_id import hour_of_run, start_of_run_ids
from flows.warehouse.raw_tables import batched

COUNTED = ("sending", "sent", "in_doubt")
"""The states of emails that may have been sent."""

CHUNK = 500
"""Partners or addresses in one query."""

CapKey = tuple[str, ...]
"""Whom a cap counts for: a program's and a partner's id, or one address in canonical form."""

_ROW = DELIVERY.c
_RUN = func.coalesce(_ROW.leased_by, _ROW.run_id).label("run_id")


class Wait(NamedTuple):
    """The first evaluation hour (UTC, without a time zone) at which an email may leave, and why it waits."""

    not_before: datetime
    reason: str


@dataclass
class SendingHours:
    """The evaluation hours at which emails were sent, by whom the caps of a policy count for."""

    policy: ContactPolicy
    _hours: defaultdict[CapKey, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def copy(self) -> "SendingHours":
        """Return a copy to which hours can be added."""
        copied = defaultdict(list, {key: list(hours) for key, hours in self._hours.items()})
        return SendingHours(self.policy, copied)

    def add(self, delivery: Delivery, hour: datetime) -> None:
        """Count an email; those of exempt workflows do not count."""
        if is_limited(self.policy, delivery):
            self.add_keys(cap_keys(delivery), hour)

    def add_keys(self, keys: Collection[CapKey], hour: datetime) -> None:
        """Count an email to a partner and an address."""
        for key in keys:
            self._hours[key].append(hour)

    def wait(self, delivery: Delivery, as_of: datetime) -> Wait | None:
        """Return what an email has to wait for at this hour: of several caps, the one that lasts longest."""
        if not is_limited(self.policy, delivery):
            return None
        return max(filter(None, (self._wait(cap, delivery, as_of) for cap in self.policy.caps)), default=None)

    def _wait(self, cap: Cap, delivery: Delivery, as_of: datetime) -> Wait | None:
        period = timedelta(hours=cap.hours)
        partner, address = cap_keys(delivery)
        hours = self._hours[partner if cap.per == "partner" else address]
        near = sorted(hour for hour in hours if abs(hour - as_of) < period)
        return Wait(near[-cap.limit] + period, f"Waits: {cap}.") if len(near) >= cap.limit else None


def is_limited(policy: ContactPolicy, delivery: Delivery) -> bool:
    """Return whether the caps limit a delivery, and count it."""
    return bool(policy.caps) and delivery.action == "email" and delivery.workflow_id not in policy.exempt


def cap_keys(delivery: Delivery) -> tuple[CapKey, CapKey]:
    """Return the partner and the address of an email."""
    return (delivery.program_id, delivery.partner_id), (delivery.email_key or "",)


def read_sending_hours(
    connection: Connection, policy: ContactPolicy, deliveries: Collection[Delivery], as_of: datetime
) -> SendingHours:
    """Return the hours around `as_of` at which emails were sent to the partners and addresses of these deliveries."""
    found = SendingHours(policy)
    if not policy.caps:
        return found
    partners = {cap_keys(one)[0] for one in deliveries}
    addresses = {cap_keys(one)[1][0] for one in deliveries}
    to_partners = [tuple_(_ROW.program_id, _ROW.partner_id).in_(some) for some in batched(partners, CHUNK)]
    to_addresses = [_ROW.email_key.in_(some) for some in batched(addresses, CHUNK)]
    counted = _counted(policy, as_of)
    for conditions, position in ((to_partners, 0), (to_addresses, 1)):
        for row in _rows(connection, counted, conditions):
            hour = hour_of_run(row.run_id)
            keys: tuple[CapKey, CapKey] = ((row.program_id, row.partner_id), (row.email_key or "",))
            if hour is not None:
                found.add_keys([keys[position]], hour)
    return found


@dataclass(frozen=True)
class PolicyGuard:
    """The last check of the contact policy, in the transaction that marks an email as `sending`.

    Another run may have sent an email to the partner, or to the address, since this run decided who waits, or may have
    claimed an email since. `window_wait` says until when an email waits for its send window.
    """

    policy: ContactPolicy
    as_of: datetime
    window_wait: Callable[[Delivery], Wait | None] = lambda _: None

    def wait(self, connection: Connection, delivery: Delivery) -> Wait | None:
        """Return what the email has to wait for.

        In PostgreSQL it first locks the partner and the address until the transaction ends, in the same order
        everywhere. SQLite has one writer at a time.
        """
        if closed := self.window_wait(delivery):
            return closed
        if not is_limited(self.policy, delivery):
            return None
        if connection.dialect.name == "postgresql":
            for key in sorted("\n".join(key) for key in cap_keys(delivery)):
                connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 7308))))
        return read_sending_hours(connection, self.policy, [delivery], self.as_of).wait(delivery, self.as_of)


def _counted(policy: ContactPolicy, as_of: datetime) -> Select[Any]:
    """Return the query of emails that count, near enough to the hour for the longest cap. Ids of runs sort by hour."""
    period = timedelta(hours=max(cap.hours for cap in policy.caps))
    return select(_ROW.program_id, _ROW.partner_id, _ROW.email_key, _RUN).where(
        _ROW.action == "email",
        _ROW.state.in_(COUNTED),
        _ROW.workflow_id.not_in(policy.exempt),
        start_of_run_ids(as_of - period + timedelta(seconds=1)) <= _RUN,
        start_of_run_ids(as_of + period) > _RUN,
    )


def _rows(connection: Connection, query: Select[Any], conditions: Sequence[ColumnElement[bool]]) -> Iterator[Any]:
    for condition in conditions:
        yield from connection.execute(query.where(condition))
