"""The editor of a segment: its rows, their problems, who is in it, and what comes.

GET  /workflows/{workflow}/segment            the page of a workflow's segment
GET  /segments/{segment}                      the page of a saved segment
POST to them                                  show, then write, the change of the file
POST …/rows                                   the rows after a change of their controls
POST …/check                                  the problems at the rows, and who is in
POST …/values                                 the values of a row that a search finds
POST …/ahead                                  which workflows overlap, or the workflows that use the saved segment
POST …/coming                                 who comes in the next days
POST …/why                                    why a partner is in or not
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from compiler import PartnerflowError, Problem, Workflow
from compiler.language.definition import ID
from compiler.yaml_source import yaml_text
from flows.checks import check_definitions
from flows.definitions.loader import read_segments
from flows.preview.explain import explain_each
from flows.studio.files import Edit, diff_lines, version_of
from flows.studio.refused import Refused
from flows.studio.rendering import page, studio_of
from flows.studio.review import review
from flows.studio.security import form_of
from flows.studio.segment.ahead import DAYS, expected, neighbours, outlook
from flows.studio.segment.check import CheckedSegment, check_saved_segment, check_segment
from flows.studio.segment.desk import desk_of
from flows.studio.segment.edited import Edited, edited_saved_segment, edited_workflow
from flows.studio.segment.form import edited_rows, read_rows
from flows.studio.segment.members import SegmentMembers, segment_members
from flows.studio.segment.rows import read_row
from flows.studio.segment.saved import User, members_of_users
from flows.studio.segment.views import labels, row_view, row_views
from flows.studio.studio import Known, Studio


def show(request: Request) -> Response:
    """Return the page; with `copy` in the query, the conditions of the saved segment become the workflow's own."""
    studio, desk = studio_of(request), desk_of(request)
    edited = _on_disk(request)
    if edited.saved and "copy" in request.query_params:
        sources, _ = read_segments(studio.settings.workflows)
        found = sources[edited.saved].value if edited.saved in sources else []
        rows = tuple(read_row(str(one), desk.vocabulary) for one in found if isinstance(found, list))
        edited = replace(edited, rows=rows, saved="")
    return _page(request, edited)


def _on_disk(request: Request) -> Edited:
    """Return the segment of a request as it is on disk. Raises DefinitionError if its file is not valid YAML."""
    studio, desk, names = studio_of(request), desk_of(request), request.path_params
    if "workflow" in names:
        return edited_workflow(studio, desk, names["workflow"])
    program = form_of(request)["program"] or request.query_params.get("program", "")
    return edited_saved_segment(studio, desk, names["segment"], program)


def _sent(request: Request) -> Edited:
    """Return the segment with the rows of the form that was sent, or with one for each line of `sentences`."""
    desk, form = desk_of(request), form_of(request)
    lines = [line for line in form["sentences"].splitlines() if line.strip()]
    rows = [read_row(one, desk.vocabulary) for one in lines] or read_rows(form, desk.vocabulary)
    return replace(_on_disk(request), rows=tuple(rows), saved="")


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
        version=version_of(edited.text),
        attempt=attempt,
        rows=_views(request, edited),
        labels=labels(desk.vocabulary),
        saved_conditions=saved if isinstance(saved, list) else [],
        hour=form["hour"] if form else _local(studio, edited.program),
        zone=studio.programs().zone(edited.program).key,
        programs=studio.programs(),
        program_ids=studio.program_ids(),
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
        notes=notes,
        error=error,
    )


def _checked(request: Request, edited: Edited) -> CheckedSegment:
    """Return what `check` says of the file with the rows."""
    settings, desk = studio_of(request).settings, desk_of(request)
    with desk.account.catalog() as catalog:
        if edited.workflow is None:
            return check_saved_segment(
                settings, edited.file, edited.text, edited.sentences, edited.program,
                [one.file for one in edited.users], desk.vocabulary, catalog,
            )  # fmt: skip
        return check_segment(
            settings, edited.workflow.id, edited.file, edited.text, edited.sentences, desk.vocabulary, catalog
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
            found = segment_members(facts, checked.workflow, checked.compiler, as_of)
            return found, facts.notes(studio.settings.zone), ""
    except PartnerflowError as error:
        return None, (), str(error)


def ahead(request: Request) -> Response:
    """Return the workflows that reach the same partners; of a saved segment, those that use it."""
    edited, studio = _sent(request), studio_of(request)
    checked = _checked(request, edited)
    if edited.workflow is None:
        return page(request, "editor/users.html", users=_users(request, edited, checked), programs=studio.programs())
    near, error = None, ""
    if checked.workflow is not None:
        try:
            as_of = _hour(request, edited.program)
            near = neighbours(checked.workflow, studio.definitions().workflows, checked.compiler, as_of)
        except PartnerflowError as problem:
            error = str(problem)
    return page(request, "editor/ahead.html", workflow=checked.workflow, near=near, error=error)


def _users(request: Request, edited: Edited, checked: CheckedSegment) -> list[User]:
    """Return the workflows that use the saved segment, with their members before and after the change if possible."""
    known, desk, settings = list(edited.users), desk_of(request), studio_of(request).settings
    if not known or checked.text is None:
        return [User(one) for one in known]
    try:
        with desk.facts.use() as facts:
            facts.cut_to(edited.program, _hour(request, edited.program))
            texts = {edited.file.absolute(): checked.text}
            return members_of_users(facts, settings, known, texts, checked.compiler)
    except PartnerflowError:
        return [User(one) for one in known]


def coming(request: Request) -> Response:
    """Return whom the workflow would contact at the hour and in the next days if it were active."""
    edited, desk, studio = _sent(request), desk_of(request), studio_of(request)
    checked = _checked(request, edited)
    if checked.workflow is None:
        return page(request, "editor/coming.html", error="Correct the errors of the segment first.")
    try:
        as_of = _hour(request, edited.program)
        with desk.outlook_facts.use() as facts:
            found = outlook(facts, studio.settings, [checked.workflow], checked.compiler, as_of)
    except PartnerflowError as problem:
        return page(request, "editor/coming.html", error=str(problem))
    (one,) = expected(studio.settings, found, [checked.workflow])
    shown = {"found": one, "breaches": found.limit_breaches, "days": DAYS, "programs": studio.programs()}
    return page(request, "editor/coming.html", error="", **shown)


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
                workflows: list[Workflow] = [checked.workflow]
                (found,) = explain_each(facts.connection, studio.settings, workflows, partner, checked.compiler, as_of)
        except PartnerflowError as problem:
            error = str(problem)
    return page(request, "editor/why.html", found=found, error=error, programs=studio.programs())


def change(request: Request) -> Response:
    """Show, then write, the change of the segment; with `save_as`, as a saved segment that the workflow uses."""
    form, studio = form_of(request), studio_of(request)
    edited = _sent(request)
    edits: list[Edit] = []
    name = form["save_as"].strip()
    if name and edited.workflow:
        try:
            edits.append(_saved_segment(studio, name, [one.sentence for one in edited.rows if not one.is_empty]))
        except PartnerflowError as error:
            return _page(request, edited, Refused(str(error)))
    checked = _checked(request, edited)
    if refused := _refusal(request, edited, checked):
        return _page(request, edited, refused)
    if edits:
        checked = _with_saved_segment(request, edited, edits[0])
    assert checked.text is not None
    edits.append(Edit(edited.file, edited.text, checked.text))
    texts = {one.file.absolute(): one.after for one in edits if one.after is not None}
    files = [edited.file] if edited.workflow else [one.file for one in edited.users]
    said = check_definitions(studio.settings, files, texts).problems if files else checked.others
    title = f"Change the segment {'of ' if edited.workflow else ''}{edited.name}"
    notes = _notes(edited.workflow) if edited.workflow else _notes_on_users(_users(request, edited, checked))
    return review(request, edits, title, edited.back, said, notes, edited.back)


def _with_saved_segment(request: Request, edited: Edited, saved: Edit) -> CheckedSegment:
    """Return what `check` says of the workflow with a condition that names a new saved segment."""
    desk, known = desk_of(request), edited.workflow
    assert known is not None and saved.after is not None
    sentences, texts = [f"Segment is any of {saved.file.stem}"], {saved.file.absolute(): saved.after}
    with desk.account.catalog() as catalog:
        return check_segment(
            studio_of(request).settings, known.id, edited.file, edited.text, sentences, desk.vocabulary, catalog, texts
        )


def _refusal(request: Request, edited: Edited, checked: CheckedSegment) -> Refused | None:
    """Return why the change is not written, if it is not."""
    if checked.text is None:
        return Refused(problems=checked.others)
    if form_of(request)["version"] != version_of(edited.text):
        return Refused(is_conflict=True, lines=list(diff_lines(edited.text, checked.text)))
    at_rows: list[Problem] = [one for some in checked.by_row for one in some]
    is_about_all = edited.workflow is None or all(one.is_empty for one in edited.rows)
    errors = [one for one in [*at_rows, *(checked.others if is_about_all else ())] if one.severity == "error"]
    return Refused(problems=errors) if errors else None


def _notes(known: Known) -> list[str]:
    """Return the caution of the help page for an active workflow."""
    if known.workflow is None or known.workflow.status != "active":
        return []
    return [
        "The workflow is active: the next run evaluates the new segment. Partners that it has contacted are not "
        "contacted again."
    ]


def _notes_on_users(users: Sequence[User]) -> list[str]:
    """Return what the change does to each workflow that uses the segment."""
    found = []
    for one in users:
        status = one.known.workflow.status if one.known.workflow else "not valid"
        members = "" if None in (one.before, one.after) else f" {one.before:,} members before, {one.after:,} after."
        found.append(f"{one.known.name} ({status}) uses it.{members}")
    return found or ["No workflow uses it."]


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
    Route(f"{base}{path}", handler, methods=[method])
    for base in ("/workflows/{workflow}/segment", "/segments/{segment}")
    for path, handler, method in (
        ("", show, "GET"),
        ("", change, "POST"),
        ("/rows", change_rows, "POST"),
        ("/check", check, "POST"),
        ("/values", search_values, "POST"),
        ("/ahead", ahead, "POST"),
        ("/coming", coming, "POST"),
        ("/why", why, "POST"),
    )
]
