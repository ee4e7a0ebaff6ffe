"""Apply email events to the ledger, as of the last dbt build: resolve deliveries in doubt, and suppress addresses.

dbt already excludes the addresses of marts.suppressions (int_partner_addresses). The ledger needs rows of its own
because it alone is checked when a delivery starts sending.
"""

from collections import defaultdict
from dataclasses import dataclass

from flows.addresses import address_key
from flows.ledger.ledger import Ledger
from flows.ledger.resolution import settle_by_evidence
from flows.ledger.suppressions import suppress, suppressions, unsuppress
from flows.warehouse.connection import Connection

EVENT = "event"
"""The source of suppressions that follow from events; only these are lifted here."""


@dataclass(frozen=True)
class InferredOutcome:
    """The outcome of one delivery in doubt: `state` is sent or failed, `reason` names the event that shows it."""

    delivery_id: str
    state: str
    reason: str


def apply_email_events(connection: Connection, ledger: Ledger) -> int:
    """Resolve deliveries, suppress and unsuppress addresses, and return how many deliveries and addresses changed.

    Nothing is sent again. Does nothing before the marts of events exist.
    """
    if not {"fct_email_deliveries", "suppressions"} <= connection.columns("marts").keys():
        return 0
    settled = sum(
        settle_by_evidence(ledger, one.delivery_id, one.state, one.delivery_id, one.reason)
        for one in read_inferred_outcomes(connection)
    )
    return settled + _suppress(ledger, _suppressions(connection))


def _suppress(ledger: Ledger, by_reason: dict[tuple[str, str], list[str]]) -> int:
    """Make the ledger's suppressions by events equal to those of the marts, and return how many changed."""
    keys = {(address_key(email), scope) for (_, scope), emails in by_reason.items() for email in emails}
    lifted = [one for one in suppressions(ledger) if one.source == EVENT and (one.email_key, one.scope) not in keys]
    for one in lifted:
        unsuppress(ledger, one.email_key, one.scope)
    new = [suppress(ledger, emails, reason, EVENT, scope) for (reason, scope), emails in by_reason.items()]
    return sum(new) + len(lifted)


def read_inferred_outcomes(connection: Connection) -> list[InferredOutcome]:
    """Return the outcomes that events show for the deliveries in doubt, as of the last build."""
    query = """
        SELECT delivery_id, inferred_state, coalesce(reason, '') FROM marts.fct_email_deliveries
        WHERE state = 'in_doubt' AND inferred_state IS NOT NULL
        ORDER BY delivery_id"""
    return [
        InferredOutcome(delivery_id, state, f"A provider event shows the outcome. {reason}".strip())
        for delivery_id, state, reason in connection.execute(query).fetchall()
    ]


def _suppressions(connection: Connection) -> dict[tuple[str, str], list[str]]:
    """Return the suppressed addresses by reason and scope."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    query = "SELECT email, reason, scope FROM marts.suppressions ORDER BY email"
    for email, reason, scope in connection.execute(query).fetchall():
        found[reason, scope].append(email)
    return found
