"""Suppressed addresses: those that no workflow, no workflow of one program, or one workflow may send to.

A hard bounce suppresses an address automatically; a complaint, an unsubscribe or a person does so by the functions
here. Suppression is checked twice. The plan leaves a suppressed address out without claiming its partner, so the
workflow may send later if the suppression is removed. The transition to `sending` checks again: by then the partner is
claimed, and the delivery stays `suppressed` until a person makes it pending.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from compiler import PartnerflowError
from flows.addresses import address_key
from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.schema import SUPPRESSION

ALL = "all"
"""The scope of every workflow."""


@dataclass(frozen=True)
class Suppression:
    """A suppressed address and scope: ALL, PROGRAM and an id, or a workflow's id.

    `source` is a person, an event or a delivery; `at` is UTC.
    """

    email_key: str
    scope: str
    reason: str
    source: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the suppression as the command line prints it."""
        return asdict(self) | {"at": self.at.isoformat() + "Z"}


def suppress(ledger: Ledger, addresses: Iterable[str], reason: str, source: str, scope: str = ALL) -> int:
    """Suppress addresses and return how many were new. Those already suppressed in the scope keep their reason."""
    now = utc_now()
    rows = [
        {"email_key": address_key(address), "scope": scope, "reason": reason, "source": source, "at": now}
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


def suppressions(ledger: Ledger) -> list[Suppression]:
    """Return all suppressions, by address and scope."""
    query = select(SUPPRESSION).order_by(SUPPRESSION.c.email_key, SUPPRESSION.c.scope)
    with ledger.store.reading() as connection:
        return [Suppression(**row._mapping) for row in connection.execute(query)]


def change_suppressions(
    ledger: Ledger, address: str | None, only: str | None, reason: str, source: str, remove: bool
) -> list[Suppression]:
    """Suppress an address, or remove its suppression, and return the suppressions that it then has.

    `only` is a scope; without it, ALL. Without an address, change nothing and return all suppressions, or those of
    that scope. Raises PartnerflowError if the address is not valid, or is not suppressed when `remove` is set.
    """
    if address is None:
        return [one for one in suppressions(ledger) if only in (None, one.scope)]
    local, _, domain = address.strip().rpartition("@")
    if not local or not domain:
        raise PartnerflowError(f"{address!r} is not a valid email address. Write it like ann@example.com.")
    scope = only or ALL
    if not remove:
        suppress(ledger, [address], reason, source, scope)
    elif not unsuppress(ledger, address, scope):
        raise PartnerflowError(
            f"{address} is not suppressed for {scope}. `partnerflow suppress` lists all suppressions."
        )
    return [one for one in suppressions(ledger) if one.email_key == address_key(address)]
