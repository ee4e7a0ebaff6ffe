"""Suppression: addresses that are not written to, by any workflow or by one.

A hard bounce adds one by itself; a complaint, an unsubscription or a person through these functions. It is looked at
twice: at the plan, where a suppressed address is left out and its partner not claimed, so that lifting the suppression
lets the workflow write later; and in the swap to `sending`, where the partner is claimed already and the row says
`suppressed` for ever (or until a person settles it as pending).
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, select

from flows.addresses import address_key
from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.schema import SUPPRESSION

ALL = "all"
"""The scope of every workflow."""


@dataclass(frozen=True)
class Suppression:
    """One address that is not written to. `scope` is ALL or a workflow's id; `source` who or what said so; `at` UTC."""

    email_key: str
    scope: str
    reason: str
    source: str
    at: datetime

    def as_json(self) -> dict[str, str]:
        """As the command line answers with it."""
        return asdict(self) | {"at": self.at.isoformat() + "Z"}


def suppress(ledger: Ledger, addresses: Iterable[str], reason: str, source: str, scope: str = ALL) -> int:
    """Suppress addresses in a scope; those that are suppressed there already keep their reason. How many were new."""
    now = utc_now()
    rows = [
        {"email_key": address_key(address), "scope": scope, "reason": reason, "source": source, "at": now}
        for address in addresses
    ]
    new = ledger.store.insert(SUPPRESSION).on_conflict_do_nothing().returning(SUPPRESSION.c.email_key)
    with ledger.store.writing() as connection:
        return len(connection.execute(new, rows).all()) if rows else 0


def unsuppress(ledger: Ledger, address: str, scope: str = ALL) -> bool:
    """Lift the suppression of an address in a scope. False: there was none."""
    which = delete(SUPPRESSION).where(SUPPRESSION.c.email_key == address_key(address), SUPPRESSION.c.scope == scope)
    with ledger.store.writing() as connection:
        return connection.execute(which).rowcount > 0


def suppressions(ledger: Ledger) -> list[Suppression]:
    """All that are in force, by address."""
    query = select(SUPPRESSION).order_by(SUPPRESSION.c.email_key, SUPPRESSION.c.scope)
    with ledger.store.reading() as connection:
        return [Suppression(**row._mapping) for row in connection.execute(query)]
