"""Evaluate: from an hour to its plan. Ask for the hour, build the facts, catch up what was missed, read who is due.

Every step is called through `step`, which the command line uses to show progress and the flow to make a task of it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from compiler import MissedHours
from flows.definitions.loader import Definitions
from flows.events.ingestion import load_events
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import mirror
from flows.pipeline.catch_up import Missed, missed
from flows.plan.plan import Messages, Plan, after, read_messages, read_plan, with_held, with_notes
from flows.preview.hours import Hour, batches, turn_to
from flows.progress import Report, nobody_listens
from flows.settings import Settings
from flows.transform.build import Built, build
from flows.warehouse.connection import open_warehouse, transaction
from flows.warehouse.evaluations import time_zones, write_evaluations

Step = Callable[..., Any]
"""Calls a function with arguments under a title: step("Build the facts", build, settings, definitions). It may have a
method `report`, a Report of the step at work."""


def call(_title: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """A step that is nothing but the call."""
    return function(*arguments)


def report_of(step: Step) -> Report:
    """Where a long step tells how far it is."""
    return getattr(step, "report", nobody_listens)


def plan_hour(
    settings: Settings,
    definitions: Definitions,
    ledger: Ledger,
    as_of: datetime,
    step: Step,
    missed_hours: MissedHours | None = None,
) -> Plan:
    """Ask for the hour, build the facts, and read who is to be contacted, but for the workflows that are held.

    Missed hours are evaluated on the same facts, and the tables are left as of `as_of`.
    """
    zones = step("Ask for the hour", _ask, settings, ledger, as_of)
    behind = step("Look for missed hours", missed, ledger, definitions.active, zones, as_of, missed_hours)
    going = definitions.without(behind.held)
    built = step("Build the facts", build, settings, going, report_of(step))
    going, behind = going.without(built.held), behind.without(built.held)
    messages = read_messages(settings, going)
    late: tuple[Plan, ...] = ()
    for hours in _batches(settings, going, behind, zones):
        title = f"Catch up {hours[0].as_of:%Y-%m-%d %H:%M} to {hours[-1].as_of:%Y-%m-%d %H:%M} UTC"
        late = step(title, _catch_up, settings, built, going, messages, behind, hours, late)
    held = {**built.held, **behind.held}
    if late:
        held |= step("Come back to the hour", _build_again, settings, built, going, _hours(zones, as_of))
    plan = step("Read the plan", _read, settings, going.without(held), messages, as_of)
    plan = with_notes(with_held(plan, held), behind.skipped)
    return replace(after(late, plan), late=late)


def _hours(zones: Mapping[str, str], as_of: datetime, programs: Collection[str] | None = None) -> list[Hour]:
    chosen = zones.keys() if programs is None else programs
    return [Hour(program, as_of, as_of.astimezone(ZoneInfo(zones[program])).date()) for program in sorted(chosen)]


def _batches(
    settings: Settings, definitions: Definitions, behind: Missed, zones: Mapping[str, str]
) -> list[list[Hour]]:
    """The instants that were missed, each for the programs whose workflows want it, as many as go well together."""
    programs = {workflow.id: workflow.program for workflow in definitions.active}
    hours = [
        hour
        for instant, ids in behind.instants.items()
        for hour in _hours(zones, instant, {programs[one] for one in ids})
    ]
    if not hours:
        return []
    with open_warehouse(settings.warehouse) as connection:
        return list(batches(connection, hours))


def _catch_up(
    settings: Settings,
    built: Built,
    definitions: Definitions,
    messages: Messages,
    behind: Missed,
    hours: Sequence[Hour],
    late: tuple[Plan, ...],
) -> tuple[Plan, ...]:
    """The plans of the instants before, and of those of a batch, each for the workflows that want it."""
    held = _build_again(settings, built, definitions, hours)
    for instant in sorted({hour.as_of for hour in hours}):
        wanted = definitions.only(behind.instants[instant])
        plan = _read(settings, wanted.without(held), messages, instant)
        reasons = {one.id: held[one.id] for one in wanted.active if one.id in held}
        late += (after(late, with_held(plan, reasons)),)
    return late


def _build_again(settings: Settings, built: Built, definitions: Definitions, hours: Sequence[Hour]) -> dict[str, str]:
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        turn_to(connection, hours)
    return built.segments(definitions.active)


def _ask(settings: Settings, ledger: Ledger, as_of: datetime) -> dict[str, str]:
    with open_warehouse(settings.warehouse) as connection:
        with transaction(connection):
            write_evaluations(connection, as_of)
            mirror(connection, ledger)
        load_events(connection, settings.landing)
        return time_zones(connection)


def _read(settings: Settings, definitions: Definitions, messages: Messages, as_of: datetime) -> Plan:
    with open_warehouse(settings.warehouse) as connection:
        return read_plan(connection, definitions, messages, as_of)
