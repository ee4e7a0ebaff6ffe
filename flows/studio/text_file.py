"""A file that is edited as text: its page, what `check` says while it is typed, and the change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from compiler import Problem
from flows.studio.files import Edit, diff_lines, read_text, version_of, with_line_ends_of
from flows.studio.refused import Refused
from flows.studio.rendering import page
from flows.studio.review import review
from flows.studio.security import form_of


@dataclass(frozen=True)
class TextFile:
    """A file of the workflows folder with its title and what it is for.

    `path` takes its changes, `back` is the page to return to. `problems` returns what `check` says of a text.
    `example` is the text of a file that does not exist yet; an empty text removes a file that has one.
    """

    file: Path
    title: str
    about: str
    path: str
    back: str
    problems: Callable[[str], Sequence[Problem]]
    example: str = ""

    @property
    def text(self) -> str | None:
        """The text as it is on disk; None without a file. Raises DefinitionError if it is not UTF-8."""
        return read_text(self.file) if self.file.exists() else None


def show_text(request: Request, one: TextFile, refused: Refused | None = None) -> Response:
    """Return the page of a file, with the text of the form if its change was refused."""
    text = one.text
    shown = form_of(request)["text"] if refused else one.example if text is None else text
    return page(
        request, "file.html", refused.status if refused else 200, title=one.title, about=one.about, path=one.path,
        back=one.back, file=one.file.name, text=shown, version=version_of(text), attempt=refused,
        problems=[] if text is None else one.problems(text),
    )  # fmt: skip


def check_text(request: Request, problems: Sequence[Problem]) -> Response:
    """Return the part of a page that says what `check` says of the text of the form."""
    return page(request, "text_problems.html", problems=problems)


def change_text(request: Request, one: TextFile) -> Response:
    """Show, then write, another text of the file, unless it adds an error or the file has changed meanwhile."""
    form, before = form_of(request), one.text
    after = with_line_ends_of(form["text"], before or "")
    is_removed = bool(one.example) and not after.strip()
    if form["version"] != version_of(before):
        return show_text(request, one, Refused(is_conflict=True, lines=list(diff_lines(before or "", after))))
    problems = [] if is_removed else one.problems(after)
    if errors := new_errors(problems, [] if before is None else one.problems(before)):
        return show_text(request, one, Refused(problems=errors))
    edits = [Edit(one.file, before, None if is_removed else after)]
    return review(request, edits if before is not None or not is_removed else [], one.title, one.back, problems)


def new_errors(after: Sequence[Problem], before: Sequence[Problem]) -> list[Problem]:
    """Return the errors that a change would add; those that the file has already do not stop it."""
    known = {(one.code, one.message) for one in before if one.severity == "error"}
    return [one for one in after if one.severity == "error" and (one.code, one.message) not in known]
