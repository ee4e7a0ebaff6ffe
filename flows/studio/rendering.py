"""Render the templates of the studio, which escape every value: no name can become markup."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from flows.local_time import counted
from flows.studio.studio import Studio

STATIC = Path(__file__).parent / "static"

_ENVIRONMENT = Environment(
    loader=PackageLoader("flows.studio"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["number"] = "{:,}".format
_ENVIRONMENT.globals["counted"] = counted


def studio_of(request: Request) -> Studio:
    """Return the studio that a request is for."""
    studio: Studio = request.app.state.studio
    return studio


def page(request: Request, template: str, status: int = 200, /, **values: object) -> HTMLResponse:
    """Return a page made of a template of this package."""
    studio = studio_of(request)
    written = request.cookies.get(studio.session.written_cookie, "")
    shown = {
        "csrf": studio.session.csrf, "here": request.url.path, "fixed_hour": studio.as_of,
        "written": int(written) if written.isdecimal() and len(written) < 5 else 0,
    }  # fmt: skip
    answer = HTMLResponse(_ENVIRONMENT.get_template(template).render(**shown, **values), status)
    if written:
        answer.delete_cookie(studio.session.written_cookie)
    return answer


def written(request: Request, number: int, to: str) -> Response:
    """Return the redirect to a page that says once how many files were written."""
    answer = RedirectResponse(to, 303)
    answer.set_cookie(studio_of(request).session.written_cookie, str(number), 60, httponly=True, samesite="strict")
    return answer
