"""Why a partner is in a segment or not."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from rich.text import Text

from flows.preview.explain import Explained, Explanation, StageReason
from flows.warehouse.program_names import ProgramNames


def explanation_lines(found: Explanation, programs: ProgramNames) -> list[Text]:
    """Return why a partner is in a segment or not: one line per condition, then what follows."""

    def at(text: str | None) -> str:
        try:
            return programs.time(datetime.fromisoformat(text or ""), found.program_id)
        except ValueError:  # in a year that Python has no date for
            return str(text)

    name = f" ({' '.join(found.name.split())})" if found.name else ""
    verdict = "is in" if found.member else "is not in"
    lines = [Text(f"{found.partner_id}{name} {verdict} {found.workflow_id} as of {at(found.as_of)}.", style="bold")]
    lines += _condition_lines(found.conditions)
    if found.stage_reason:
        lines.append(Text(_stage_reason(found.stage_reason, at)))
    if found.already_contacted_at:
        lines.append(Text(_contact(at(found.already_contacted_at), found.state)))
    elif not found.addresses:
        lines.append(Text("Unsubscribed or suppressed." if found.unsubscribed else "Has no email address."))
    change = f"{found.then.capitalize()} at {at(found.next_change)}" if found.then else ""
    lines.append(Text(f"{change or 'No change for the next 400 days'}, if nothing else happens."))
    return lines


def _contact(at: str, state: str | None) -> str:
    if state == "held_out":
        return f"The partner is in the holdout of this workflow since {at}, and is not written to by it."
    return f"This workflow contacted the partner at {at} ({state})."


def _condition_lines(conditions: Iterable[Explained], indent: str = "") -> Iterator[Text]:
    for one in conditions:
        mark = Text("✓ ", style="green") if one.holds else Text("✗ ", style="red")
        dates = f" ({one.dates})" if one.dates else ""
        actual = f": {one.actual}" if one.actual is not None else ""
        yield Text(indent) + mark + Text(f"{one.text}{dates}{actual}")
        for segment in one.segments:
            yield Text(f"{indent}    {segment.name}:")
            yield from _condition_lines(segment.conditions, f"{indent}    ")


def _stage_reason(why: StageReason, at: Callable[[str | None], str]) -> str:
    contract = f" ({why.contract_id})" if why.contract_id else ""
    seen = f", loaded at {at(why.seen_at)}" if why.seen_at else ""
    inferred = ", inferred from a later stage of the contract" if why.is_inferred else ""
    return f"{why.stage} since {at(why.since)}: {why.event}{contract}{seen}{inferred}."
