"""New workflows: from a template of the help page, from scratch, or as a copy."""

from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import DefinitionError, PartnerflowError
from flows.definitions.loader import message_ids, read_segments
from flows.definitions.scaffold.copy import plan_copy
from flows.definitions.scaffold.create import ScaffoldPlan, WorkflowRequest, plan_scratch, plan_template, slug
from flows.definitions.scaffold.programs import program_types
from flows.definitions.scaffold.templates import PLACEHOLDERS, Template, template, templates
from flows.preview.values import find_values
from flows.studio.files import Edit
from flows.studio.rendering import page, studio_of
from flows.studio.review import review
from flows.studio.security import form_of
from flows.studio.studio import Missing, Studio


def show(request: Request) -> Response:
    """Return the cards of the templates, and the ways to begin without one."""
    about = {one.id: one.about for one in templates()}
    return page(request, "create.html", templates=[one.as_json() for one in templates()], about=about)


def from_template(request: Request) -> Response:
    """Return the form of a template; a POST shows, then writes, its drafts."""
    chosen, form = _template(request), form_of(request)

    def plan(studio: Studio) -> ScaffoldPlan:
        filled = {key: form[key].strip() for key in chosen.placeholders if form[key].strip()}
        return plan_template(studio.settings, chosen.id, form["program"], filled, form["prefix"].strip())

    studio = studio_of(request)
    return _planned(
        request,
        plan,
        "template.html",
        template=chosen.as_json(),
        about=chosen.about,
        types=program_types(studio.settings),
        placeholders={key: PLACEHOLDERS[key][0] for key in chosen.placeholders},
        values={key: _values(studio, PLACEHOLDERS[key][0]) for key in chosen.placeholders},
    )


def _template(request: Request) -> Template:
    try:
        return template(request.path_params["template"])
    except PartnerflowError as error:
        raise Missing(str(error)) from None


def _values(studio: Studio, label: str) -> list[str]:
    """Return the values of a condition in the account; none before anything has been published."""
    try:
        return [one.value for one in find_values(studio.settings, studio.definitions(), label).values]
    except PartnerflowError:
        return []


def from_scratch(request: Request) -> Response:
    """Return the form of a new email workflow; a POST shows, then writes, its draft."""
    form = form_of(request)
    name = form["name"].strip()
    message = form["new_message"].strip() or form["message"] or (slug(name) if name else "")
    return _from_scratch(request, message, messages=message_ids(studio_of(request).settings.workflows))


def accept(request: Request) -> Response:
    """Return the form of a new workflow that accepts applications; a POST shows, then writes, its draft."""
    return _from_scratch(request, None, messages=None)


def _from_scratch(request: Request, message: str | None, messages: Sequence[str] | None) -> Response:
    form = form_of(request)

    def plan(studio: Studio) -> ScaffoldPlan:
        sentences = tuple(line.strip() for line in form["sentences"].splitlines() if line.strip())
        wanted = WorkflowRequest(
            form["name"].strip(), form["program"], message, sentences, form["segment"] or None,
            form["description"].strip(), form["id"].strip() or None,
        )  # fmt: skip
        return plan_scratch(studio.settings, _complete(wanted))

    segments = sorted(read_segments(studio_of(request).settings.workflows)[0])
    return _planned(request, plan, "scratch.html", messages=messages, segments=segments)


def _complete(wanted: WorkflowRequest) -> WorkflowRequest:
    """Return the request if nothing is missing. Raises PartnerflowError that names what is."""
    missing = {"a name": wanted.name, "a program": wanted.program, "an email": wanted.message}
    names = [name for name, given in missing.items() if given == ""]
    names += [] if wanted.conditions or wanted.segment else ["a condition"]
    if names:
        raise PartnerflowError(f"The workflow needs {', '.join(names)}.")
    return wanted


def copy(request: Request) -> Response:
    """Return the form of a copy of the workflow in the query; a POST shows, then writes, its draft."""
    form, studio = form_of(request), studio_of(request)
    known = studio.find(form["workflow"] if form else request.query_params.get("workflow", ""))

    def plan(studio: Studio) -> ScaffoldPlan:
        return plan_copy(studio.settings, known.id, form["name"].strip(), form["id"].strip())

    listed = next((one for one in studio.listed() if one.workflow_id == known.id), None)
    return _planned(request, plan, "copy.html", known=known, listed=listed)


def _planned(request: Request, plan: Callable[[Studio], ScaffoldPlan], form: str, **values: object) -> Response:
    """Return a form, also with the reason why it cannot be done; or the review of what a form that was sent makes."""
    studio, sent = studio_of(request), form_of(request)
    problems, message = [], ""
    if sent:
        try:
            planned = plan(studio)
        except DefinitionError as error:
            problems = error.problems
        except PartnerflowError as error:
            message = str(error)
        else:
            return _review(request, studio, planned)

    shown = {
        "programs": studio.programs(),
        "program_ids": studio.program_ids(),
        "fields": sent.values(),
        "problems": problems,
        "message": message,
    }
    return page(request, form, 422 if sent else 200, **shown, **values)


def _review(request: Request, studio: Studio, planned: ScaffoldPlan) -> Response:
    folder: Path = studio.settings.workflows
    edits = [Edit(folder / name, None, text) for name, text in sorted(planned.files.items())]
    title = "Create this workflow" if len(planned.workflows) == 1 else f"Create {len(planned.workflows)} workflows"
    done = f"/workflows/{planned.workflows[0]}"
    return review(request, edits, title, done, planned.warnings, planned.notes, "/create")


ROUTES = [
    Route("/create", show, methods=["GET"]),
    Route("/create/template/{template}", from_template, methods=["GET", "POST"]),
    Route("/create/scratch", from_scratch, methods=["GET", "POST"]),
    Route("/create/application", accept, methods=["GET", "POST"]),
    Route("/create/copy", copy, methods=["GET", "POST"]),
]
