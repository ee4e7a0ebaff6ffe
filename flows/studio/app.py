"""The studio as an ASGI application: its routes, and what becomes of errors.

    GET  /                                 the list of workflows
    POST /status                           activate, pause or delete the chosen ones
    GET  /workflows/{workflow}             a workflow; POST …/about, …/text change its file
    GET  /workflows/{workflow}/segment     the editor of its segment
    GET  /workflows/{workflow}/email       the editor of its message
    GET  /segments                         the saved segments
    GET  /segments/{segment}               the editor of one
    GET  /settings, /settings/{name}       contact policy, programs and notices, as text
    GET  /create, /create/…                new workflows, from a template or from scratch
    GET  /partners                         a partner, by name, id or address
    GET  /outlook                          whom workflows would write to now and in the next days; a part of a page
    GET  /report                           the report as last published

Every request has passed flows.studio.security. A POST shows the change first (flows.studio.review).
"""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from compiler import DefinitionError, PartnerflowError, Problem
from flows.studio.files import Changed
from flows.studio.pages import (
    create,
    email,
    outlook,
    partners,
    report,
    segment,
    segments,
    settings,
    workflow,
    workflows,
)
from flows.studio.rendering import STATIC, page
from flows.studio.security import Guard
from flows.studio.segment.desk import new_desk
from flows.studio.studio import Missing, Studio

ROUTES = [
    *workflows.ROUTES,
    *workflow.ROUTES,
    *create.ROUTES,
    *partners.ROUTES,
    *outlook.ROUTES,
    *report.ROUTES,
    *segments.ROUTES,
    *segment.ROUTES,
    *settings.ROUTES,
    *email.ROUTES,
    Mount("/static", StaticFiles(directory=STATIC)),
]


def application(studio: Studio) -> Starlette:
    """Return the studio as an ASGI application."""
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Guard, session=studio.session)],
        exception_handlers={HTTPException: _not_found, PartnerflowError: _refused, OSError: _system_error},
    )
    app.state.studio = studio
    app.state.desk = new_desk(studio.settings)
    app.state.previews = email.Previews()
    return app


def _not_found(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = "There is no such page." if status == 404 else "This is not possible here."
    return _error_page(request, status, message)


def _refused(request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, Missing) else 409 if isinstance(error, Changed) else 400
    if isinstance(error, DefinitionError):
        return _error_page(request, status, problems=error.problems)
    return _error_page(request, status, str(error))


def _system_error(request: Request, error: Exception) -> Response:
    return _error_page(request, 500, f"The system refuses it: {error}")


def _error_page(request: Request, status: int, message: str = "", problems: Sequence[Problem] = ()) -> Response:
    return page(request, "error.html", status, message=message, problems=problems, is_look=request.method == "GET")
