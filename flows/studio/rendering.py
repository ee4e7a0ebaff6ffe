"""Render the templates of the studio, which escape every value: no name can become markup."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

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
    shown = {"csrf": studio.session.csrf, "here": request.url.path, "fixed_hour": studio.as_of}
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(**shown, **values), status)
