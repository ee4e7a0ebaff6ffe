"""The user's own folder of definitions, read and checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from compiler import (
    Compiler,
    DefinitionError,
    PartnerflowError,
    Problem,
    ReadWorkflow,
    Source,
    Workflow,
    check,
    project_vocabulary,
    read_definition,
    read_yaml,
)
from compiler.rules import Facts
from flows.settings import Settings


@dataclass(frozen=True)
class Definitions:
    """What a folder of definitions holds.

    `workflows` are those without an error, sorted by id; `problems` all that was found; `broken` the ids (file names)
    of the others with their first error.
    """

    workflows: tuple[Workflow, ...]
    problems: tuple[Problem, ...]
    broken: dict[str, str]
    compiler: Compiler

    @property
    def active(self) -> tuple[Workflow, ...]:
        """The workflows that run."""
        return tuple(workflow for workflow in self.workflows if workflow.status == "active")

    def __getitem__(self, workflow_id: str) -> Workflow:
        for workflow in self.workflows:
            if workflow.id == workflow_id:
                return workflow
        if workflow_id in self.broken:
            raise PartnerflowError(self.broken[workflow_id])
        known = ", ".join(workflow.id for workflow in self.workflows) or "none yet"
        raise PartnerflowError(f"There is no workflow {workflow_id}. The workflows are: {known}.")


def read_definitions(settings: Settings, paths: Iterable[Path] = (), facts: Facts | None = None) -> Definitions:
    """The definitions of the workflows folder, or of the files and folders named.

    With `facts`, programs, groups and terms are compared with those of the account. Raises PartnerflowError when a path
    does not exist.
    """
    vocabulary = project_vocabulary()
    segments, problems = _read_segments(settings.workflows)
    reads: list[ReadWorkflow] = []
    broken: dict[str, str] = {}
    for file in _files(list(paths) or [settings.workflows]):
        try:
            reads.append(read_definition(_shown(file), _text(file), vocabulary, segments))
        except DefinitionError as error:
            broken[file.stem] = str(error)
            problems += error.problems
    for workflow_id, found in check(reads, vocabulary, message_ids(settings.workflows), facts).items():
        problems += found
        errors = [str(problem) for problem in found if problem.severity == "error"]
        broken |= {workflow_id: "\n".join(errors)} if errors else {}
    sound = sorted((read.workflow for read in reads if read.workflow.id not in broken), key=lambda one: one.id)
    compiler = Compiler(vocabulary, settings.last_n_days_include_today)
    return Definitions(tuple(sound), tuple(sorted(set(problems))), broken, compiler)


def message_ids(folder: Path) -> list[str]:
    """The ids of the messages of a workflows folder."""
    return sorted(path.name for path in (folder / "messages").glob("*") if path.is_dir())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        problem = Problem(_shown(file), line, 1, "yaml", "error", "This is not UTF-8 text.", "Save the file as UTF-8.")
        raise DefinitionError([problem]) from None


def _read_segments(folder: Path) -> tuple[dict[str, Source], list[Problem]]:
    sources: dict[str, Source] = {}
    problems: list[Problem] = []
    for file in sorted((folder / "segments").glob("*.y*ml")):
        try:
            sources[file.stem] = read_yaml(_shown(file), _text(file))
        except DefinitionError as error:
            problems += error.problems
    return sources, problems


def _files(paths: list[Path]) -> list[Path]:
    missing = [path for path in paths if not path.exists()]
    if missing:
        hint = "Name a definition file or a folder of them; PARTNERFLOW_WORKFLOWS says where the workflows are."
        raise PartnerflowError(f"There is no {missing[0]}. {hint}")
    files: list[Path] = []
    for path in paths:
        files += sorted([*path.glob("*.yml"), *path.glob("*.yaml")]) if path.is_dir() else [path]
    return files


def _shown(file: Path) -> str:
    """The path as a person in this folder would type it."""
    absolute = file.absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute)
