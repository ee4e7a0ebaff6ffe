"""The files that are common to all workflows: contact policy, programs and notices, each edited as text."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import CONTACT_POLICY, NOTICES, DefinitionError, Problem, read_contact_policy, read_notices
from flows.definitions.loader import shown, workflow_ids
from flows.definitions.program_settings import FILE as PROGRAM_SETTINGS
from flows.definitions.program_settings import read_program_settings
from flows.studio.rendering import page, studio_of
from flows.studio.security import form_of
from flows.studio.studio import Missing, Studio
from flows.studio.text_file import TextFile, change_text, check_text, show_text

Read = Callable[[Studio, str, str], object]
"""Reads the text of a file, given its path as it is shown. Raises DefinitionError with every problem."""


@dataclass(frozen=True)
class Kind:
    """A file: its title, what it is for, an example, and how it is read."""

    title: str
    about: str
    example: str
    read: Read


def _read_policy(studio: Studio, path: str, text: str) -> object:
    return read_contact_policy(path, text, frozenset(workflow_ids(studio.settings.workflows)))


KINDS = {
    CONTACT_POLICY: Kind(
        "Contact policy",
        "How many emails one partner or address may get, which workflows go first, and when emails leave.",
        "caps:\n  - at most 1 email per partner per day\nsend_window: weekdays 09:00-17:00\nmax_delay: 3 days\n",
        _read_policy,
    ),
    PROGRAM_SETTINGS: Kind(
        "Programs",
        "The postal address of each program, which commercial emails show.",
        '"1000":\n  postal_address: 12 Harbor Street, Portland, ME 04101, USA\n',
        lambda _, path, text: read_program_settings(path, text),
    ),
    NOTICES: Kind(
        "Notices",
        "Who gets a notice when a workflow is held or fails, and when data are late.",
        "notify: [owner]\n",
        lambda _, path, text: read_notices(path, text),
    ),
}
"""The files by name."""


def show_all(request: Request) -> Response:
    """Return the page with all files."""
    folder = studio_of(request).settings.workflows
    files = [
        {"name": name, "title": kind.title, "about": kind.about, "exists": (folder / name).exists()}
        for name, kind in KINDS.items()
    ]
    return page(request, "files.html", files=files)


def show(request: Request) -> Response:
    """Return the page of a file."""
    return show_text(request, _file(request))


def check(request: Request) -> Response:
    """Return what `check` says of the text of the form."""
    return check_text(request, _file(request).problems(form_of(request)["text"]))


def change(request: Request) -> Response:
    """Show, then write, another text of a file."""
    return change_text(request, _file(request))


def _file(request: Request) -> TextFile:
    studio, name = studio_of(request), request.path_params["name"]
    if name not in KINDS:
        raise Missing(f"There is no file {name} here.")
    kind, file = KINDS[name], studio.settings.workflows / name

    def problems(text: str) -> list[Problem]:
        try:
            kind.read(studio, shown(file), text)
        except DefinitionError as error:
            return error.problems
        return []

    about = f"{kind.about} To remove the file, empty it."
    return TextFile(file, kind.title, about, f"/settings/{name}", "/settings", problems, kind.example)


ROUTES = [
    Route("/settings", show_all, methods=["GET"]),
    Route("/settings/{name}", show, methods=["GET"]),
    Route("/settings/{name}", change, methods=["POST"]),
    Route("/settings/{name}/check", check, methods=["POST"]),
]
