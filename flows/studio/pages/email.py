"""The editor of a workflow's email: its texts in all languages, their problems, and what a partner would get.

GET  /workflows/{workflow}/email              the page
POST /workflows/{workflow}/email              show, then write, the change of the message's files
POST …/email/languages                        the form with a language more or less
POST …/email/check                            the problems at the fields, and the preview
POST …/email/test                             send it to one's own address
GET  /previews/{preview}                      the HTML of a preview, for its frame
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from compiler import (
    DefinitionError,
    PartnerflowError,
    SendEmail,
    Workflow,
    project_vocabulary,
    read_definition,
)
from compiler.language.definition import ID
from flows.definitions.loader import read_segments, shown
from flows.definitions.text_edit import with_values
from flows.messages.variables import VARIABLES
from flows.preview.partner.find import find_partners
from flows.sending.send_test_email import email_context, send_test_email
from flows.studio.email.draft import CheckedDraft, check_draft, drafted, message_files
from flows.studio.email.form import MessageTexts, changed_files, files_of, new_message, sent_texts, texts_of
from flows.studio.email.preview import EmailPreview, in_scheme, preview_email
from flows.studio.files import Edit, diff_lines, read_text, version_of
from flows.studio.refused import Refused
from flows.studio.rendering import page, studio_of
from flows.studio.review import review
from flows.studio.security import form_of
from flows.studio.segment.desk import desk_of
from flows.studio.studio import Known, Missing, Studio

KEPT = 30
"""Previews that are kept for their frames."""

FRAME_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'"
)
"""The policy of an email in its frame: no script, nothing from elsewhere, its own styles."""


@dataclass
class Previews:
    """The HTML of the last previews by a random name."""

    _kept: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, html: str) -> str:
        """Keep the HTML of a preview, and return its name."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[name] = html
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return name

    def __getitem__(self, name: str) -> str:
        with self._lock:
            if name not in self._kept:
                raise Missing("This preview is no longer kept. Change the message to see it again.")
            return self._kept[name]


@dataclass(frozen=True)
class Edited:
    """The email of a workflow: the name and the folder of its message, its files as they are now, and its texts."""

    known: Known
    workflow: Workflow
    name: str
    folder: Path
    files: dict[str, str]
    texts: MessageTexts
    is_new: bool = False

    @property
    def here(self) -> str:
        """The path of the editor."""
        return f"/workflows/{quote(self.known.id, safe='')}/email"

    @property
    def version(self) -> str:
        """The version of the files, which the form carries."""
        return version_of(repr(sorted({} if self.is_new else self.files.items())))


def show(request: Request) -> Response:
    """Return the page."""
    return _page(request, _on_disk(studio_of(request), request.path_params["workflow"]))


def _on_disk(studio: Studio, workflow_id: str) -> Edited:
    known = studio.find(workflow_id)
    workflow = known.workflow or _unsound(studio, known)
    if not isinstance(workflow.action, SendEmail):
        raise PartnerflowError(f"{workflow.name} accepts applications; it sends no email.")
    name = workflow.action.message
    folder = studio.settings.workflows / "messages" / name
    if not ID.fullmatch(name):
        raise PartnerflowError(f"{name!r} is not a name of a message that can be edited here.")
    files = message_files(folder)
    is_new = not files
    if is_new:
        files = new_message(workflow.name)
    return Edited(known, workflow, name, folder, files, texts_of(files), is_new)


def _unsound(studio: Studio, known: Known) -> Workflow:
    """Return a workflow whose only error is that its message is missing. Raises PartnerflowError for any other."""
    sources, _ = read_segments(studio.settings.workflows)
    vocabulary = project_vocabulary(loader=studio.settings.loader)
    return read_definition(shown(known.file), read_text(known.file), vocabulary, sources).workflow


def _sent(request: Request) -> Edited:
    """Return the email with the texts of the form that was sent."""
    edited = _on_disk(studio_of(request), request.path_params["workflow"])
    texts = sent_texts(form_of(request))
    return replace(edited, texts=texts) if texts.languages else edited


def _page(request: Request, edited: Edited, attempt: Refused | None = None, notice: str = "") -> Response:
    studio = studio_of(request)
    form = form_of(request) if request.method == "POST" else None
    return page(
        request,
        "editor/email.html",
        attempt.status if attempt else 200,
        edited=edited,
        known=edited.known,
        attempt=attempt,
        notice=notice,
        version=form["version"] if form and not (attempt and attempt.is_conflict) else edited.version,
        variables=VARIABLES,
        test_address=form["to"] if form else studio.settings.test_address or "",
        save_as=form["save_as"] if form else "",
        partner=form["partner"] if form else "",
        users=_users(studio, edited),
    )


def _users(studio: Studio, edited: Edited) -> list[Workflow]:
    """Return the other workflows that send this message."""
    workflows = studio.definitions().workflows
    return [one for one in workflows if one.action == edited.workflow.action and one.id != edited.workflow.id]


def change_languages(request: Request) -> Response:
    """Return the texts of the form with a language more or less."""
    edited = _sent(request)
    answer = page(request, "editor/languages.html", edited=edited)
    answer.headers["HX-Trigger-After-Settle"] = "edited"
    return answer


def check(request: Request) -> Response:
    """Return the problems of the texts at their fields, and the preview that the form asks for."""
    edited = _sent(request)
    try:
        files = files_of(edited.texts, edited.files)
    except PartnerflowError as wrong:
        return page(request, "editor/email_check.html", edited=edited, checked=None, error=str(wrong), elsewhere=[],
                    shown=None, frame="", form=form_of(request))  # fmt: skip
    checked = check_draft(studio_of(request).settings, edited.name, files, edited.workflow)
    previews, error = _previews(request, edited, checked)
    chosen = next((one for one in previews if one.language == form_of(request)["show"]), None)
    chosen = chosen or (previews[0] if previews else None)
    html = chosen.content.html if chosen and chosen.content else None
    scheme: Literal["dark", "light"] = "dark" if form_of(request)["scheme"] == "dark" else "light"
    kept: Previews = request.app.state.previews
    return page(
        request,
        "editor/email_check.html",
        edited=edited,
        checked=checked,
        error=error,
        elsewhere=checked.elsewhere([one.language for one in edited.texts.languages]),
        shown=chosen,
        frame=kept.keep(in_scheme(html, scheme)) if html else "",
        form=form_of(request),
    )


def _previews(request: Request, edited: Edited, checked: CheckedDraft) -> tuple[list[EmailPreview], str]:
    if checked.message is None:
        return [], ""
    studio = studio_of(request)
    try:
        return preview_email(checked.message, _context(request, edited), studio.hour()), ""
    except PartnerflowError as error:
        return [], str(error)


def _context(request: Request, edited: Edited) -> dict[str, object]:
    """Return what the email is rendered from for the partner of the form: a name or an id, or a sample partner."""
    studio, partner = studio_of(request), _partner(request, edited)
    if partner is None:
        return email_context(studio.settings, edited.workflow, None)
    with desk_of(request).outlook_facts.use() as facts:
        return email_context(studio.settings, edited.workflow, partner, facts.connection)


def _partner(request: Request, edited: Edited) -> str | None:
    text = form_of(request)["partner"].strip()
    if not text:
        return None
    found = [
        one for one in find_partners(studio_of(request).settings, text) if one.program_id == edited.workflow.program
    ]
    if not found:
        raise PartnerflowError(f"Program {edited.workflow.program} has no partner {text}.")
    return found[0].partner_id


def change(request: Request) -> Response:
    """Show, then write, the change of the message's files; with `save_as`, as a new message that the workflow sends."""
    form, studio, edited = form_of(request), studio_of(request), _sent(request)
    try:
        files = files_of(edited.texts, edited.files)
        name = form["save_as"].strip()
        edits = _new_message(studio, edited, name, files) if name else _edits(edited, files)
    except DefinitionError as error:
        return _page(request, edited, Refused(problems=error.problems))
    except PartnerflowError as error:
        return _page(request, edited, Refused(str(error)))
    if form["version"] != edited.version:
        lines = [line for one in edits for line in diff_lines(one.before or "", one.after or "")]
        return _page(request, edited, Refused(is_conflict=True, lines=lines))
    checked = check_draft(studio.settings, edited.name, files, edited.workflow)
    problems = [one.problem for one in checked.problems]
    if errors := [one for one in problems if one.severity == "error"]:
        return _page(request, edited, Refused(problems=errors))
    back = f"/workflows/{quote(edited.known.id, safe='')}"
    others = [] if name else _users(studio, edited)
    notes = [f"{', '.join(one.name for one in others)} will send the changed message as well."] if others else []
    return review(request, edits, f"Change the email of {edited.known.name}", back, problems, notes, back)


def _edits(edited: Edited, files: dict[str, str]) -> list[Edit]:
    before = {} if edited.is_new else edited.files
    return [Edit(edited.folder / name, before.get(name), files.get(name)) for name in changed_files(before, files)]


def _new_message(studio: Studio, edited: Edited, name: str, files: dict[str, str]) -> list[Edit]:
    """Return the files of a new message, and the definition that names it. Raises PartnerflowError for its name."""
    folder = studio.settings.workflows / "messages" / name
    if not ID.fullmatch(name):
        hint = "Use letters, digits, dots, dashes and underscores, a letter or digit first."
        raise PartnerflowError(f"{name!r} is not a valid name of a message. {hint}")
    if folder.exists():
        raise PartnerflowError(f"There is a message {name} already. Choose another name.")
    text = read_text(edited.known.file)
    after = with_values(shown(edited.known.file), text, {"action": {"email": name}})
    new = [Edit(folder / file, None, content) for file, content in sorted(files.items())]
    return [*new, Edit(edited.known.file, text, after)]


def send_test(request: Request) -> Response:
    """Send the email as it is in the form to one's own address, as the partner of the form would get it."""
    form, studio, edited = form_of(request), studio_of(request), _sent(request)
    try:
        files = files_of(edited.texts, edited.files)
        context = _context(request, edited)
        address = form["to"].strip() or studio.settings.test_address or ""
        with drafted(studio.settings, edited.name, files) as settings:
            sent = send_test_email(
                settings, edited.workflow, address, _partner(request, edited), studio.hour(), context
            )
    except PartnerflowError as error:
        return page(request, "editor/sent.html", error=str(error), sent=None)
    return page(request, "editor/sent.html", error="", sent=sent)


def frame(request: Request) -> Response:
    """Return the HTML of a preview, with a policy of its own."""
    kept: Previews = request.app.state.previews
    headers = {"Content-Security-Policy": FRAME_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return HTMLResponse(kept[request.path_params["preview"]], headers=headers)


ROUTES = [
    Route("/workflows/{workflow}/email", show, methods=["GET"]),
    Route("/workflows/{workflow}/email", change, methods=["POST"]),
    Route("/workflows/{workflow}/email/languages", change_languages, methods=["POST"]),
    Route("/workflows/{workflow}/email/check", check, methods=["POST"]),
    Route("/workflows/{workflow}/email/test", send_test, methods=["POST"]),
    Route("/previews/{preview}", frame, methods=["GET"]),
]
