"""What a plan means to the person who decides whether to run it.

Changes of the definitions since the last run, the first partners, one rendered email, a forecast, and warnings.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compiler import PartnerflowError
from flows.definitions.chains import half_activated_chains
from flows.definitions.diff import Change, changes
from flows.definitions.loader import Definitions
from flows.definitions.repeats import Repeat, find_repeats
from flows.messages.render import render_content
from flows.plan.plan import Plan, Recipient, WorkflowPlan, contact_key, partners_of
from flows.preview.compiled_models import read_compiled_models
from flows.preview.holdouts import read_holdouts
from flows.preview.hours import open_facts
from flows.preview.outlook import look_ahead
from flows.preview.plan_marks import PlanMarks, find_marks
from flows.preview.replay import LIMIT, LimitBreach
from flows.settings import Settings
from flows.warehouse.connection import open_read_only
from flows.warehouse.program_names import ProgramNames, read_program_names

SAMPLE = 5
"""Number of partners that are named per workflow."""

MANY = 100
"""Recipients of a new, activated or changed workflow above which there is a warning."""

LINK = "https://example.com/u/sample"
"""Stands for the recipient's own unsubscribe link."""

_PARTNER = ("workflow_id", "program_id", "partner_id")

NEAR = 0.8
"""Share of the limit above which there is a warning."""


@dataclass(frozen=True)
class PlanPreview:
    """The preview of a plan.

    `samples` has the first partners that each workflow will contact, and `email` the first email. `forecast` has the
    number of partners that each workflow will contact in the `days` days after the hour, and `limit_breaches` the hours
    in them at which a segment will be over the limit. `marks` are contacts to look at. `names` has the names of the
    partners by id, which the JSON does without.
    """

    changes: tuple[Change, ...]
    samples: dict[str, tuple[str, ...]]
    email: dict[str, str] | None
    days: int
    forecast: dict[str, int]
    limit_breaches: tuple[LimitBreach, ...]
    warnings: tuple[str, ...]
    marks: PlanMarks = field(default_factory=PlanMarks)
    names: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the keys that `plan --json` adds to the plan."""
        return {
            "changes": [one.as_json() for one in self.changes],
            "samples": {name: list(partners) for name, partners in self.samples.items()},
            "email": self.email,
            "forecast": {"days": self.days, "workflows": self.forecast},
            "warnings": list(self.warnings),
            "superseded": [dict(zip(_PARTNER, one, strict=True)) for one in self.marks.superseded],
            "recently_contacted": [one.as_json() for one in self.marks.recent],
        }


def preview_plan(settings: Settings, definitions: Definitions, plan: Plan, days: int) -> PlanPreview:
    """Return the preview of a plan whose facts have just been built, with a forecast unless `days` is 0."""
    found = tuple(changes(settings, definitions))
    forecast, breaches = _forecast(settings, definitions, plan.as_of, days) if _is_built(plan) else ({}, ())
    warnings = (
        *_warnings(plan, found, breaches, read_program_names(settings)),
        *map(str, half_activated_chains(definitions.workflows)),
        *_repeats(settings, definitions, plan),
    )
    marks = _marks(settings, definitions, plan) if _is_built(plan) else PlanMarks()
    names = {one.partner_id: " ".join(one.partner_name.split()) for one in _recipients(plan) if one.partner_name}
    return PlanPreview(found, _samples(plan), _email(plan), days, forecast, breaches, warnings, marks, names)


def _recipients(plan: Plan) -> Iterator[Recipient]:
    return (one for hour in (*plan.catch_up, plan) for one in hour.recipients)


def _marks(settings: Settings, definitions: Definitions, plan: Plan) -> PlanMarks:
    contacts = {one for hour in (*plan.catch_up, plan) for one in partners_of(hour)}
    with open_read_only(settings.warehouse, wait=True) as connection:
        return find_marks(connection, {one.id: one for one in definitions.active}, contacts, plan.as_of)


def _is_built(plan: Plan) -> bool:
    return any(row.status in ("done", "over_limit") for row in plan.workflows)


def _samples(plan: Plan) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    hours = (*plan.catch_up, plan)
    keys = [key for hour in hours for key in (*map(contact_key, hour.recipients), *map(contact_key, hour.applications))]
    for workflow_id, _, partner_id, _ in keys:
        partners = found.setdefault(workflow_id, [])
        if partner_id not in partners and len(partners) < SAMPLE:
            partners.append(partner_id)
    return {name: tuple(partners) for name, partners in sorted(found.items())}


def _email(plan: Plan) -> dict[str, str] | None:
    """Return the first email of the plan as its recipient will read it."""
    for messages, one in ((hour.messages, one) for hour in (plan, *plan.catch_up) for one in hour.recipients):
        try:
            email = render_content(messages[one.workflow_id], one.context(), plan.as_of, LINK)
        except PartnerflowError:
            continue
        return {"workflow_id": one.workflow_id, "to": one.email, "subject": email.subject, "text": email.text}
    return None


def _forecast(
    settings: Settings, definitions: Definitions, as_of: datetime, days: int
) -> tuple[dict[str, int], tuple[LimitBreach, ...]]:
    """Return the partners that each active workflow will contact after the hour, and the breaches of the limit.

    Those in a holdout are left out.
    """
    if not days or not definitions.active:
        return {}, ()
    with open_facts(settings) as connection:
        models = read_compiled_models(settings, connection)
        found = look_ahead(
            connection, models, definitions.active, definitions.compiler, as_of, days, settings.zone,
            read_holdouts(settings, definitions.active),
        )  # fmt: skip
        return found.later(), found.limit_breaches


def _warnings(
    plan: Plan, found: tuple[Change, ...], limit_breaches: tuple[LimitBreach, ...], programs: ProgramNames
) -> list[str]:
    fresh = {one.workflow_id: one.what for one in found if one.what in ("new", "activated", "changed")}
    rows = {row.workflow_id: row for row in plan.workflows}
    warnings = [_many(rows[name], what) for name, what in fresh.items() if name in rows]
    warnings += _bursts(plan, programs)
    warnings += [_near(row) for row in plan.workflows]
    warnings += [
        f"{one.workflow_id} will be over the limit at {programs.hour(one.first)}, with {one.addresses:,} addresses."
        for one in limit_breaches
        if one.first > plan.as_of
    ]
    return [one for one in warnings if one]


def _many(row: WorkflowPlan, what: str) -> str | None:
    if row.recipients <= MANY:
        return None
    return f"{row.workflow_id} is {what} and contacts {row.recipients:,} partners at once; check its segment."


def _bursts(plan: Plan, programs: ProgramNames) -> list[str]:
    """Return a warning per workflow that contacts more than MANY partners for hours that are caught up."""
    brought = Counter[str]()
    for row in (row for hour in plan.catch_up for row in hour.workflows):
        brought[row.workflow_id] += row.recipients
    since = programs.hour(plan.catch_up[0].as_of) if plan.catch_up else ""
    return [
        f"{name} contacts {count:,} partners of hours that were missed since {since}. To leave them out of this run, "
        "use `--catch-up skip`; to decide each time, set `missed_hours: hold` in its definition."
        for name, count in sorted(brought.items())
        if count > MANY
    ]


def _repeats(settings: Settings, definitions: Definitions, plan: Plan) -> list[str]:
    """Return a warning per active workflow that repeats one that has sent, with how many partners had its message."""
    with open_read_only(settings.warehouse, wait=True) as connection:
        query = """
            SELECT workflow_id, program_id, partner_id FROM raw.sent_emails
            WHERE NOT failed_before_sending AND state <> 'held_out'"""
        contacted: dict[str, set[tuple[str, str]]] = {}
        for workflow_id, *partner in connection.execute(query).fetchall():
            contacted.setdefault(workflow_id, set()).add((partner[0], partner[1]))
    active = {workflow.id for workflow in definitions.active}
    repeats = [one for one in find_repeats(settings, definitions, contacted) if one.workflow_id in active]
    return [_repeat(one, plan, contacted.get(one.earlier_id, set())) for one in repeats]


def _repeat(repeat: Repeat, plan: Plan, contacted: set[tuple[str, str]]) -> str:
    planned = {
        (program, partner)
        for hour in (*plan.catch_up, plan)
        for workflow_id, program, partner in partners_of(hour)
        if workflow_id == repeat.workflow_id
    }
    had = f" {len(planned & contacted):,} of these {len(planned):,} had this message from {repeat.earlier_id}."
    return f"{repeat}{had if planned else ''} {repeat.hint}"


def _near(row: WorkflowPlan) -> str | None:
    if row.status != "done" or row.addresses <= NEAR * LIMIT:
        return None
    return f"{row.workflow_id} has {row.addresses:,} addresses; with more than {LIMIT:,} nothing is sent."
