"""The list of workflows, and the changes of several at once: activate, pause, delete."""

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import PartnerflowError, Problem
from flows.activation import StatusRefused, plan_status
from flows.definitions.chains import chain_of
from flows.local_time import counted
from flows.report.health import SIGNS, count_signs
from flows.report.workflow_list import ListedWorkflow
from flows.studio.files import Edit, read_text
from flows.studio.rendering import page, studio_of
from flows.studio.review import review
from flows.studio.security import form_of
from flows.studio.studio import Studio

ACTIONS = {"activate": "Activate", "pause": "Pause", "delete": "Delete"}
"""What can be done with the workflows that are chosen in the list."""


def show(request: Request) -> Response:
    """Return the list, filtered by the query: `q` (text), `program`, `status`, `sign`."""
    studio = studio_of(request)
    found = studio.listed()
    query = {name: request.query_params.get(name, "") for name in ("q", "program", "status", "sign")}
    programs = studio.programs()
    shown = [one for one in found if _fits(one, query)]
    return page(
        request,
        "workflows.html",
        workflows=sorted(shown, key=lambda one: (one.name or one.workflow_id).casefold()),
        total=len(found),
        query=query,
        signs=count_signs(one.about.signs for one in found),
        sign_names=SIGNS,
        statuses=sorted({one.status for one in found}),
        program_ids=sorted({one.program_id for one in found if one.program_id}),
        programs=programs,
        folder=studio.settings.workflows,
        last_hour=max((one.last_run.as_of for one in found if one.last_run), default=None),
    )


def _fits(one: ListedWorkflow, query: dict[str, str]) -> bool:
    words = f"{one.workflow_id} {one.name} {one.owner} {one.about.description} {' '.join(one.about.conditions)}"
    return (
        query["q"].strip().casefold() in words.casefold()
        and query["program"] in ("", one.program_id)
        and query["status"] in ("", one.status)
        and (not query["sign"] or query["sign"] in one.about.signs)
    )


def change_status(request: Request) -> Response:
    """Show, then write, a change of the workflows in `workflow`: `action` is one of ACTIONS; `chain`: their chains."""
    form, studio = form_of(request), studio_of(request)
    names = [studio.find(name).id for name in form.all("workflow")]
    action, whole_chain = form["action"], "chain" in form
    if not names:
        raise PartnerflowError("No workflow is chosen. Choose one or more in the list, then an action.")
    if action not in ACTIONS:
        raise PartnerflowError(f"{action!r} is not a valid action. The actions are {', '.join(ACTIONS)}.")
    try:
        edits, warnings, notes = _planned(studio, names, action, whole_chain)
    except StatusRefused as refused:
        found = [(studio.find(name), problems) for name, problems in refused.problems.items()]
        return page(request, "status_refused.html", 422, action=ACTIONS[action], refused=found)
    what = studio.find(names[0]).name if len(edits) == 1 else counted(len(edits), "workflow")
    title = f"{ACTIONS[action]} {what}"
    back = f"/workflows/{names[0]}" if len(names) == 1 else "/"
    done = "/" if action == "delete" else back
    starting = _ids(studio, edits) if action == "activate" else []
    return review(request, edits, title, done, warnings, notes, back, starting)


def _ids(studio: Studio, edits: Sequence[Edit]) -> list[str]:
    """Return the ids of the workflows whose files a change has."""
    files = {one.file for one in edits}
    return [name for name, path in studio.definitions().files.items() if Path(path).absolute() in files]


def _planned(
    studio: Studio, names: Sequence[str], action: str, whole_chain: bool
) -> tuple[list[Edit], Sequence[Problem], list[str]]:
    if action == "delete":
        return _deletions(studio, names, whole_chain), (), [
            "What they have sent stays in the ledger and in the report. Messages and segments stay in their folders.",
            "A new workflow with the same id contacts nobody whom this one has contacted; one with another id may.",
        ]  # fmt: skip
    planned = plan_status(studio.settings, names, "active" if action == "activate" else "paused", whole_chain)
    edits = [Edit(file, read_text(file), text) for file, text in planned.texts.items()]
    same = [f"{one.workflow_id} is {one.status} already." for one in planned.changes if one.was == one.status]
    return edits, planned.warnings, same


def _deletions(studio: Studio, names: Sequence[str], whole_chain: bool) -> list[Edit]:
    definitions = studio.definitions()
    defined = {one.id: one for one in definitions.workflows}
    chosen = list(names)
    if whole_chain:
        chosen += [one.id for name in names if name in defined for one in chain_of(defined[name], defined.values())]
    files: list[Path] = [studio.find(name).file for name in dict.fromkeys(chosen)]
    return [Edit(file, read_text(file), None) for file in files]


ROUTES = [
    Route("/", show, methods=["GET"]),
    Route("/status", change_status, methods=["POST"]),
]
