"""Consequences: what the provider's events mean for the ledger, as the last build has them.

They settle deliveries that were in doubt, and suppress addresses. dbt leaves out whoever is in marts.suppressions by
itself (int_partner_addresses); the ledger's own row is for the swap to `sending`, which looks at nothing else.
"""

from collections import defaultdict
from dataclasses import dataclass

from flows.addresses import address_key
from flows.ledger.ledger import Ledger
from flows.ledger.resolution import settle_by_evidence
from flows.ledger.suppressions import suppress, suppressions, unsuppress
from flows.warehouse.connection import Connection, has_table

EVENT = "event"
"""The source of a suppression that follows from an event; only these are lifted here."""


@dataclass(frozen=True)
class InferredOutcome:
    """What events prove of one delivery: `state` is sent or failed, `reason` says from what."""

    delivery_id: str
    state: str
    reason: str


def apply_email_events(connection: Connection, ledger: Ledger) -> int:
    """Settle what is proven and suppress what is to be suppressed; how many deliveries and addresses were new.

    Nothing is ever sent anew. Does nothing before the marts of events have been built.
    """
    if not all(has_table(connection, "marts", name) for name in ("fct_email_deliveries", "suppressions")):
        return 0
    settled = sum(
        settle_by_evidence(ledger, one.delivery_id, one.state, one.delivery_id, one.reason)
        for one in read_inferred_outcomes(connection)
    )
    return settled + _suppress(ledger, _suppressions(connection))


def _suppress(ledger: Ledger, told: dict[tuple[str, str], list[str]]) -> int:
    """Make the ledger's suppressions by events those of the marts: an address that was reactivated is lifted."""
    keys = {(address_key(email), scope) for (_, scope), emails in told.items() for email in emails}
    lifted = [one for one in suppressions(ledger) if one.source == EVENT and (one.email_key, one.scope) not in keys]
    for one in lifted:
        unsuppress(ledger, one.email_key, one.scope)
    new = [suppress(ledger, emails, reason, EVENT, scope) for (reason, scope), emails in told.items()]
    return sum(new) + len(lifted)


def read_inferred_outcomes(connection: Connection) -> list[InferredOutcome]:
    """The evidence for deliveries that the mirror has in doubt, from the events as last built."""
    query = """
        SELECT delivery_id, inferred_state, coalesce(reason, '') FROM marts.fct_email_deliveries
        WHERE state = 'in_doubt' AND inferred_state IS NOT NULL
        ORDER BY delivery_id"""
    return [
        InferredOutcome(delivery_id, state, f"An event of the provider proves it. {reason}".strip())
        for delivery_id, state, reason in connection.execute(query).fetchall()
    ]


def _suppressions(connection: Connection) -> dict[tuple[str, str], list[str]]:
    """The suppressed addresses by reason and scope."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    query = "SELECT email, reason, scope FROM marts.suppressions ORDER BY email"
    for email, reason, scope in connection.execute(query).fetchall():
        found[reason, scope].append(email)
    return found
