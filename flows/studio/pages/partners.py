"""A partner: everything that is known about it, as the command `partner` shows it."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import PartnerflowError
from flows.preview.partner.find import find_partners
from flows.preview.partner.look import look_at_partner
from flows.studio.rendering import page, studio_of


def show(request: Request) -> Response:
    """Return the partner that `q` names (an id, a name or a part of it, an address), or the ones to choose from."""
    studio = studio_of(request)
    text, program = (request.query_params.get(name, "") for name in ("q", "program"))
    found, message = [], ""
    if text.strip():
        try:
            found = [one for one in find_partners(studio.settings, text) if program in ("", one.program_id)]
        except PartnerflowError as error:
            message = str(error)
    partner = look_at_partner(studio.settings, studio.definitions(), found[0]) if len(found) == 1 else None
    return page(
        request,
        "partners.html",
        404 if message else 200,
        text=text,
        found=found,
        message=message,
        partner=partner,
        programs=studio.programs(),
    )


ROUTES = [Route("/partners", show, methods=["GET"])]
