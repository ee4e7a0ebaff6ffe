"""The plan of an hour: load events, build the tables, evaluate the hours to catch up, read who is to be contacted.

The hours to catch up are evaluated on the same data, and partners with late transitions at the days before.
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from compiler import MissedHours
from flows.definitions.loader import Definitions
from flows.events.ingestion import load_events
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import mirror
from flows.pipeline.catch_up import CatchUp, find_catch_up
from flows.pipeline.contact_policy import decide_in_ledger, requalify_by, with_decision
from flows.pipeline.holdouts import without_held_out
from flows.pipeline.late import LateRows, find_late_rows, replace_membership
from flows.pipeline.recheck import without_disqualified
from flows.pipeline.steps import StepRunner
from flows.pipeline.text import grouped
from flows.plan.messages_used import Messages, read_messages
from flows.plan.plan import Plan, excluding_contacted, partners_of, with_details, with_held
from flows.plan.read_plan import read_plan
from flows.progress import ProgressCallback
from flows.run_id import run_id_of
from flows.sending.claim import planned_deliveries
from flows.sending.contact_policy import SendingHour
from flows.settings import Settings
from flows.transform.build import BuildResult, build
from flows.warehouse.connection import Connection, open_warehouse, transaction
from flows.warehouse.contract_history import restore_contract_history
from flows.warehouse.evaluations import Hour, batches, evaluation_hours, write_evaluations
from flows.warehouse.newest_data import notes_of_old_data
from flows.warehouse.partner_zones import read_partner_zones
from flows.warehouse.programs import Programs, read_programs
from flows.warehouse.quarantine import notes_of_set_aside
from flows.warehouse.unreadable import notes_of_unreadable

logger = logging.getLogger(__name__)


def build_plan(
    settings: Settings,
    definitions: Definitions,
    ledger: Ledger,
    as_of: datetime,
    step: StepRunner,
    progress: ProgressCallback,
    missed_hours: MissedHours | None = None,
    full_refresh: bool = False,
) -> Plan:
    """Build the tables as of `as_of` (UTC), and return who is to be contacted; held workflows contact nobody.

    Afterwards the segments are those of `as_of`, whatever earlier hours were evaluated. With `full_refresh`, all tables
    are built, not only those that are out of date.
    """
    programs = step("Set evaluation hour and load events", _set_evaluation_hour, settings, ledger, as_of)
    zones, without_zone = programs.zones, _held_for_their_program(definitions, programs)
    usable = definitions.without(without_zone)
    searched = (ledger, usable.active, zones, as_of, settings.zone, missed_hours)
    catch_up = step("Find hours to catch up", find_catch_up, *searched)
    usable = usable.without(catch_up.held)
    built = step("Run dbt build", build, settings, usable, progress, full_refresh)
    usable, catch_up = usable.without(built.held), catch_up.without(built.held)
    evaluator = _Evaluator(settings, usable, read_messages(settings, usable), built)
    late = step("Find late transitions", evaluator.late_rows, zones, catch_up)
    plans: tuple[Plan, ...] = ()
    for hours in _batches(settings, usable, late.instants, zones):
        title = f"Evaluate {len(late.partners):,} partners with late transitions"
        plans = step(title, evaluator.late_plans, hours, late, plans)
    late_plans = len(plans)
    for hours in _batches(settings, usable, catch_up.instants, zones):
        title = f"Catch up {hours[0].as_of:%Y-%m-%d %H:%M} to {hours[-1].as_of:%Y-%m-%d %H:%M} UTC"
        plans = step(title, evaluator.catch_up_plans, hours, catch_up, plans)
    held = {**built.held, **catch_up.held, **without_zone}
    if plans:
        held |= step("Rebuild segments for this hour", evaluator.rebuild_segments, evaluation_hours(zones, as_of))
        plans = step("Check who still qualifies", evaluator.without_disqualified, plans)
    plan = step("Read plan", evaluator.read_with_notes, usable.without(held), as_of)
    plan = with_details(with_held(plan, held), catch_up.skipped)
    found_late = _contacts_by_workflow(plans[:late_plans])
    plan = with_details(plan, {name: f"{count:,} found late" for name, count in found_late.items()})
    plan = replace(plan, found_late=found_late.total())
    for line in grouped(held):
        logger.warning("Held: %s", line)
    for note in plan.notes:
        logger.warning("%s", note)
    plan = without_held_out(replace(excluding_contacted(plans, plan), catch_up=plans), definitions, ledger)
    return step("Check contact policy", _with_policy, settings, definitions, ledger, plan, zones)


@dataclass(frozen=True)
class _Evaluator:
    """Evaluates the segments of some definitions at any hours, on the tables that a build has made."""

    settings: Settings
    definitions: Definitions
    messages: Messages
    built: BuildResult

    def catch_up_plans(self, hours: Sequence[Hour], catch_up: CatchUp, earlier: tuple[Plan, ...]) -> tuple[Plan, ...]:
        """Return the earlier plans and those of a batch of hours, each for the workflows that are to catch it up."""
        held = self.rebuild_segments(hours)
        plans = earlier
        for instant in sorted({hour.as_of for hour in hours}):
            wanted = self.definitions.only(catch_up.instants[instant])
            plan = self.read(wanted.without(held), instant)
            reasons = {workflow.id: held[workflow.id] for workflow in wanted.active if workflow.id in held}
            plans += (excluding_contacted(plans, with_held(plan, reasons)),)
        return plans

    def late_rows(self, zones: Mapping[str, str], catch_up: CatchUp) -> LateRows:
        """Return the partners with late transitions, and the instants that they are to be evaluated at."""
        with open_warehouse(self.settings.warehouse) as connection:
            return find_late_rows(connection, self.definitions.active, zones, catch_up)

    def late_plans(self, hours: Sequence[Hour], late: LateRows, earlier: tuple[Plan, ...]) -> tuple[Plan, ...]:
        """Return the earlier plans and those of a batch of hours, for partners with late transitions only."""
        workflows = self.definitions.only({one for hour in hours for one in late.instants[hour.as_of]})
        with open_warehouse(self.settings.warehouse) as connection, transaction(connection):
            write_evaluations(connection, hours)
            replace_membership(connection, workflows.active, self.definitions.compiler, late.partners)
        held = self.built.rebuild_segments(self.definitions.active, keep_membership=True)
        plans = earlier
        for instant in sorted({hour.as_of for hour in hours}):
            wanted = self.definitions.only(late.instants[instant])
            plan = late.without_earlier(self.read(wanted.without(held), instant))
            plans += (excluding_contacted(plans, plan),)
        return plans

    def without_disqualified(self, plans: tuple[Plan, ...]) -> tuple[Plan, ...]:
        """Return the plans of earlier hours without the partners that no longer qualify at the hour of sending."""
        with open_warehouse(self.settings.warehouse) as connection:
            return without_disqualified(connection, plans, self.definitions.active, self.definitions.compiler)

    def rebuild_segments(self, hours: Sequence[Hour]) -> dict[str, str]:
        """Evaluate the segments at these hours, and return the workflows that are held, with the reason."""
        with open_warehouse(self.settings.warehouse) as connection, transaction(connection):
            write_evaluations(connection, hours)
        return self.built.rebuild_segments(self.definitions.active)

    def read(self, definitions: Definitions, as_of: datetime) -> Plan:
        """Return the plan of an hour that has been evaluated."""
        with open_warehouse(self.settings.warehouse) as connection:
            return read_plan(connection, definitions, self.messages, as_of)

    def read_with_notes(self, definitions: Definitions, as_of: datetime) -> Plan:
        """Return the plan of an hour that has been evaluated, with notes on what concerns no single workflow."""
        with open_warehouse(self.settings.warehouse) as connection:
            notes = (
                *notes_of_unreadable(connection),
                *notes_of_set_aside(connection),
                *notes_of_old_data(connection, as_of, self.settings.zone),
                *read_partner_zones(connection, definitions.policy, definitions.active).notes,
            )
            return replace(read_plan(connection, definitions, self.messages, as_of), notes=notes)


def sending_hour(connection: Connection, definitions: Definitions, plan: Plan, zones: Mapping[str, str]) -> SendingHour:
    """Return the hour of a plan, with the workflows that may send at it, for the contact policy."""
    done = {row.workflow_id for row in plan.workflows if row.status == "done"}
    workflows = definitions.only(done).active
    partner_zones = read_partner_zones(connection, definitions.policy, workflows).zones
    return SendingHour(plan.as_of.replace(tzinfo=None), definitions.policy, workflows, zones, partner_zones)


def _with_policy(
    settings: Settings, definitions: Definitions, ledger: Ledger, plan: Plan, zones: Mapping[str, str]
) -> Plan:
    """Return the plan with what the contact policy makes of its emails, and of those that wait in the ledger."""
    planned = (
        one
        for each in (*plan.catch_up, plan)
        for one in planned_deliveries(ledger.message_key, each, run_id_of(plan.as_of), "plan", plan.as_of)
        if one.state == "pending"
    )
    with open_warehouse(settings.warehouse) as connection:
        hour = sending_hour(connection, definitions, plan, zones)
        decision = decide_in_ledger(ledger, hour, requalify_by(connection, hour, definitions.compiler), planned)
    return with_decision(plan, decision, zones)


def _contacts_by_workflow(plans: Sequence[Plan]) -> Counter[str]:
    return Counter(workflow_id for plan in plans for workflow_id, _, _ in partners_of(plan))


def _batches(
    settings: Settings,
    definitions: Definitions,
    instants: Mapping[datetime, Collection[str]],
    zones: Mapping[str, str],
) -> list[list[Hour]]:
    """Return instants, each for the programs of its workflows, in batches of one statement each."""
    programs = {workflow.id: workflow.program for workflow in definitions.active}
    hours = [
        hour
        for instant, workflow_ids in instants.items()
        for hour in evaluation_hours(zones, instant, programs={programs[one] for one in workflow_ids})
    ]
    if not hours:
        return []
    with open_warehouse(settings.warehouse) as connection:
        return list(batches(connection, hours))


def _held_for_their_program(definitions: Definitions, programs: Programs) -> dict[str, str]:
    """Return the active workflows whose program has no valid time zone, with the reason, by id."""
    reasons = programs.unusable
    return {one.id: reasons[one.program] for one in definitions.active if one.program in reasons}


def _set_evaluation_hour(settings: Settings, ledger: Ledger, as_of: datetime) -> Programs:
    """Set the hour, mirror the ledger, load new events; return the programs."""
    with open_warehouse(settings.warehouse) as connection:
        programs = read_programs(connection)
        restore_contract_history(connection, settings.published)
        with transaction(connection):
            write_evaluations(connection, evaluation_hours(programs.zones, as_of))
        mirror(connection, ledger)
        load_events(connection, settings.landing)
        return programs
