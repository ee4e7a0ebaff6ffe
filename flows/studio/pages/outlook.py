"""The plan of the next hour: whom workflows would write to now and in the days after it, if they were active."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import ContactPolicy, PartnerflowError, Workflow
from flows.preview.holdouts import read_holdouts
from flows.preview.outlook import Outlook, look_ahead
from flows.studio.rendering import page, studio_of
from flows.studio.segment.ahead import DAYS
from flows.studio.segment.desk import desk_of
from flows.studio.studio import Missing
from flows.warehouse.newest_data import notes_of_old_data
from flows.warehouse.partner_names import PartnerNames, read_partner_names

SAMPLE = 5
"""Partners of a workflow that are named."""


@dataclass(frozen=True)
class Row:
    """A workflow, how many partners it would contact now and later, and the first ones: (id, name or id)."""

    workflow: Workflow
    now: int
    later: int
    first: list[tuple[str, str]]


def show(request: Request) -> Response:
    """Return the part of a page about the workflows in the query, evaluated together, as a run does."""
    studio, names = studio_of(request), request.query_params.getlist("workflow")
    definitions, as_of = studio.definitions(), studio.next_hour()
    chosen = [one for one in definitions.workflows if one.id in names]
    if not chosen:
        raise Missing("None of these workflows has a valid definition.")
    try:
        holdouts = read_holdouts(studio.settings, chosen)
        with desk_of(request).outlook_facts.use() as facts:
            found = look_ahead(
                facts.connection,
                facts.models,
                chosen,
                definitions.compiler,
                as_of,
                DAYS,
                studio.settings.zone,
                holdouts,
            )
            notes = notes_of_old_data(facts.connection, as_of, studio.settings.zone)
    except PartnerflowError as error:
        return page(request, "outlook.html", 200, error=str(error))
    partners = read_partner_names(studio.settings, {(one.program_id, one.partner_id) for one in found.sends})
    rows = [_row(one, found, partners) for one in chosen]
    return page(
        request, "outlook.html", 200, error="", rows=rows, days=DAYS, notes=notes, as_of=as_of,
        programs=studio.programs(), breaches=found.limit_breaches, may_wait=_may_wait(chosen, definitions.policy),
    )  # fmt: skip


def _may_wait(workflows: Sequence[Workflow], policy: ContactPolicy) -> bool:
    """Return whether an email of these workflows may have to wait for its hour or for others."""
    return bool(policy.caps or policy.send_window or any(one.send_window for one in workflows))


def _row(workflow: Workflow, found: Outlook, names: PartnerNames) -> Row:
    sends = [one for one in found.sends if one.workflow_id == workflow.id and one.as_of <= found.as_of]
    partners = list(dict.fromkeys((one.program_id, one.partner_id) for one in sends))[:SAMPLE]
    first = [(partner, names.name(program, partner) or partner) for program, partner in partners]
    return Row(workflow, found.now().get(workflow.id, 0), found.later().get(workflow.id, 0), first)


ROUTES = [Route("/outlook", show, methods=["GET"])]
