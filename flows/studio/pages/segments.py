"""The saved segments: their list, and the file of each as text. Their editor is flows.studio.pages.segment."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import Problem
from flows.definitions.loader import read_segments
from flows.studio.rendering import page, studio_of
from flows.studio.security import form_of
from flows.studio.segment.check import problems_of_text
from flows.studio.segment.desk import desk_of
from flows.studio.segment.edited import edited_saved_segment
from flows.studio.segment.saved import files_that_use
from flows.studio.studio import Known
from flows.studio.text_file import TextFile, change_text, check_text


@dataclass(frozen=True)
class SavedSegment:
    """A saved segment with its sentences, and the workflows that use it."""

    name: str
    sentences: list[str]
    users: list[Known]


def show_all(request: Request) -> Response:
    """Return the list of the saved segments."""
    studio, desk = studio_of(request), desk_of(request)
    folder = studio.settings.workflows
    sources, problems = read_segments(folder)
    found = [
        SavedSegment(
            name,
            [str(one) for one in source.value] if isinstance(source.value, list) else [],
            [studio.known(file) for file in files_that_use(folder, name, desk.vocabulary)],
        )
        for name, source in sorted(sources.items())
    ]
    return page(request, "segments.html", segments=found, problems=problems, folder=folder)


def check(request: Request) -> Response:
    """Return what `check` says of the text of the form."""
    return check_text(request, _file(request).problems(form_of(request)["text"]))


def change(request: Request) -> Response:
    """Show, then write, another text of the file of a saved segment."""
    return change_text(request, _file(request))


def _file(request: Request) -> TextFile:
    studio, desk = studio_of(request), desk_of(request)
    edited = edited_saved_segment(studio, desk, request.path_params["segment"])
    users = [one.file for one in edited.users]

    def problems(text: str) -> list[Problem]:
        with desk.account.catalog() as catalog:
            return problems_of_text(studio.settings, edited.file, text, edited.program, users, desk.vocabulary, catalog)

    about = "Its conditions, one per line, each after a dash."
    return TextFile(edited.file, f"Saved segment {edited.name}", about, f"{edited.here}/text", edited.here, problems)


ROUTES = [
    Route("/segments", show_all, methods=["GET"]),
    Route("/segments/{segment}/text", change, methods=["POST"]),
    Route("/segments/{segment}/text/check", check, methods=["POST"]),
]
