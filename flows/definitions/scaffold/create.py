"""Create workflows as drafts, from a template or from scratch. All files are checked before the first is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import yaml

from compiler import DefinitionError, PartnerflowError, Problem, check, project_vocabulary, read_definition, read_yaml
from compiler.language.definition import ID
from flows.definitions.loader import message_ids, read_definitions, read_segments, workflow_ids
from flows.definitions.scaffold.drafts import refuse_existing, write_drafts
from flows.definitions.scaffold.programs import require_program
from flows.definitions.scaffold.templates import LAYOUT, STARTER, layout, template
from flows.settings import Settings


@dataclass(frozen=True)
class ScaffoldResult:
    """What was created: the ids of the drafts, all files, the warnings of `check`, and notes of the template."""

    workflows: tuple[str, ...]
    files: tuple[Path, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the JSON of `partnerflow new`."""
        return {
            "workflows": list(self.workflows),
            "files": [str(file) for file in self.files],
            "warnings": [problem.as_json() for problem in self.warnings],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class WorkflowRequest:
    """What the user wants in a new workflow.

    `conditions` are sentences; with `segment` they are saved as a new segment of that name, without conditions
    `segment` is an existing one. `message` is an existing message, or the name of a new one; None accepts applications.
    """

    name: str
    program: str
    message: str | None
    conditions: tuple[str, ...] = ()
    segment: str | None = None
    description: str = ""
    id: str | None = None


@dataclass(frozen=True)
class ScaffoldPlan:
    """Drafts that can be written: their texts by path within the workflows folder, the warnings of `check`, notes."""

    files: Mapping[str, str]
    warnings: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    @property
    def workflows(self) -> tuple[str, ...]:
        """The ids of the drafts."""
        return tuple(_definitions(self.files))


def from_template(
    settings: Settings, template_id: str, program: str, filled: Mapping[str, str], prefix: str = ""
) -> ScaffoldResult:
    """Write the workflows and messages of a template as drafts of a program.

    Raises PartnerflowError, with nothing written, when the template does not exist or does not suit the program's type,
    a file exists already, or the prefix is not valid.
    """
    return _write(settings, plan_template(settings, template_id, program, filled, prefix))


def plan_template(
    settings: Settings, template_id: str, program: str, filled: Mapping[str, str], prefix: str = ""
) -> ScaffoldPlan:
    """Return what `from_template` would write. Raises PartnerflowError where it would refuse."""
    chosen = template(template_id)
    unknown = filled.keys() - set(chosen.placeholders)
    if unknown:
        raise PartnerflowError(f"The template {template_id} does not use {' or '.join(sorted(unknown))}. Leave it out.")
    if prefix and not ID.fullmatch(prefix):
        raise PartnerflowError(f"{prefix!r} is not a valid prefix. Use letters, digits, dots, dashes and underscores.")
    require_program(settings, program, chosen.about.program_types)
    return plan_files(settings, chosen.files(program, filled, prefix), chosen.about.notes)


def from_scratch(settings: Settings, request: WorkflowRequest) -> ScaffoldResult:
    """Write one workflow as a draft, with its segment and message if they are new.

    Raises PartnerflowError (as DefinitionError, with every problem) with nothing written.
    """
    return _write(settings, plan_scratch(settings, request))


def plan_scratch(settings: Settings, request: WorkflowRequest) -> ScaffoldPlan:
    """Return what `from_scratch` would write. Raises PartnerflowError where it would refuse."""
    require_program(settings, request.program)
    return plan_files(settings, _files(settings, request), ())


def require_id(name: str) -> None:
    """Raise PartnerflowError when a name cannot be an id, and thus not a part of a path."""
    if not ID.fullmatch(name):
        hint = "Use letters, digits, dots, dashes and underscores, at most 100, a letter or digit first."
        raise PartnerflowError(f"{name!r} is not a valid id. {hint}")


def slug(name: str) -> str:
    """Return an id made of a name.

    >>> slug("First sale: 30 days!")
    'first-sale-30-days'
    """
    letters = "".join(one.lower() if one.isascii() and one.isalnum() else " " for one in name)
    return "-".join(letters.split())[:100] or "workflow"


def _files(settings: Settings, request: WorkflowRequest) -> dict[str, str]:
    identity = request.id or slug(request.name)
    message = identity if request.message is None else request.message
    for name in (identity, message, request.segment or identity):
        require_id(name)
    definition = {
        "name": request.name,
        "description": request.description,
        "program": request.program,
        "status": "draft",
        "segment": request.segment or list(request.conditions),
        "action": "accept application" if request.message is None else {"email": request.message},
    }
    files = {f"{identity}.yml": _yaml({key: value for key, value in definition.items() if value != ""})}
    if request.segment and request.conditions:
        files[f"segments/{request.segment}.yml"] = _yaml(list(request.conditions))
    if request.message is not None and request.message not in message_ids(settings.workflows):
        files[f"messages/{request.message}/message.yml"] = _yaml({"subject": request.name})
        files[f"messages/{request.message}/body.mjml"] = STARTER
    return files


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=1_000)


def plan_files(settings: Settings, files: Mapping[str, str], notes: tuple[str, ...]) -> ScaffoldPlan:
    """Return new files as drafts, given as texts by path within the workflows folder, with the layout if it is missing.

    Raises PartnerflowError if one exists, an id is taken, or a definition has an error of `check`.
    """
    if any(name.startswith("messages/") for name in files) and not (settings.workflows / LAYOUT).exists():
        files = {**files, LAYOUT: layout()}
    refuse_existing(settings.workflows, list(files))
    _refuse_ids(settings, files)
    problems = _check(settings, files)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise DefinitionError(errors)
    return ScaffoldPlan(files, tuple(problems), notes)


def _write(settings: Settings, plan: ScaffoldPlan) -> ScaffoldResult:
    written = write_drafts(settings.workflows, plan.files)
    return ScaffoldResult(plan.workflows, tuple(written), plan.warnings, plan.notes)


def _refuse_ids(settings: Settings, files: Mapping[str, str]) -> None:
    """Raise PartnerflowError when an id belongs to a workflow in a file of another name."""
    existing = read_definitions(settings)
    taken = {*existing.broken, *(workflow.id for workflow in existing.workflows)} & _definitions(files).keys()
    if taken:
        raise PartnerflowError(
            f"Already used as an id: {', '.join(sorted(taken))}. Choose another with --prefix or --id."
        )


def _definitions(files: Mapping[str, str]) -> dict[str, str]:
    return {PurePath(name).stem: text for name, text in files.items() if "/" not in name}


def _check(settings: Settings, files: Mapping[str, str]) -> list[Problem]:
    """Return the problems of the new definitions, given the segments and messages that come with them."""
    from flows.warehouse.catalog import open_catalog  # imports duckdb, which light commands do without

    vocabulary = project_vocabulary()
    segments, _ = read_segments(settings.workflows)
    parts = {name: PurePath(name) for name in files}
    segments |= {path.stem: read_yaml(name, files[name]) for name, path in parts.items() if path.parts[0] == "segments"}
    messages = {path.parts[1] for path in parts.values() if path.parts[0] == "messages" and len(path.parts) > 2}
    reads = [read_definition(f"{name}.yml", text, vocabulary, segments) for name, text in _definitions(files).items()]
    ids = workflow_ids(settings.workflows) | {read.workflow.id for read in reads}
    found = check(
        reads, vocabulary, [*message_ids(settings.workflows), *messages], open_catalog(settings.published), ids
    )
    return sorted(problem for problems in found.values() for problem in problems)
