"""Check again who is to be contacted for an earlier hour, at the hour of sending.

Of the partners that a missed hour names, only those are contacted who, at the hour of sending, still have a stage that
the segment names and still meet its `less than` and `is 0` conditions (semantics, "Missed hours"): nobody is welcomed
after having left, and nobody who has caught up is reminded.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from compiler import Compiler, Workflow
from compiler.sql.recheck import RecheckSegment, recheck_segments
from flows.pipeline.late import CHOSEN, PartnerKey, choose_partners
from flows.plan.plan import Disqualified, PartnerOfWorkflow, Plan, partners_of, restricted_to, with_details
from flows.warehouse.connection import Connection, transaction


def without_disqualified(
    connection: Connection, plans: tuple[Plan, ...], workflows: Collection[Workflow], compiler: Compiler
) -> tuple[Plan, ...]:
    """Return the plans of earlier hours without the partners that no longer qualify at the hour of raw.evaluations."""
    partners = {one for plan in plans for one in partners_of(plan)}
    failed = failed_conditions(connection, partners, workflows, compiler)
    return tuple(_without(plan, failed) for plan in plans) if failed else plans


def failed_conditions(
    connection: Connection, partners: set[PartnerOfWorkflow], workflows: Iterable[Workflow], compiler: Compiler
) -> dict[PartnerOfWorkflow, tuple[str, ...]]:
    """Return the conditions that a partner no longer meets, as sentences; partners that meet all are left out."""
    named = {workflow_id for workflow_id, _, _ in partners}
    segments = recheck_segments([one for one in workflows if one.id in named], compiler.builder)
    if not segments:
        return {}
    alone = [one.workflow for one in segments.values()]
    members = _members(connection, alone, compiler, [(program, one) for _, program, one in partners])
    by_workflow: dict[str, list[RecheckSegment]] = defaultdict(list)
    for one in segments.values():
        by_workflow[one.workflow_id].append(one)
    failed = {}
    for workflow_id, *partner in partners:
        unmet = [one for one in by_workflow[workflow_id] if (partner[0], partner[1]) not in members[one.workflow.id]]
        if unmet:
            failed[workflow_id, partner[0], partner[1]] = tuple(one.sentence for one in unmet)
    return failed


def _members(
    connection: Connection, workflows: list[Workflow], compiler: Compiler, partners: Iterable[PartnerKey]
) -> Mapping[str, set[PartnerKey]]:
    """Return the members of each segment among the partners, by workflow id."""
    with transaction(connection):
        choose_partners(connection, partners)
    rows = connection.execute(compiler.membership(workflows, among=CHOSEN)).fetchall()
    members = defaultdict(set)
    for workflow_id, program_id, partner_id, _ in rows:
        members[workflow_id].add((program_id, partner_id))
    return members


def _without(plan: Plan, failed: Mapping[PartnerOfWorkflow, tuple[str, ...]]) -> Plan:
    left_out = sorted(partners_of(plan) & failed.keys())
    if not left_out:
        return plan
    details = {
        name: f"{count:,} left out: no longer in the segment"
        for name, count in Counter(workflow_id for workflow_id, _, _ in left_out).items()
    }
    kept = restricted_to(plan, lambda partner: partner not in failed)
    return replace(with_details(kept, details), disqualified=tuple(Disqualified(*one, failed[one]) for one in left_out))
