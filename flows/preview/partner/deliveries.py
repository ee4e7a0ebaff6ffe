"""Choose deliveries as a person does: by workflow, partner, address, local date."""

from dataclasses import dataclass
from datetime import UTC, date

from flows.addresses import address_key
from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries_in_state
from flows.preview.partner.find import find_partners
from flows.settings import Settings
from flows.warehouse.program_names import ProgramNames


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries are wanted; a condition that is None is none.

    `partner` is an id, or a name as `find_partners` takes it. `first` and `last` are dates of the program, both
    inclusive, on which the delivery was sent, or of the hour that it was claimed for if it was not.
    """

    workflow_id: str | None = None
    state: str | None = None
    partner: str | None = None
    address: str | None = None
    first: date | None = None
    last: date | None = None
    run_id: str | None = None
    containing: str | None = None


def find_deliveries(
    settings: Settings, ledger: Ledger, wanted: DeliveryFilter, programs: ProgramNames
) -> list[Delivery]:
    """Return the deliveries that meet all conditions, in the order in which they were claimed.

    Raises PartnerflowError for an unknown state, and for a partner that has no delivery and is not known.
    """
    conditions = (wanted.state, wanted.workflow_id, wanted.run_id, wanted.containing)
    email_key = address_key(wanted.address) if wanted.address else None
    found = deliveries_in_state(ledger, *conditions, partner_id=wanted.partner, email_key=email_key)
    if wanted.partner and not found:
        ids = {one.partner_id for one in find_partners(settings, wanted.partner)}
        of_all = deliveries_in_state(ledger, *conditions, email_key=email_key)
        found = [one for one in of_all if one.partner_id in ids]
    first, last = wanted.first or date.min, wanted.last or date.max
    return [one for one in found if first <= day_of(one, programs) <= last]


def day_of(delivery: Delivery, programs: ProgramNames) -> date:
    """Return the date of the program on which a delivery was sent, or of its hour if it was not."""
    instant = (delivery.sent_at or delivery.as_of).replace(tzinfo=UTC)
    return instant.astimezone(programs.zone(delivery.program_id)).date()
