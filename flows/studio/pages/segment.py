"""The editor of a workflow's segment: its rows, their problems, who is in it, and what comes.

GET  /workflows/{workflow}/segment            the page
POST /workflows/{workflow}/segment            show, then write, the change of the file
POST …/segment/rows                           the rows after a change of their controls
POST …/segment/check                          the problems at the rows, and who is in
POST …/segment/values                         the values of a row that a search finds
POST …/segment/ahead                          who comes in the next days, and which workflows overlap
POST …/segment/why                            why a partner is in or not
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import PartnerflowError, Workflow, read_yaml
from compiler.language.definition import ID
from compiler.yaml_source import yaml_text
from flows.checks import check_definitions
from flows.definitions.loader import read_segments, shown
from flows.preview.explain import explain_each
from flows.studio.files import Edit, diff_lines, read_text, version_of
from flows.studio.refused import Refused
from flows.studio.rendering import page, studio_of
from flows.studio.review import review
from flows.studio.security import form_of
from flows.studio.segment.ahead import DAYS, neighbours, outlook
from flows.studio.segment.check import CheckedSegment, check_segment
from flows.studio.segment.desk import Desk, desk_of
from flows.studio.segment.form import edited_rows, read_rows
from flows.studio.segment.members import SegmentMembers, segment_members
from flows.studio.segment.rows import Row, read_row
from flows.studio.segment.views import labels, row_view, row_views
from flows.studio.studio import Known, Studio

AT_ONCE = 5_000
"""Partners of a program up to which the outlook is computed without being asked for."""


@dataclass(frozen=True)
class Edited:
    """A workflow whose segment is edited: its file as it is now, its program, and the rows of the page.

    `saved` is the name of the saved segment that the whole segment is, if it is one.
    """

    known: Known
    text: str
    program: str
    rows: tuple[Row, ...]
    saved: str = ""

    @property
    def here(self) -> str:
        """The path of the editor."""
        return f"/workflows/{quote(self.known.id, safe='')}/segment"


def show(request: Request) -> Response:
    """Return the page; with `copy` in the query, the conditions of the saved segment become the workflow's own."""
    studio, desk = studio_of(request), desk_of(request)
    edited = _on_disk(studio, desk, request.path_params["workflow"])
    if edited.saved and "copy" in request.query_params:
        sources, _ = read_segments(studio.settings.workflows)
        found = sources[edited.saved].value if edited.saved in sources else []
        rows = tuple(read_row(str(one), desk.vocabulary) for one in found if isinstance(found, list))
        edited = replace(edited, rows=rows, saved="")
    return _page(request, edited)


def _on_disk(studio: Studio, desk: Desk, workflow_id: str) -> Edited:
    """Return a workflow as it is on disk. Raises DefinitionError if its file is not valid YAML."""
    known = studio.find(workflow_id)
    text = read_text(known.file)
    value = read_yaml(shown(known.file), text).value
    values = value if isinstance(value, dict) else {}
    segment = values.get("segment")
    sentences = segment if isinstance(segment, list) else []
    rows = tuple(read_row(str(one), desk.vocabulary) for one in sentences)
    return Edited(known, text, str(values.get("program", "")), rows, segment if isinstance(segment, str) else "")


def _sent(request: Request) -> Edited:
    """Return the workflow with the rows of the form that was sent, or with one for each line of `sentences`."""
    desk, form = desk_of(request), form_of(request)
    edited = _on_disk(studio_of(request), desk, request.path_params["workflow"])
    lines = [line for line in form["sentences"].splitlines() if line.strip()]
    rows = [read_row(one, desk.vocabulary) for one in lines] or read_rows(form, desk.vocabulary)
    return replace(edited, rows=tuple(rows), saved="")


def _page(request: Request, edited: Edited, attempt: Refused | None = None) -> Response:
    studio, desk = studio_of(request), desk_of(request)
    form = form_of(request) if request.method == "POST" else None
    sources, _ = read_segments(studio.settings.workflows)
    saved = sources[edited.saved].value if edited.saved in sources else []
    return page(
        request,
        "editor/segment.html",
        attempt.status if attempt else 200,
        edited=edited,
        known=edited.known,
        version=version_of(edited.text),
        attempt=attempt,
        rows=_views(request, edited),
        labels=labels(desk.vocabulary),
        saved_conditions=saved if isinstance(saved, list) else [],
        hour=form["hour"] if form else _local(studio, edited.program),
        zone=studio.programs().zone(edited.program).key,
        program=studio.programs().name(edited.program),
        save_as=form["save_as"] if form else "",
    )


def _views(request: Request, edited: Edited) -> object:
    studio, desk = studio_of(request), desk_of(request)
    definitions = studio.definitions()
    form = form_of(request) if request.method == "POST" else None
    searches = [form[f"search-{number}"] for number in form.all("row")] if form else []
    return row_views(
        edited.rows,
        edited.program,
        lambda label: desk.account.values(definitions, label, desk.vocabulary),
        searches,
    )


def change_rows(request: Request) -> Response:
    """Return the rows after a change of their controls, or after the button `action`."""
    form, desk = form_of(request), desk_of(request)
    edited = _sent(request)
    action = form["action"]
    if action == "add" and form["add"]:
        action = f"add:{form['add']}"
    rows = edited_rows(edited.rows, action, desk.vocabulary) if action else edited.rows
    edited = replace(edited, rows=tuple(rows))
    focus = _focus(action, len(rows))
    views = _views(request, edited)
    answer = page(request, "editor/rows.html", edited=edited, rows=views, labels=labels(desk.vocabulary), focus=focus)
    answer.headers["HX-Trigger-After-Settle"] = "edited"
    return answer


def _focus(action: str, count: int) -> int | None:
    """Return the row that gets the focus after a button was used."""
    name, _, argument = action.partition(":")
    if name == "add":
        return count - 1
    if not argument.isdigit():
        return None
    at = {"up": int(argument) - 1, "down": int(argument) + 1}.get(name, int(argument))
    return max(0, min(at, count - 1))


def search_values(request: Request) -> Response:
    """Return the values of a row that its search finds."""
    form, desk, studio = form_of(request), desk_of(request), studio_of(request)
    edited = _sent(request)
    number = form["number"]
    numbers = form.all("row")
    if number not in numbers:
        raise PartnerflowError("There is no such row. Load the page again.")
    at = numbers.index(number)
    definitions = studio.definitions()
    view = row_view(
        at,
        edited.rows[at],
        edited.program,
        lambda label: desk.account.values(definitions, label, desk.vocabulary),
        form[f"search-{number}"],
    )
    return page(request, "editor/values.html", view=view)


def check(request: Request) -> Response:
    """Return the problems at the rows, and who is in the segment at the hour of the form."""
    edited = _sent(request)
    checked = _checked(request, edited)
    form = form_of(request)
    untouched = [form[f"sentence-{number}"] == form[f"sentence-was-{number}"] for number in form.all("row")]
    members, notes, error = _members(request, edited, checked)
    return page(
        request,
        "editor/check.html",
        edited=edited,
        rows=list(zip(edited.rows, checked.by_row, untouched, strict=True)),
        checked=checked,
        members=members,
        at_once=AT_ONCE,
        notes=notes,
        error=error,
    )


def _checked(request: Request, edited: Edited) -> CheckedSegment:
    studio, desk = studio_of(request), desk_of(request)
    sentences = edited.saved or [one.sentence for one in edited.rows]
    with desk.account.catalog() as catalog:
        return check_segment(
            studio.settings, edited.known.id, edited.known.file, edited.text, sentences, desk.vocabulary, catalog
        )


def _members(
    request: Request, edited: Edited, checked: CheckedSegment
) -> tuple[SegmentMembers | None, Sequence[str], str]:
    """Return who is in, notes on the data, and why it is not known, if it is not."""
    if checked.workflow is None:
        return None, (), ""
    studio, desk = studio_of(request), desk_of(request)
    try:
        as_of = _hour(request, edited.program)
        with desk.facts.use() as facts:
            found = segment_members(facts, checked.workflow, checked.definitions.compiler, as_of)
            return found, facts.notes(studio.settings.zone), ""
    except PartnerflowError as error:
        return None, (), str(error)


def ahead(request: Request) -> Response:
    """Return the workflows that reach the same partners and, with `look`, who would come in the next days."""
    edited, desk, studio = _sent(request), desk_of(request), studio_of(request)
    checked = _checked(request, edited)
    workflow, compiler = checked.workflow, checked.definitions.compiler
    found, near, error = None, None, ""
    if workflow is not None:
        try:
            as_of = _hour(request, edited.program)
            near = neighbours(workflow, studio.definitions().workflows, compiler, as_of)
            if "look" in form_of(request):
                with desk.outlook_facts.use() as facts:
                    found = outlook(facts, studio.settings, workflow, compiler, as_of)
        except PartnerflowError as problem:
            error = str(problem)
    shown = {"edited": edited, "workflow": workflow, "found": found, "near": near, "days": DAYS, "error": error}
    return page(request, "editor/ahead.html", **shown)


def why(request: Request) -> Response:
    """Return why the partner of the form is in the segment or not."""
    edited, desk, studio = _sent(request), desk_of(request), studio_of(request)
    checked, partner = _checked(request, edited), form_of(request)["partner"].strip()
    found, error = None, ""
    if checked.workflow is None:
        error = "Correct the errors of the segment first."
    elif not partner:
        error = "Write the id of a partner."
    else:
        try:
            as_of = _hour(request, edited.program)
            with desk.outlook_facts.use() as facts:
                compiler = checked.definitions.compiler
                workflows: list[Workflow] = [checked.workflow]
                (found,) = explain_each(facts.connection, studio.settings, workflows, partner, compiler, as_of)
        except PartnerflowError as problem:
            error = str(problem)
    return page(request, "editor/why.html", found=found, error=error, programs=studio.programs())


def change(request: Request) -> Response:
    """Show, then write, the change of the segment; with `save_as`, as a saved segment that the workflow uses."""
    form = form_of(request)
    studio, desk = studio_of(request), desk_of(request)
    edited = _sent(request)
    edits: list[Edit] = []
    segment: list[str] = [one.sentence for one in edited.rows if not one.is_empty]
    name = form["save_as"].strip()
    if name:
        try:
            edits.append(_saved_segment(studio, name, segment))
        except PartnerflowError as error:
            return _page(request, edited, Refused(str(error)))
        segment = [f"Segment is any of {name}"]
    texts = {one.file.absolute(): one.after for one in edits if one.after is not None}
    with desk.account.catalog() as catalog:
        checked = check_segment(
            studio.settings, edited.known.id, edited.known.file, edited.text, segment, desk.vocabulary, catalog, texts
        )
    if checked.text is None:
        return _page(request, edited, Refused(problems=checked.others))
    if form["version"] != version_of(edited.text):
        lines = list(diff_lines(edited.text, checked.text))
        return _page(request, edited, Refused(is_conflict=True, lines=lines))
    problems = [one for some in checked.by_row for one in some]
    errors = [one for one in problems if one.severity == "error"]
    if not segment:
        errors = [one for one in checked.others if one.severity == "error"]
    if errors:
        return _page(request, edited, Refused(problems=errors))
    edits.append(Edit(edited.known.file, edited.text, checked.text))
    texts |= {edited.known.file.absolute(): checked.text}
    said = check_definitions(studio.settings, [edited.known.file], texts).problems
    back = f"/workflows/{quote(edited.known.id, safe='')}"
    title = f"Change the segment of {edited.known.name}"
    return review(request, edits, title, back, said, _notes(edited), back)


def _notes(edited: Edited) -> list[str]:
    """Return the caution of the help page for an active workflow."""
    workflow = edited.known.workflow
    if workflow is None or workflow.status != "active":
        return []
    return [
        "The workflow is active: the next run evaluates the new segment. Partners that it has contacted are not "
        "contacted again."
    ]


def _saved_segment(studio: Studio, name: str, sentences: Sequence[str]) -> Edit:
    """Return the new file of a saved segment. Raises PartnerflowError for a name that is not valid or is taken."""
    if not ID.fullmatch(name):
        hint = "Use letters, digits, dots, dashes and underscores, a letter or digit first."
        raise PartnerflowError(f"{name!r} is not a valid name of a segment. {hint}")
    sources, _ = read_segments(studio.settings.workflows)
    file = studio.settings.workflows / "segments" / f"{name}.yml"
    if name in sources or file.exists():
        raise PartnerflowError(f"There is a segment {name} already. Choose another name, or use that one.")
    if not sentences:
        raise PartnerflowError("A segment has at least one condition.")
    return Edit(file, None, "".join(f"- {yaml_text(one)}\n" for one in sentences))


def _hour(request: Request, program: str) -> datetime:
    """Return the hour of the form in UTC; without one, that of the studio. Raises PartnerflowError for a later one."""
    studio = studio_of(request)
    text = form_of(request)["hour"]
    if not text or text == _local(studio, program):
        return studio.hour()
    zone = studio.programs().zone(program)
    try:
        found = datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PartnerflowError(f"{text!r} is not a valid hour.") from None
    if found > studio.hour():
        raise PartnerflowError("This hour has not come yet. The outlook below shows the next days.")
    return found


def _local(studio: Studio, program: str) -> str:
    """Return the hour of the studio in the time zone of a program, as a field of a form has it."""
    zone: ZoneInfo = studio.programs().zone(program)
    return f"{studio.hour().astimezone(zone):%Y-%m-%dT%H:%M}"


ROUTES = [
    Route("/workflows/{workflow}/segment", show, methods=["GET"]),
    Route("/workflows/{workflow}/segment", change, methods=["POST"]),
    Route("/workflows/{workflow}/segment/rows", change_rows, methods=["POST"]),
    Route("/workflows/{workflow}/segment/check", check, methods=["POST"]),
    Route("/workflows/{workflow}/segment/values", search_values, methods=["POST"]),
    Route("/workflows/{workflow}/segment/ahead", ahead, methods=["POST"]),
    Route("/workflows/{workflow}/segment/why", why, methods=["POST"]),
]
