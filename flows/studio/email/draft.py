"""A message while it is edited: the texts of its folder, checked and rendered as they would be once written.

The texts are put into a folder of their own for that, beside the layouts and the settings of programs of the workflows
folder, so that the functions of flows.messages read them as they read any message.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from compiler import DefinitionError, Problem, Workflow, read_yaml
from compiler.yaml_source import YamlPath
from flows.definitions.loader import not_utf8, read_programs, shown
from flows.definitions.program_settings import FILE as PROGRAM_SETTINGS
from flows.messages.in_use import check_in_use
from flows.messages.loader import check_message
from flows.messages.message import Message
from flows.settings import Settings

MESSAGE = "message.yml"

COMMON = ("sender_name", "reply_to", "cc", "bcc")
"""The keys of message.yml that are the same in all languages."""

BY_LANGUAGE = ("subject", "preview", "reason", "sign_up_link")
"""The keys of message.yml that each language has."""

BODIES = ("mjml", "txt")
"""The kinds of bodies, by the suffix of their files."""


def body_file(kind: str, language: str, is_default: bool) -> str:
    """Return the name of the file of a body."""
    return f"body.{kind}" if is_default else f"body.{language}.{kind}"


@dataclass(frozen=True)
class DraftProblem:
    """A problem of a draft: the file of its folder, and the key of message.yml, if it is about one.

    `file` is empty for a problem of another file, such as a layout.
    """

    file: str
    route: YamlPath
    problem: Problem


@dataclass(frozen=True)
class CheckedDraft:
    """A draft with its problems; `message` is None if one of the message itself is an error."""

    message: Message | None
    problems: tuple[DraftProblem, ...]

    def at(self, file: str, *route: str) -> list[Problem]:
        """Return the problems of a file, or of a key of message.yml and what is below it."""
        return [one.problem for one in self.problems if one.file == file and one.route[: len(route)] == route]

    def elsewhere(self, languages: Collection[str]) -> list[Problem]:
        """Return the problems that are at no field of the form: of other keys, of a layout, of files not read."""
        default, *others = languages
        fields: set[YamlPath] = {(name,) for name in (*COMMON, *BY_LANGUAGE)}
        fields |= {("translations", one, name) for one in others for name in BY_LANGUAGE}
        bodies = {body_file(kind, one, one == default) for one in languages for kind in BODIES}
        return [
            one.problem
            for one in self.problems
            if one.file not in bodies
            and not (one.file == MESSAGE and any(one.route[: len(field)] == field for field in fields))
        ]


def message_files(folder: Path) -> dict[str, str]:
    """Return the texts of a message's folder by the names of its files; none without the folder.

    Raises DefinitionError for a file that is not UTF-8 text.
    """
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {one.name: _text(one) for one in files if one.is_file() and one.name[0] != "."}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DefinitionError([not_utf8(file, error)]) from None


@contextmanager
def drafted(settings: Settings, name: str, files: Mapping[str, str]) -> Iterator[Settings]:
    """Yield settings whose workflows folder has the message as drafted, and nothing else to send."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "messages" / name).mkdir(parents=True)
        for file, text in files.items():
            (folder / "messages" / name / file).write_text(text, encoding="utf-8")
        kept = [*(settings.workflows / "messages").glob("layout*.mjml"), settings.workflows / PROGRAM_SETTINGS]
        for one in kept:
            if one.is_file():
                shutil.copy(one, folder / one.relative_to(settings.workflows))
        yield settings.model_copy(update={"workflows": folder})


def check_draft(
    settings: Settings, name: str, files: Mapping[str, str], workflow: Workflow | None = None
) -> CheckedDraft:
    """Return what `check` would say of a message with these files, and of its use by a workflow."""
    with drafted(settings, name, files) as draft:
        folder = draft.workflows / "messages" / name
        message, found = check_message(folder)
        if workflow is not None:
            programs, _ = read_programs(draft.workflows)
            program = programs.get(workflow.program)
            found = check_in_use(draft, workflow, message, found, program.postal_address if program else None)
        placed = (_placed(one, folder, files) for one in found)
        return CheckedDraft(message, tuple(_in_folder(one, draft.workflows, settings.workflows) for one in placed))


def _in_folder(one: DraftProblem, drafted: Path, folder: Path) -> DraftProblem:
    """Return the problem with the path of the file in the workflows folder, in place of that of its copy."""
    path = Path(one.problem.path)
    if not path.is_relative_to(drafted):
        return one
    return replace(one, problem=replace(one.problem, path=shown(folder / path.relative_to(drafted))))


def _placed(problem: Problem, folder: Path, files: Mapping[str, str]) -> DraftProblem:
    path = Path(problem.path)
    if path.parent.name != folder.name or path.name not in files:
        return DraftProblem("", (), problem)
    route: YamlPath = ()
    if path.name == MESSAGE:
        route = _route(files[MESSAGE], problem.line)
    return DraftProblem(path.name, route, problem)


def _route(text: str, line: int) -> YamlPath:
    """Return the path of the value that is written at a line of message.yml, or before it."""
    try:
        marks = read_yaml(MESSAGE, text).marks
    except DefinitionError:
        return ()
    before = [(place, len(route), route) for route, (place, _) in marks.items() if place <= line and route]
    return max(before, key=lambda one: one[:2])[2] if before else ()
