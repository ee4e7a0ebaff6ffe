"""The preview of a plan, as the terminal shows it below the plan."""

from collections.abc import Iterable

from flows.local_time import counted
from flows.preview.plan_preview import PlanPreview


def plan_preview_lines(found: PlanPreview) -> list[str]:
    """Return lines on the changes, the first partners, one email, the forecast and the warnings."""
    return [
        *_changes(found),
        *[f"{name}: to {', '.join(partners)}" for name, partners in found.samples.items()],
        *_email(found),
        *_forecast(found),
        *[f"Warning: {one}" for one in found.warnings],
    ]


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
