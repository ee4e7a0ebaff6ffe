"""New workflows as drafts: from a template, or from scratch. Checked whole before the first file is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import yaml

from compiler import DefinitionError, PartnerflowError, Problem, check, project_vocabulary, read_definition, read_yaml
from compiler.language.definition import ID
from flows.definitions.loader import message_ids, read_definitions, read_segments
from flows.definitions.scaffold.drafts import refuse_existing, write_drafts
from flows.definitions.scaffold.programs import require_program
from flows.definitions.scaffold.templates import template
from flows.settings import Settings
from flows.warehouse.catalog import open_catalog


@dataclass(frozen=True)
class ScaffoldResult:
    """What has been written: the ids of the drafts, all files, what `check` warns of, and what to mind."""

    workflows: tuple[str, ...]
    files: tuple[Path, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict:
        """The drafts as the command line answers with them."""
        return {
            "workflows": list(self.workflows),
            "files": [str(file) for file in self.files],
            "warnings": [problem.as_json() for problem in self.warnings],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class WorkflowRequest:
    """A workflow from scratch, as a person asks for it.

    `conditions` are sentences. With a `segment` they are saved under that name for re-use; without conditions the named
    segment is one that exists. `message` is one that exists, or the name of a new one.
    """

    name: str
    program: str
    message: str
    conditions: tuple[str, ...] = ()
    segment: str | None = None
    description: str = ""
    id: str | None = None


def from_template(
    settings: Settings, template_id: str, program: str, filled: Mapping[str, str], prefix: str = ""
) -> ScaffoldResult:
    """Write a template's workflows and messages as drafts of a program.

    Raises PartnerflowError when the template does not exist or is not for this kind of program, a file is there
    already, or the prefix makes no ids; then nothing has been written.
    """
    chosen = template(template_id)
    unknown = filled.keys() - set(chosen.placeholders)
    if unknown:
        raise PartnerflowError(f"The template {template_id} asks for no {' or '.join(sorted(unknown))}. Leave it out.")
    if prefix and not ID.fullmatch(prefix):
        raise PartnerflowError(f"{prefix!r} cannot begin an id. Use letters, digits, dots, dashes and underscores.")
    require_program(settings, program, chosen.about.program_types)
    files = chosen.files(program, filled, prefix)
    return _write(settings, files, chosen.about.notes)


def from_scratch(settings: Settings, wish: WorkflowRequest) -> ScaffoldResult:
    """Write one workflow as a draft, with its named segment and its message where these are new.

    Raises PartnerflowError, DefinitionError with every problem among them; then nothing has been written.
    """
    require_program(settings, wish.program)
    return _write(settings, _files(settings, wish), ())


def slug(name: str) -> str:
    """An id from a name.

    >>> slug("First sale: 30 days!")
    'first-sale-30-days'
    """
    letters = "".join(one.lower() if one.isascii() and one.isalnum() else " " for one in name)
    return "-".join(letters.split())[:100] or "workflow"


def _files(settings: Settings, wish: WorkflowRequest) -> dict[str, str]:
    identity = wish.id or slug(wish.name)
    for name in (identity, wish.message, wish.segment or identity):
        if not ID.fullmatch(name):
            hint = "Use letters, digits, dots, dashes and underscores, at most 100, a letter or digit first."
            raise PartnerflowError(f"{name!r} is not a valid id. {hint}")
    definition = {
        "name": wish.name,
        "description": wish.description,
        "program": wish.program,
        "status": "draft",
        "segment": wish.segment or list(wish.conditions),
        "action": {"email": wish.message},
    }
    files = {f"{identity}.yml": _yaml({key: value for key, value in definition.items() if value != ""})}
    if wish.segment and wish.conditions:
        files[f"segments/{wish.segment}.yml"] = _yaml(list(wish.conditions))
    if wish.message not in message_ids(settings.workflows):
        files[f"messages/{wish.message}/message.yml"] = _yaml({"subject": wish.name})
        files[f"messages/{wish.message}/body.txt"] = STARTER
    return files


STARTER = """Hi {{ contact.first_name | default: partner.name }},

Write what you have to say here.

Kind regards,
The {{ program.name }} team

To hear no more from us: {{ unsubscribe_link }}
"""
"""The text of a new message, to be replaced."""


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=1_000)


def _write(settings: Settings, files: Mapping[str, str], notes: tuple[str, ...]) -> ScaffoldResult:
    refuse_existing(settings.workflows, list(files))
    _refuse_ids(settings, files)
    problems = _check(settings, files)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise DefinitionError(errors)
    written = write_drafts(settings.workflows, files)
    return ScaffoldResult(tuple(_definitions(files)), tuple(written), tuple(problems), notes)


def _refuse_ids(settings: Settings, files: Mapping[str, str]) -> None:
    """Raise PartnerflowError when an id is that of a workflow in a file of another name."""
    existing = read_definitions(settings)
    taken = {*existing.broken, *(workflow.id for workflow in existing.workflows)} & _definitions(files).keys()
    if taken:
        raise PartnerflowError(f"The id {', '.join(sorted(taken))} is taken. Choose another with --prefix or --id.")


def _definitions(files: Mapping[str, str]) -> dict[str, str]:
    return {PurePath(name).stem: text for name, text in files.items() if "/" not in name}


def _check(settings: Settings, files: Mapping[str, str]) -> list[Problem]:
    """What `check` will say of the new definitions, with the segments and messages that come with them."""
    vocabulary = project_vocabulary()
    segments, _ = read_segments(settings.workflows)
    parts = {name: PurePath(name) for name in files}
    segments |= {path.stem: read_yaml(name, files[name]) for name, path in parts.items() if path.parts[0] == "segments"}
    messages = {path.parts[1] for path in parts.values() if path.parts[0] == "messages"}
    reads = [read_definition(f"{name}.yml", text, vocabulary, segments) for name, text in _definitions(files).items()]
    found = check(reads, vocabulary, [*message_ids(settings.workflows), *messages], open_catalog(settings.published))
    return sorted(problem for problems in found.values() for problem in problems)
