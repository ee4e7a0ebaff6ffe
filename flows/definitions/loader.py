"""Read and check the definitions of a workflows folder."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from compiler import (
    CONTACT_POLICY,
    NOTICES,
    ContactPolicy,
    DefinitionError,
    NoticePolicy,
    PartnerflowError,
    Problem,
    ReadWorkflow,
    SendEmail,
    Source,
    Vocabulary,
    Workflow,
    check,
    project_vocabulary,
    read_contact_policy,
    read_definition,
    read_notices,
    read_yaml,
)
from compiler.lint.rules import AccountCatalog
from flows.definitions.program_settings import FILE as PROGRAM_SETTINGS
from flows.definitions.program_settings import ProgramSettings, read_program_settings
from flows.settings import Settings

if TYPE_CHECKING:
    from compiler import Compiler


@dataclass(frozen=True)
class Definitions:
    """The definitions of a folder.

    `workflows` are those without errors, sorted by id; `problems` are all problems found; `broken` maps the ids (file
    names) of all other workflows to their errors. `files` has the path of each workflow's file as it is shown, by id.
    `policy` is the contact policy of the folder, and `programs` the settings of programs by id; while one of their
    files is not valid, all email workflows are broken. `measured` are the workflows with a goal that are not drafts,
    also those that a run holds. `notices` says who gets notices; while its file is not valid, nobody does.
    """

    workflows: tuple[Workflow, ...]
    problems: tuple[Problem, ...]
    broken: dict[str, str]
    vocabulary: Vocabulary
    files: Mapping[str, str] = field(default_factory=dict)
    policy: ContactPolicy = field(default_factory=ContactPolicy)
    measured: tuple[Workflow, ...] = ()
    programs: Mapping[str, ProgramSettings] = field(default_factory=dict)
    notices: NoticePolicy = field(default_factory=NoticePolicy)
    last_n_days_include_today: bool = False

    def postal_address(self, program_id: str) -> str | None:
        """Return the postal address that the emails of a program show, if programs.yml has it."""
        program = self.programs.get(program_id)
        return program.postal_address if program else None

    @cached_property
    def compiler(self) -> "Compiler":
        """Return the compiler of these workflows."""
        from compiler import Compiler  # slow to import, and not every command writes SQL

        return Compiler(self.vocabulary, self.last_n_days_include_today)

    @property
    def active(self) -> tuple[Workflow, ...]:
        """The workflows of status active."""
        return tuple(workflow for workflow in self.workflows if workflow.status == "active")

    def without(self, held: Collection[str]) -> "Definitions":
        """Return the definitions without the workflows with these ids."""
        return replace(self, workflows=tuple(workflow for workflow in self.workflows if workflow.id not in held))

    def only(self, chosen: Collection[str]) -> "Definitions":
        """Return the definitions of the workflows with these ids, without the broken ones."""
        kept = tuple(workflow for workflow in self.workflows if workflow.id in chosen)
        return replace(self, workflows=kept, broken={})

    def __getitem__(self, workflow_id: str) -> Workflow:
        for workflow in self.workflows:
            if workflow.id == workflow_id:
                return workflow
        if workflow_id in self.broken:
            raise PartnerflowError(self.broken[workflow_id])
        known = ", ".join(workflow.id for workflow in self.workflows) or "none yet"
        raise PartnerflowError(f"There is no workflow {workflow_id}. The workflows are: {known}.")


def read_definitions(
    settings: Settings,
    paths: Iterable[Path] = (),
    catalog: AccountCatalog | None = None,
    texts: Mapping[Path, str] | None = None,
    vocabulary: Vocabulary | None = None,
) -> Definitions:
    """Return the definitions of the workflows folder, or of the given files and folders.

    With `catalog`, programs, groups and terms are checked against those of the account. `texts` has, by absolute path,
    the texts of definition files and saved segments to read in place of what is on disk. `vocabulary` is that of the
    project, if it has been read.
    Raises PartnerflowError when a path does not exist.
    """
    vocabulary = vocabulary or project_vocabulary(loader=settings.loader)
    given = texts or {}
    segments, problems = read_segments(settings.workflows, given)
    reads: list[ReadWorkflow] = []
    found: dict[str, list[Problem]] = {}
    for file in _files(list(paths) or [settings.workflows]):
        try:
            text = _text(file, given)
            reads.append(read_definition(shown(file), text, vocabulary, segments))
        except DefinitionError as error:
            found.setdefault(file.stem, []).extend(error.problems)
    for workflow_id, more in check(
        reads, vocabulary, message_ids(settings.workflows), catalog, workflow_ids(settings.workflows)
    ).items():
        found.setdefault(workflow_id, []).extend(more)
    found = _naming_users(found)
    errors = {name: [str(one) for one in some if one.severity == "error"] for name, some in found.items()}
    broken = {workflow_id: "\n".join(texts) for workflow_id, texts in errors.items() if texts}
    problems += [problem for some in found.values() for problem in some]
    policy, more = _read_policy(settings.workflows)
    programs, wrong = read_programs(settings.workflows)
    more += wrong
    problems += more
    if more:
        text = "\n".join(map(str, more))
        emails = [read.workflow.id for read in reads if isinstance(read.workflow.action, SendEmail)]
        broken = dict.fromkeys(emails, text) | broken
    sound = sorted((read.workflow for read in reads if read.workflow.id not in broken), key=lambda one: one.id)
    files = {read.workflow.id: read.source.path for read in reads}
    notices, more = _read_notices(settings.workflows)
    problems += more
    measured = tuple(one for one in sound if one.goal is not None and one.status != "draft")
    found_problems = tuple(sorted(set(problems)))
    return Definitions(
        tuple(sound), found_problems, broken, vocabulary, files, policy, measured, programs, notices,
        settings.last_n_days_include_today,
    )  # fmt: skip


def _read_policy(folder: Path) -> tuple[ContactPolicy, list[Problem]]:
    """Return the contact policy of a workflows folder and its problems; without a file nothing is limited."""
    file = folder / CONTACT_POLICY
    if not file.exists():
        return ContactPolicy(), []
    try:
        return read_policy(file, folder), []
    except DefinitionError as error:
        return ContactPolicy(), error.problems


def read_policy(file: Path, folder: Path) -> ContactPolicy:
    """Return the contact policy of a file, for the workflows of a folder.

    Raises DefinitionError with every problem of the file, and PartnerflowError when there is none.
    """
    if not file.is_file():
        raise PartnerflowError(f"There is no file {file}. Name a contact policy, or `none`.")
    return read_contact_policy(shown(file), _text(file), frozenset(workflow_ids(folder)))


def _read_notices(folder: Path) -> tuple[NoticePolicy, list[Problem]]:
    """Return who gets notices, by the file of a workflows folder, and its problems; without a file nobody does."""
    file = folder / NOTICES
    if not file.exists():
        return NoticePolicy(), []
    try:
        return read_notices(shown(file), _text(file)), []
    except DefinitionError as error:
        return NoticePolicy(), error.problems


def _naming_users(problems: dict[str, list[Problem]]) -> dict[str, list[Problem]]:
    """Return the problems, where one about an unknown segment or message names all workflows that use it."""
    users: dict[tuple[str, str], list[str]] = {}
    for workflow_id, found in problems.items():
        for one in found:
            if one.code in ("unknown-segment", "unknown-message"):
                users.setdefault((one.code, one.message), []).append(workflow_id)

    def named(one: Problem) -> Problem:
        names = sorted(users.get((one.code, one.message), ()))
        if len(names) < 2:
            return one
        return replace(one, message=f"{one.message.removesuffix('.')}, which {', '.join(names)} use.")

    return {workflow_id: [named(one) for one in found] for workflow_id, found in problems.items()}


def message_ids(folder: Path) -> list[str]:
    """Return the ids of the messages of a workflows folder, sorted."""
    return sorted(path.name for path in (folder / "messages").glob("*") if path.is_dir())


def workflow_ids(folder: Path) -> set[str]:
    """Return the ids of the definitions of a workflows folder, whether or not they are valid."""
    found = set()
    for file in workflow_files(folder):
        try:
            given = re.search(r"^id: *[\"']?([\w.-]+)", _text(file), re.MULTILINE)
        except DefinitionError:
            given = None
        found.add(given[1] if given else file.stem)
    return found


def _text(file: Path, given: Mapping[Path, str] | None = None) -> str:
    if given and file.absolute() in given:
        return given[file.absolute()]
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DefinitionError([not_utf8(file, error)]) from None
    except OSError as error:
        message = f"This file cannot be read: {error.strerror}."
        hint = "Correct its permissions, or move it away if it is not a definition."
        raise DefinitionError([Problem(shown(file), 1, 1, "yaml", "error", message, hint)]) from None


def not_utf8(file: Path, error: UnicodeDecodeError) -> Problem:
    """Return the problem of a file that is not UTF-8 text, at its first wrong byte."""
    before = error.object[: error.start].decode()
    line = before.rpartition("\n")[2]
    rest = error.object[error.start :].splitlines()[0].decode(errors="replace")
    hint = (
        f"Save the file as UTF-8; the first wrong byte is 0x{error.object[error.start]:02X}. "
        "Text of Windows is converted by `iconv -f WINDOWS-1252 -t UTF-8`."
    )
    place = before.count("\n") + 1, len(line) + 1
    return Problem(shown(file), *place, "yaml", "error", "This is not UTF-8 text.", hint, line + rest)


def read_segments(folder: Path, texts: Mapping[Path, str] | None = None) -> tuple[dict[str, Source], list[Problem]]:
    """Return the segments of a workflows folder by name, and the problems of those that cannot be read.

    `texts` has, by absolute path, texts to read in place of what is on disk, also of files that do not exist.
    """
    sources: dict[str, Source] = {}
    problems: list[Problem] = []
    given = {file for file in texts or {} if file.parent == (folder / "segments").absolute()}
    known = {file.absolute(): file for file in (folder / "segments").glob("*.y*ml")}
    for file in sorted([*known.values(), *(given - known.keys())]):
        try:
            sources[file.stem] = read_yaml(shown(file), _text(file, texts))
        except DefinitionError as error:
            problems += error.problems
    return sources, problems


def read_programs(folder: Path) -> tuple[Mapping[str, ProgramSettings], list[Problem]]:
    """Return the settings of programs of a workflows folder, and the problems of their file."""
    file = folder / PROGRAM_SETTINGS
    if not file.exists():
        return {}, []
    try:
        return read_program_settings(shown(file), _text(file)), []
    except DefinitionError as error:
        return {}, error.problems


def workflow_files(folder: Path) -> list[Path]:
    """Return the files of a workflows folder that define workflows, or should."""
    return _files([folder]) if folder.exists() else []


def _files(paths: list[Path]) -> list[Path]:
    missing = [path for path in paths if not path.exists()]
    if missing:
        hint = "Name a definition file or a folder of them; PARTNERFLOW_WORKFLOWS is the folder of the workflows."
        raise PartnerflowError(f"There is no {missing[0]}. {hint}")
    files: list[Path] = []
    for path in paths:
        files += sorted([*path.glob("*.yml"), *path.glob("*.yaml")]) if path.is_dir() else [path]
    return [file for file in files if file.name not in (CONTACT_POLICY, NOTICES, PROGRAM_SETTINGS)]


def shown(file: Path) -> str:
    """Return the path relative to the current folder, if it is inside."""
    absolute = file.absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute)
