"""The preview of a plan, as the terminal shows it below the plan."""

from collections.abc import Iterable

from flows.local_time import counted
from flows.preview.plan_marks import RECENT_DAYS
from flows.preview.plan_preview import SAMPLE, PlanPreview
from flows.warehouse.program_names import ProgramNames


def plan_preview_lines(found: PlanPreview, programs: ProgramNames) -> list[str]:
    """Return lines on the changes, the first partners, one email, the forecast and the warnings."""
    return [
        *_changes(found),
        *[f"{name}: to {', '.join(_named(found, one) for one in ids)}" for name, ids in found.samples.items()],
        *_superseded(found),
        *_recent(found, programs),
        *_email(found),
        *_forecast(found),
        *[f"Warning: {one}" for one in found.warnings],
    ]


def _named(found: PlanPreview, partner_id: str) -> str:
    name = found.names.get(partner_id)
    return f"{name} ({partner_id})" if name else partner_id


def _superseded(found: PlanPreview) -> Iterable[str]:
    """Yield a line per workflow on partners that are Joined again, which its email may not be meant for."""
    by_workflow: dict[str, list[str]] = {}
    for workflow_id, _, partner_id in found.marks.superseded:
        by_workflow.setdefault(workflow_id, []).append(_named(found, partner_id))
    for name, partners in by_workflow.items():
        are = counted(len(partners), "partner is", "partners are")
        yield f"{name}: {are} in because a new contract superseded an old one: {_first(partners)}"


def _recent(found: PlanPreview, programs: ProgramNames) -> Iterable[str]:
    """Yield a line per workflow on partners that another workflow wrote to in the last days."""
    by_workflow: dict[str, list[str]] = {}
    for one in found.marks.recent:
        said = f"{_named(found, one.partner_id)}, {one.earlier_id} at {programs.time(one.sent_at, one.program_id)}"
        by_workflow.setdefault(one.workflow_id, []).append(said)
    for name, partners in by_workflow.items():
        had = counted(len(partners), "partner")
        yield f"{name}: {had} had an email of another workflow in the last {RECENT_DAYS} days: {_first(partners, '; ')}"


def _first(texts: list[str], separator: str = ", ") -> str:
    return separator.join(texts[:SAMPLE]) + (f"{separator}…" if len(texts) > SAMPLE else "")


def _changes(found: PlanPreview) -> Iterable[str]:
    if not found.changes:
        yield "No definition has changed since the last run."
    for one in found.changes:
        yield f"{one.workflow_id} is {one.what}."
        yield from (f"    {words}" for words in one.description)


def _email(found: PlanPreview) -> Iterable[str]:
    if found.email:
        yield f"One email, of {found.email['workflow_id']} to {found.email['to']}:"
        yield f"    Subject: {found.email['subject']}"
        yield from (f"    {line}".rstrip() for line in found.email["text"].splitlines())


def _forecast(found: PlanPreview) -> Iterable[str]:
    if found.days:
        counts = ", ".join(f"{name} {partners:,}" for name, partners in found.forecast.items()) or "none"
        yield f"Contacts expected in the next {counted(found.days, 'day')}: {counts}."
