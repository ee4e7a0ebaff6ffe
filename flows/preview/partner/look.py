"""All that is known about one partner, from the published file and the ledger, so that it never waits for a run.

What only the facts of the warehouse say (conditions, addresses, next changes) is left out, with a note, while a run
works on them.
"""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flows.definitions.loader import Definitions
from flows.ledger.delivery import Delivery
from flows.ledger.holdout import Holdouts
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.preview.explain import Explanation, explain_each
from flows.preview.holdouts import read_holdouts
from flows.preview.hours import open_facts
from flows.preview.partner.model import OUTCOMES, InWorkflow, Partner, PartnerDelivery, PartnerId
from flows.preview.partner.rows import read_addresses, read_deliveries, read_partner, read_run_problems
from flows.settings import Settings
from flows.warehouse.errors import Unavailable
from flows.warehouse.published import require_published


def look_at_partner(settings: Settings, definitions: Definitions, partner: PartnerId) -> Partner:
    """Return all that is known about a partner as of the last run.

    Raises PartnerflowError if the published file cannot be read, or the warehouse is damaged.
    """
    workflows = sorted((one for one in definitions.workflows if one.program == partner.program_id), key=lambda w: w.id)
    with require_published(settings) as published:
        known = read_partner(published, partner, workflows)
        found = {one.delivery_id: one for one in read_deliveries(published, partner)}
        problems = read_run_problems(published)
    for one in _of_ledger(settings, partner):
        found[one.delivery_id] = _combined(one, found.get(one.delivery_id))
    known = replace(known, deliveries=tuple(sorted(found.values(), key=lambda one: (one.as_of, one.workflow_id))))
    if known.as_of is None:
        return known
    try:
        with open_facts(settings, wait=False) as facts:
            why = explain_each(facts, settings, workflows, partner.partner_id, definitions.compiler, known.as_of)
            known = replace(known, addresses=read_addresses(facts, partner))
    except Unavailable as error:
        if not error.is_locked:
            raise
        note = "A run is using the warehouse: conditions, addresses and next changes are not known until it ends."
        return replace(known, notes=(note,))
    holdouts = read_holdouts(settings, workflows)
    return replace(known, workflows=tuple(_explained(known, one, problems, holdouts) for one in why))


def _of_ledger(settings: Settings, partner: PartnerId) -> list[Delivery]:
    """Return the deliveries of a partner in the ledger, which knows more than what was published last."""
    if isinstance(settings.ledger, Path) and not settings.ledger.exists():
        return []
    with closing(Ledger(settings.ledger)) as ledger:
        found = deliveries(ledger, partner_id=partner.partner_id)
    return [one for one in found if one.program_id == partner.program_id]


def _combined(delivery: Delivery, published: PartnerDelivery | None) -> PartnerDelivery:
    """Return a delivery of the ledger with its published outcomes."""
    found = PartnerDelivery(
        delivery.delivery_id, delivery.workflow_id, delivery.action, delivery.email, delivery.contract_id or None,
        delivery.state, delivery.reason, delivery.as_of.replace(tzinfo=UTC),
        delivery.sent_at and delivery.sent_at.replace(tzinfo=UTC),
        delivery.not_before and delivery.not_before.replace(tzinfo=UTC),
    )  # fmt: skip
    if published is None:
        return found
    sent_at, reason = found.sent_at or published.sent_at, found.reason or published.reason
    return replace(
        found, sent_at=sent_at, reason=reason, **{name: getattr(published, name) for name in OUTCOMES.values()}
    )


def _explained(known: Partner, why: Explanation, problems: dict[str, str], holdouts: Holdouts) -> InWorkflow:
    """Return what is known about a workflow with what the explanation adds."""
    (before,) = [one for one in known.workflows if one.workflow_id == why.workflow_id]
    unmet = tuple(
        one.text if one.actual is None else f"{one.text} (is {one.actual or 'empty'})"
        for one in why.conditions
        if not one.holds
    )
    change = datetime.fromisoformat(why.next_change) if why.next_change else None
    reason = _why_not(known, before, why, problems, holdouts)
    return replace(before, member=why.member, unmet=unmet, why_not=reason, next_change=change, then=why.then)


def _why_not(
    known: Partner, workflow: InWorkflow, why: Explanation, problems: dict[str, str], holdouts: Holdouts
) -> str | None:
    """Return why the workflow has not written to the partner: the first reason that a run would meet."""
    own = [one for one in known.deliveries if one.workflow_id == workflow.workflow_id]
    if any(one.state in ("sent", "sending", "leased") for one in own):
        return None
    if own:
        return f"{own[-1].state.replace('_', ' ')}{f': {own[-1].reason}' if own[-1].reason else ''}"
    if workflow.status != "active":
        return f"the workflow is {'a draft' if workflow.status == 'draft' else workflow.status}"
    if not why.member:
        return "not in the segment"
    if workflow.workflow_id in problems:
        return f"the last run of the workflow was {problems[workflow.workflow_id]}"
    if workflow.action == "email" and not why.addresses:
        return "every address is unsubscribed or suppressed" if why.unsubscribed else "it has no email address"
    if holdouts.include((workflow.workflow_id, known.program_id, known.partner_id)):
        return f"it is in the holdout of {holdouts.percents[workflow.workflow_id]} %"
    return None
