"""The report as it was last published, in a frame that cannot reach the studio."""

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from flows.studio.rendering import page, studio_of
from flows.studio.studio import Missing

FRAMED = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
        "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox allow-scripts"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
"""The page of the report has a policy of its own besides, which allows its own script only. `sandbox` gives it another
origin than that of the studio: it has no cookie, and no way to the page around it."""


def show(request: Request) -> Response:
    """Return the page around the report; `workflow` in the query is the one to show."""
    studio = studio_of(request)
    exists = studio.settings.report.exists()
    workflow = request.query_params.get("workflow", "")
    return page(request, "report.html", exists=exists, workflow=workflow, file=studio.settings.report)


def framed(request: Request) -> Response:
    """Return the published page itself."""
    file = studio_of(request).settings.report
    if not file.exists():
        raise Missing("No report has been published yet. The next run writes it.")
    return FileResponse(file, headers=FRAMED, media_type="text/html")


ROUTES = [
    Route("/report", show, methods=["GET"]),
    Route("/report/page", framed, methods=["GET"]),
]
