"""Contacts whose emails all ended before an attempt: nothing was sent, so they may be claimed again, as they are now.

Their emails could not be rendered, or their partner no longer qualified after a wait.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, and_, case, delete, func, or_, select, tuple_, update

from flows.ledger.delivery import RENDERING, Delivery
from flows.ledger.schema import CONTACT, DELIVERY

_KEY = CONTACT.primary_key.columns
_UNRENDERED = and_(DELIVERY.c.state == "failed", DELIVERY.c.smtp_stage == RENDERING)
_UNSENT = and_(DELIVERY.c.action == "email", or_(_UNRENDERED, DELIVERY.c.state == "disqualified"))
"""As `Delivery.failed_before_sending`."""


def take_back_unsent(connection: Connection, claims: Mapping[tuple[str, ...], Delivery]) -> set[tuple[str, ...]]:
    """Delete the deliveries of those contacts of which no attempt was made, and return the keys of these contacts.

    `claims` has a delivery of the new claim for each key; the contact then belongs to its run. Of several hosts, the
    one whose deletion finds the rows gets the contact. The log keeps what happened to the deliveries.
    """
    taken = set()
    for key in (unsent_contacts(connection) if claims else set()) & claims.keys():
        theirs = [DELIVERY.c[column.name] == value for column, value in zip(_KEY, key, strict=True)]
        if connection.execute(delete(DELIVERY).where(*theirs, _UNSENT)).rowcount:
            values = {name: getattr(claims[key], name) for name in ("run_id", "as_of", "claimed_at")}
            contact = [column == value for column, value in zip(_KEY, key, strict=True)]
            connection.execute(update(CONTACT).where(*contact).values(values))
            taken.add(key)
    return taken


def unsent_contacts(connection: Connection) -> set[tuple[str, ...]]:
    """Return the keys of the contacts of which no attempt was made, so that they may be claimed again."""
    contact = [DELIVERY.c[column.name] for column in _KEY]
    query = select(*contact).where(tuple_(*contact).in_(select(*contact).where(_UNSENT)))
    query = query.group_by(*contact).having(func.count() == func.count(case((_UNSENT, 1))))
    return {tuple(row) for row in connection.execute(query)}
