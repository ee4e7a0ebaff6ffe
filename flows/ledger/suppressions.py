"""Suppressed addresses: those that no workflow, no workflow of one program, or one workflow may send to.

A hard bounce suppresses an address automatically; a complaint, an unsubscribe or a person does so by the functions
here. Suppression is checked twice. The plan leaves a suppressed address out without claiming its partner, so the
workflow may send later if the suppression is lifted. The transition to `sending` checks again: by then the partner is
claimed, and the delivery stays `suppressed` until a person makes it pending.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from compiler import PartnerflowError
from flows.addresses import address_key
from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.schema import SUPPRESSION

ALL = "all"
"""The scope of every workflow."""

LIFTED = "lifted:"
"""What the scope of a row begins with that lifts a suppression: events until then do not suppress the address there."""


@dataclass(frozen=True)
class Suppression:
    """A suppressed address and scope: ALL, PROGRAM and an id, or a workflow's id.

    After LIFTED, the scope is one in which the address was suppressed until then. `source` is a person, an event or a
    delivery; `at` is UTC.
    """

    email_key: str
    scope: str
    reason: str
    source: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the suppression as the command line prints it."""
        return asdict(self) | {"at": self.at.isoformat() + "Z"}


def suppress(
    ledger: Ledger,
    addresses: Iterable[str],
    reason: str,
    source: str,
    scope: str = ALL,
    at: datetime | None = None,
) -> int:
    """Suppress addresses and return how many were new. Those already suppressed in the scope keep their reason.

    `at` is when that was (UTC), by default now.
    """
    since = at or utc_now()
    rows = [
        {"email_key": address_key(address), "scope": scope, "reason": reason, "source": source, "at": since}
        for address in addresses
    ]
    new = ledger.store.insert(SUPPRESSION).on_conflict_do_nothing().returning(SUPPRESSION.c.email_key)
    with ledger.store.writing() as connection:
        return len(connection.execute(new, rows).all()) if rows else 0


def unsuppress(ledger: Ledger, address: str, scope: str = ALL) -> bool:
    """Remove the suppression of an address in a scope. Return False if there was none."""
    which = delete(SUPPRESSION).where(SUPPRESSION.c.email_key == address_key(address), SUPPRESSION.c.scope == scope)
    with ledger.store.writing() as connection:
        return connection.execute(which).rowcount > 0


def lift(ledger: Ledger, address: str, reason: str, source: str, scope: str = ALL) -> bool:
    """Lift the suppression of an address in a scope, and record who did so and why. Return False if there was none.

    Events until now no longer suppress the address there; a later one does.
    """
    key, lifted = address_key(address), f"{LIFTED}{scope}"
    row = {"email_key": key, "scope": lifted, "reason": reason, "source": source, "at": utc_now()}
    with ledger.store.writing() as connection:
        which = SUPPRESSION.c.email_key == key
        if not connection.execute(delete(SUPPRESSION).where(which, SUPPRESSION.c.scope == scope)).rowcount:
            return False
        connection.execute(delete(SUPPRESSION).where(which, SUPPRESSION.c.scope == lifted))
        connection.execute(insert(SUPPRESSION).values(row))
    return True


def suppressions(ledger: Ledger) -> list[Suppression]:
    """Return all suppressions, by address and scope."""
    query = select(SUPPRESSION).order_by(SUPPRESSION.c.email_key, SUPPRESSION.c.scope)
    with ledger.store.reading() as connection:
        return [Suppression(**row._mapping) for row in connection.execute(query)]


def change_suppressions(
    ledger: Ledger, address: str | None, only: str | None, reason: str, source: str, remove: bool
) -> list[Suppression]:
    """Suppress an address, or lift its suppression, and return the rows that it then has.

    `only` is a scope; without it, ALL. Without an address, change nothing and return all suppressions, or those of
    that scope. Raises PartnerflowError if the address is not valid, and when `remove` is set, if it is not suppressed
    or there is no reason.
    """
    if address is None:
        return [one for one in suppressions(ledger) if only in (None, one.scope)]
    local, _, domain = address.strip().rpartition("@")
    if not local or not domain:
        raise PartnerflowError(f"{address!r} is not a valid email address. Write it like ann@example.com.")
    scope = only or ALL
    if not remove:
        suppress(ledger, [address], reason or "by hand", source, scope)
    elif not reason.strip():
        raise PartnerflowError("The reason is missing. Say with --reason why the address may be written to again.")
    elif not lift(ledger, address, reason, source, scope):
        raise PartnerflowError(
            f"{address} is not suppressed for {scope}. `partnerflow suppress` lists all suppressions."
        )
    return [one for one in suppressions(ledger) if one.email_key == address_key(address)]
