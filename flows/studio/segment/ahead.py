"""What else is to be known about a segment: who comes in the next days, and which workflows reach the same partners."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from compiler import Compiler, Workflow
from compiler.analysis.overlap import Overlap, overlaps
from flows.preview.holdouts import read_holdouts
from flows.preview.outlook import Outlook, look_ahead
from flows.settings import Settings
from flows.studio.segment.facts import Facts

DAYS = 7
"""Days of the outlook."""


@dataclass(frozen=True)
class Neighbour:
    """Another workflow that can reach the same partner in the same hour.

    `relation` is that of this segment to the other: equal, subset, superset, overlap or undecided.
    """

    workflow: Workflow
    relation: str
    except_when: str | None


def outlook(facts: Facts, settings: Settings, workflow: Workflow, compiler: Compiler, as_of: datetime) -> Outlook:
    """Return whom a workflow would contact at an hour (UTC) and in the DAYS after it if it were active."""
    holdouts = read_holdouts(settings, [workflow])
    return look_ahead(facts.connection, facts.models, [workflow], compiler, as_of, DAYS, settings.zone, holdouts)


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
