"""One partner, as the terminal shows it. Times are those of its program."""

from collections.abc import Callable, Iterator
from datetime import datetime

from rich.text import Text

from flows.preview.partner.model import Address, InWorkflow, Partner, PartnerDelivery, Stage
from flows.warehouse.program_names import ProgramNames

At = Callable[[datetime | None], str]
"""Returns an instant in the program's zone; an empty text for None."""

STATES = {"sent": "green", "in_doubt": "yellow", "pending": "yellow", "failed": "red", "expired": "red"}
NEXT = 5
"""Changes that are listed; the JSON has those of all workflows."""


def partner_lines(found: Partner, programs: ProgramNames) -> list[Text]:
    """Return who the partner is, then its stages, addresses, workflows, emails, and what comes next."""

    def at(instant: datetime | None) -> str:
        return programs.time(instant, found.program_id) if isinstance(instant, datetime) else str(instant or "")

    name = " ".join((found.name or "").split()) or "Without a name"
    head = Text(f"{name} ({found.partner_id})", style="bold") + f", {programs.name(found.program_id)}"
    state = f"{found.relationship_stage} as of {at(found.as_of)}" if found.as_of else found.relationship_stage
    return [
        head,
        Text(state + (f", language {found.language}" if found.language else "")),
        *[Text(one, style="yellow") for one in found.notes],
        *_part("Stages", [_stage(one, at) for one in reversed(found.stages)] or [Text("none")]),
        *_part("Addresses", list(_addresses(found))),
        *_part("Workflows", [line for one in found.workflows for line in _workflow(one)] or [Text("none")]),
        *_part("Emails", [line for one in found.deliveries for line in _delivery(one, at)] or [Text("none")]),
        *_part("Next", list(_next(found, at)) or [Text("nothing that is known")]),
        Text(),
    ]


def _part(title: str, lines: list[Text]) -> Iterator[Text]:
    yield Text()
    yield Text(title, style="bold")
    for line in lines:
        yield Text("  ") + line


def _stage(one: Stage, at: At) -> Text:
    contract = f" ({one.contract_id})" if one.contract_id else ""
    seen = f", loaded {at(one.seen_at)}" if one.seen_at else ""
    inferred = ", inferred from a later stage of the contract" if one.is_inferred else ""
    until = f" until {at(one.valid_to)}" if one.valid_to else ""
    line = Text(one.relationship_stage, style="green" if not one.valid_to else "")
    return line + f" since {at(one.valid_from)}{until}: {one.event}{contract}{seen}{inferred}"


def _addresses(found: Partner) -> Iterator[Text]:
    if not found.addresses:
        yield Text("not known now" if found.addresses is None else "none")
    for one in found.addresses or ():
        yield _address(one)


def _address(one: Address) -> Text:
    left = Text(f", not written to: {one.reason or 'unsubscribed'}", style="yellow") if one.is_unsubscribed else ""
    return Text(f"{one.email}{' (primary)' if one.is_primary else ''}") + left


def _workflow(one: InWorkflow) -> Iterator[Text]:
    mark = {True: Text("✓ ", style="green"), False: Text("✗ ", style="dim"), None: Text("? ", style="dim")}[one.member]
    name = f"{one.workflow_id}: {one.name}" + ("" if one.status == "active" else f" ({one.status})")
    yield mark + name
    if one.unmet:
        yield Text(f"    not met: {'; '.join(one.unmet)}", style="dim")
    if one.member and one.why_not:
        yield Text(f"    not written to: {one.why_not}", style="yellow")


def _delivery(one: PartnerDelivery, at: At) -> Iterator[Text]:
    when = at(one.sent_at or one.as_of)
    what = f"to {one.email}" if one.email else f"about application {one.contract_id}"
    state = Text("accepted" if one.state == "sent" and not one.email else one.state.replace("_", " "))
    state.stylize(STATES.get(one.state, ""))
    yield Text(f"{when}  {one.workflow_id} {what}: ") + state + (f", {one.outcome}" if one.email else "")
    if one.reason:
        yield Text(f"    {' '.join(one.reason.split())}", style="dim")
    if one.not_before and one.state == "pending":
        yield Text(f"    waits until {at(one.not_before)}", style="yellow")


def _next(found: Partner, at: At) -> Iterator[Text]:
    for one in found.written_to_next:
        yield Text(f"{one.workflow_id} writes to it with the next run")
    for when, one in found.next_changes[:NEXT]:
        yield Text(f"{at(when)}  {one.then} {one.workflow_id}, if nothing else happens")
