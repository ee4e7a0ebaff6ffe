"""What else is to be known about a segment: who comes in the next days, and which workflows reach the same partners."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from compiler import Compiler, Workflow
from compiler.analysis.overlap import Overlap, overlaps
from flows.preview.holdouts import read_holdouts
from flows.preview.outlook import Outlook, look_ahead
from flows.preview.replay import Send
from flows.settings import Settings
from flows.studio.segment.facts import Facts
from flows.warehouse.partner_names import PartnerNames, read_partner_names

DAYS = 7
"""Days of the outlook."""

NAMED = 5
"""Partners of a workflow that are named, of those at the hour and of those after it."""


@dataclass(frozen=True)
class Neighbour:
    """Another workflow that can reach the same partner in the same hour.

    `relation` is that of this segment to the other: equal, subset, superset, overlap or undecided.
    """

    workflow: Workflow
    relation: str
    except_when: str | None


@dataclass(frozen=True)
class Coming:
    """A partner that a workflow would contact, and the hour (UTC) of the run that does."""

    partner_id: str
    name: str
    as_of: datetime


@dataclass(frozen=True)
class Expected:
    """How many partners a workflow would contact at the hour and in the DAYS after it, and the first of them."""

    workflow: Workflow
    now: int
    later: int
    first_now: tuple[Coming, ...]
    first_later: tuple[Coming, ...]


def outlook(
    facts: Facts, settings: Settings, workflows: Sequence[Workflow], compiler: Compiler, as_of: datetime
) -> Outlook:
    """Return whom workflows would contact at an hour (UTC) and in the DAYS after it if they were active."""
    holdouts = read_holdouts(settings, workflows)
    return look_ahead(facts.connection, facts.models, workflows, compiler, as_of, DAYS, settings.zone, holdouts)


def expected(settings: Settings, found: Outlook, workflows: Sequence[Workflow]) -> list[Expected]:
    """Return what an outlook says of each of the workflows."""
    first = {one.id: found.first(one.id, NAMED) for one in workflows}
    named = {(one.program_id, one.partner_id) for parts in first.values() for some in parts for one in some}
    names = read_partner_names(settings, named)
    now, later = found.now(), found.later()
    return [
        Expected(one, now.get(one.id, 0), later.get(one.id, 0), *(_named(some, names) for some in first[one.id]))
        for one in workflows
    ]


def _named(sends: Sequence[Send], names: PartnerNames) -> tuple[Coming, ...]:
    return tuple(
        Coming(one.partner_id, names.name(one.program_id, one.partner_id) or one.partner_id, one.as_of) for one in sends
    )


def neighbours(
    workflow: Workflow, workflows: Sequence[Workflow], compiler: Compiler, as_of: datetime
) -> list[Neighbour] | None:
    """Return the workflows whose segments overlap with that of a workflow, by id; None if it can have no member."""
    others = {one.id: one for one in workflows if one.program == workflow.program and one.id != workflow.id}
    found = overlaps([workflow, *others.values()], compiler, as_of.date(), workflow.id)
    if workflow.id in found.unsatisfiable:
        return None
    return [_neighbour(one, workflow, others) for one in found.pairs]


def _neighbour(one: Overlap, workflow: Workflow, others: dict[str, Workflow]) -> Neighbour:
    first, second = one.workflows
    if first == workflow.id:
        return Neighbour(others[second], one.relation, one.except_when)
    turned = {"subset": "superset", "superset": "subset"}.get(one.relation, one.relation)
    return Neighbour(others[first], turned, one.except_when)
