"""The plan of the next hour: whom workflows would write to now and in the days after it, if they were active."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import ContactPolicy, PartnerflowError, Workflow
from flows.studio.rendering import page, studio_of
from flows.studio.segment.ahead import DAYS, expected, outlook
from flows.studio.segment.desk import desk_of
from flows.studio.studio import Missing
from flows.warehouse.newest_data import notes_of_old_data


def show(request: Request) -> Response:
    """Return the part of a page about the workflows in the query, evaluated together, as a run does."""
    studio, names = studio_of(request), request.query_params.getlist("workflow")
    definitions, as_of = studio.definitions(), studio.next_hour()
    chosen = [one for one in definitions.workflows if one.id in names]
    if not chosen:
        raise Missing("None of these workflows has a valid definition.")
    try:
        with desk_of(request).outlook_facts.use() as facts:
            found = outlook(facts, studio.settings, chosen, definitions.compiler, as_of)
            notes = notes_of_old_data(facts.connection, as_of, studio.settings.zone)
    except PartnerflowError as error:
        return page(request, "outlook.html", 200, error=str(error))
    rows = expected(studio.settings, found, chosen)
    return page(
        request, "outlook.html", 200, error="", rows=rows, days=DAYS, notes=notes, as_of=as_of,
        programs=studio.programs(), breaches=found.limit_breaches, may_wait=_may_wait(chosen, definitions.policy),
    )  # fmt: skip


def _may_wait(workflows: Sequence[Workflow], policy: ContactPolicy) -> bool:
    """Return whether an email of these workflows may have to wait for its hour or for others."""
    return bool(policy.caps or policy.send_window or any(one.send_window for one in workflows))


ROUTES = [Route("/outlook", show, methods=["GET"])]
