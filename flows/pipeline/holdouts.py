"""Who of an hour's recipients is held out, so that the effect of the others' emails can be measured."""

from dataclasses import replace

from flows.definitions.loader import Definitions
from flows.ledger.holdout import Holdouts
from flows.ledger.ledger import Ledger
from flows.ledger.unsent_contacts import unsent_contacts
from flows.plan.plan import PartnerOfWorkflow, Plan, with_holdouts


def without_held_out(plan: Plan, definitions: Definitions, ledger: Ledger) -> Plan:
    """Return the plan, and those of the hours to catch up, with their new members that are held out apart.

    This comes after everything else that leaves partners out, so that the partners held out are like the others. A
    partner whose contact may be claimed again, because nothing was sent, was not held out then and is not now.
    """
    percents = {one.id: one.holdout for one in definitions.active if one.holdout is not None}
    if not percents:
        return plan
    holdouts = Holdouts(ledger.holdout_key, percents)
    with ledger.store.reading() as connection:
        decided = {key[:3] for key in unsent_contacts(connection)}

    def is_out(who: PartnerOfWorkflow) -> bool:
        return who not in decided and holdouts.include(who)

    catch_up = tuple(with_holdouts(hour, percents, is_out) for hour in plan.catch_up)
    return replace(with_holdouts(plan, percents, is_out), catch_up=catch_up)
