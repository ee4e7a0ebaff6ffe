"""One workflow: what it is, its segment, its message, what `check` says, and its file as text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import DefinitionError, PartnerflowError, Problem, SendEmail
from flows.definitions.chains import chain_of
from flows.definitions.loader import message_ids, read_definitions, read_segments, shown
from flows.definitions.text_edit import Value, with_values
from flows.studio.files import Edit, diff_lines, read_text, version_of, with_line_ends_of
from flows.studio.rendering import page, studio_of
from flows.studio.review import review
from flows.studio.security import Form, Values, form_of
from flows.studio.segment.desk import desk_of
from flows.studio.studio import Known
from flows.studio.text_file import check_text, new_errors

ABOUT = ("name", "description", "program", "owner", "recipients", "send_window", "missed_hours", "holdout", "goal")
"""The keys of a definition that the form has, besides its message."""

ACCEPT = "accept application"


@dataclass(frozen=True)
class Attempt:
    """What a person has sent and could not be written: the fields of the form, why, and the text that it would make."""

    part: str
    fields: Values
    message: str = ""
    problems: Sequence[Problem] = ()
    text: str = ""
    is_conflict: bool = False
    lines: Sequence[Any] = field(default_factory=tuple)


def show(request: Request) -> Response:
    """Return the page of a workflow."""
    return _page(request, studio_of(request).find(request.path_params["workflow"]))


def _page(request: Request, known: Known, attempt: Attempt | None = None) -> Response:
    studio = studio_of(request)
    text, workflow = read_text(known.file), known.workflow
    definitions = studio.definitions()
    listed = next((one for one in studio.listed() if one.workflow_id == known.id), None)
    sources, _ = read_segments(studio.settings.workflows)
    action = workflow.action if workflow else None
    status = 200 if attempt is None else 409 if attempt.is_conflict else 422
    return page(
        request,
        "workflow.html",
        status,
        known=known,
        workflow=workflow,
        listed=listed,
        file=shown(known.file),
        text=attempt.text if attempt and attempt.part == "text" else text,
        version=version_of(text),
        fields=Values(_fields(known, text) | (attempt.fields if attempt else {})),
        attempt=attempt,
        problems=studio.problems(known.file),
        chain=[one for one in chain_of(workflow, definitions.workflows) if one != workflow] if workflow else [],
        message=action.message if isinstance(action, SendEmail) else None,
        messages=message_ids(studio.settings.workflows),
        segments=sorted(sources),
        programs=studio.programs(),
        program_ids=studio.program_ids(),
    )


def _fields(known: Known, text: str) -> dict[str, str]:
    """Return the values of the form as the file has them; empty for keys that it does not have."""
    if known.workflow is None:
        return {}
    from compiler import read_yaml  # the text of the keys, not what they mean

    values = read_yaml(shown(known.file), text).value
    found = {name: str(values.get(name) or "") for name in ABOUT}
    action = values.get("action")
    found["message"] = action["email"] if isinstance(action, dict) else ACCEPT
    segment = values.get("segment")
    found["segment_name"] = segment if isinstance(segment, str) else ""
    found["sentences"] = "" if isinstance(segment, str) else "\n".join(map(str, segment or []))
    return found


def change_about(request: Request) -> Response:
    """Show, then write, a change of the keys of ABOUT and of the message. An empty field removes its key."""
    form = form_of(request)
    values: dict[str, Value] = {name: form[name].strip() or None for name in ABOUT if name in form}
    if "message" in form:
        values["action"] = ACCEPT if form["message"] == ACCEPT else {"email": form["message"]}
    return _changed(request, "about", lambda path, text: with_values(path, text, values))


def change_text(request: Request) -> Response:
    """Show, then write, another text of the file."""
    form = form_of(request)
    return _changed(request, "text", lambda _, text: with_line_ends_of(form["text"], text))


def _changed(request: Request, part: str, change: Any) -> Response:
    """Make a change of the file, and answer with its review, or with the form again if it cannot be written."""
    form: Form = form_of(request)
    studio = studio_of(request)
    known = studio.find(request.path_params["workflow"])
    before, path = read_text(known.file), shown(known.file)
    fields = form.values()
    try:
        after = change(path, before)
    except DefinitionError as error:
        return _page(request, known, Attempt(part, fields, "", error.problems))
    except PartnerflowError as error:
        return _page(request, known, Attempt(part, fields, str(error)))
    if form["version"] != version_of(before):
        lines = list(diff_lines(before, after))
        return _page(request, known, Attempt(part, fields, "", (), after, True, lines))
    problems = studio.problems(known.file, after)
    if new := new_errors(problems, studio.problems(known.file)):
        return _page(request, known, Attempt(part, fields, "", new, after if part == "text" else ""))
    here = f"/workflows/{known.id}"
    return review(request, [Edit(known.file, before, after)], f"Change {known.name}", here, problems, (), here)


def check_typed(request: Request) -> Response:
    """Return what `check` says of the definition with the text of the form."""
    studio = studio_of(request)
    file, text = studio.find(request.path_params["workflow"]).file, form_of(request)["text"]
    with desk_of(request).account.catalog() as catalog:
        found = read_definitions(studio.settings, [file], catalog, {file.absolute(): text}, desk_of(request).vocabulary)
    return check_text(request, [one for one in found.problems if one.path == shown(file)])


ROUTES = [
    Route("/workflows/{workflow}", show, methods=["GET"]),
    Route("/workflows/{workflow}/about", change_about, methods=["POST"]),
    Route("/workflows/{workflow}/text", change_text, methods=["POST"]),
    Route("/workflows/{workflow}/text/check", check_typed, methods=["POST"]),
]
