"""Read a definition file into a Workflow, or into a list of problems with line and column."""

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from compiler.errors import DefinitionError, Problem, Severity, did_you_mean
from compiler.language.missed_hours import PATTERN, REMEDY, parse_missed_hours
from compiler.language.parse import EXAMPLES, SentenceError, parse
from compiler.segment_tree import AcceptApplication, Condition, MissedHours, SendEmail, Workflow
from compiler.vocabulary import Vocabulary
from compiler.yaml_source import Source, YamlPath, read_yaml, yaml_text

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class EmailAction(BaseModel):
    """An email to send: the name of a folder of workflows/messages/."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[StrictStr, Field(min_length=1, description="A folder of workflows/messages/.")]


Text = Annotated[StrictStr, Field(min_length=1)]


class Definition(BaseModel):
    """A workflow of partnerflow: which partners it contacts, and what is sent."""

    model_config = ConfigDict(extra="forbid")
    id: StrictStr | None = Field(None, description="Must never change; the default is the file name.")
    name: Annotated[StrictStr, Field(min_length=1, max_length=50, description="At most 50 characters.")]
    description: StrictStr = Field("", description="For colleagues; not shown to partners.")
    program: Annotated[StrictStr, Field(min_length=1, description="The program's id, in quotes.")]
    status: Literal["draft", "active", "paused"] = Field("draft", description="Only active workflows run.")
    segment: Text | Annotated[list[StrictStr], Field(min_length=1)] = Field(
        description="Conditions, all of which must hold; or the name of a file in workflows/segments/."
    )
    action: Literal["accept application"] | EmailAction
    recipients: Literal["primary", "all"] = Field("primary", description="One contact per partner, or every contact.")
    owner: StrictStr = Field("", description="The person responsible: Ann Lee <ann@example.com>.")
    missed_hours: Annotated[StrictStr, Field(pattern=PATTERN, description="send up to 3 days late, skip or hold.")] = (
        str(MissedHours())
    )


def definition_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the JSON schema of a definition file, with which editors complete keys and conditions."""
    schema = Definition.model_json_schema()
    snippets = [
        {"label": field.label, "body": f"{field.label} {EXAMPLES[field.kind].split(', ')[0]}"}
        for field in vocabulary.fields
    ]
    (conditions,) = [one for one in schema["properties"]["segment"]["anyOf"] if one["type"] == "array"]
    conditions["items"]["defaultSnippets"] = snippets
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


class ReadWorkflow:
    """A workflow and the file that defines it, so that later checks can report problems at their place."""

    def __init__(self, workflow: Workflow, source: Source, segment: Source, path: YamlPath):
        self.workflow, self.source = workflow, source
        self._segment, self._path = segment, path

    def at(self, key: str, code: str, message: str, hint: str, severity: Severity = "error") -> Problem:
        """Return a problem at a key of the definition."""
        return self.source.problem((key,), code, message, hint, severity=severity)

    def comment_at(self, index: int) -> str:
        """Return the comment behind a condition without YAML quotes, with the blanks before `#`; empty without one."""
        return self._segment.comments.get((*self._path, index), "")

    def at_condition(
        self, index: int, code: str, message: str, hint: str, severity: Severity = "error", value: str = ""
    ) -> Problem:
        """Return a problem at a condition or a value in it, in the definition or in the named segment that it uses."""
        sentences = self._segment.value
        for step in self._path:
            sentences = sentences[step]
        offset = max(0, sentences[index].casefold().find(value.casefold()))
        path = (*self._path, index)
        return self._segment.problem(path, code, message, hint, offset=offset, severity=severity)


def read_definition(
    path: str, text: str, vocabulary: Vocabulary, segments: Mapping[str, Source] | None = None
) -> ReadWorkflow:
    """Return the workflow that a file defines. `segments` are the named segments by name.

    The file name is the id unless the file has `id:`. Raises DefinitionError with every problem of the file.
    """
    source = read_yaml(path, text)
    if not isinstance(source.value, dict):
        hint = "Start with name:, program:, segment: and action:."
        raise DefinitionError([source.problem((), "definition", "This file does not define a workflow.", hint)])
    try:
        definition = Definition.model_validate(source.value)
    except ValidationError as error:
        raise DefinitionError([_invalid(source, detail) for detail in _distinct(error)]) from None
    identity = definition.id if definition.id is not None else PurePath(path).stem
    if not ID.fullmatch(identity):
        hint = "Use at most 100 letters, digits, dots, dashes and underscores, starting with a letter or digit."
        raise DefinitionError([source.problem(("id",), "definition", f"{identity!r} is not a valid id.", hint)])
    segment, location = _segment_of(definition, source, segments or {})
    workflow = Workflow(
        id=identity,
        name=definition.name,
        description=definition.description,
        program=definition.program,
        status=definition.status,
        segment=read_segment(segment, location, vocabulary),
        action=SendEmail(definition.action.email)
        if isinstance(definition.action, EmailAction)
        else AcceptApplication(),
        recipients=definition.recipients,
        owner=definition.owner,
        missed_hours=parse_missed_hours(definition.missed_hours),
    )
    return ReadWorkflow(workflow, source, segment, location)


def read_segment(source: Source, path: YamlPath, vocabulary: Vocabulary) -> tuple[Condition, ...]:
    """Return the conditions of the list at `path`. Raises DefinitionError with every sentence that is not valid."""
    sentences = source.value
    for step in path:
        sentences = sentences[step]
    conditions, problems = [], []
    for index, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            problems.append(_not_a_sentence(source, (*path, index), sentence))
            continue
        try:
            conditions.append(parse(sentence, vocabulary))
        except SentenceError as error:
            place = (*path, index)
            problems.append(source.problem(place, "condition", error.message, error.hint, offset=error.offset))
    if problems:
        raise DefinitionError(problems)
    return tuple(conditions)


def _segment_of(definition: Definition, source: Source, segments: Mapping[str, Source]) -> tuple[Source, YamlPath]:
    if isinstance(definition.segment, list):
        return source, ("segment",)
    named = segments.get(definition.segment)
    if named is None:
        hint = did_you_mean(definition.segment, segments) + "A named segment is a file in workflows/segments/."
        if " " in definition.segment:
            hint = "Write conditions as a list: one per line, each after a dash."
        message = f"There is no segment {definition.segment[:60]}."
        raise DefinitionError([source.problem(("segment",), "unknown-segment", message, hint)])
    sentences = named.value
    if not (isinstance(sentences, list) and sentences):
        hint = "Write one condition per line, each after a dash."
        raise DefinitionError([named.problem((), "definition", "A segment is a list of conditions.", hint)])
    return named, ()


def _not_a_sentence(source: Source, path: YamlPath, value: Any) -> Problem:
    """Return the problem of an item of a segment that YAML does not read as text."""
    if isinstance(value, dict) and any(isinstance(rest, list | dict) for rest in value.values()):
        hint = "Write one condition per line, and one workflow for each alternative."
        return source.problem(path, "definition", "All conditions of a segment must hold; it has no groups.", hint)
    if isinstance(value, dict) and len(value) == 1:
        ((key, rest),) = value.items()
        written = f"{key}: {rest}" if isinstance(rest, str | int | float) else f"{key}:"
        message = "YAML reads this condition as a key and a value, because of the colon in it."
        hint = f"Put the whole condition in quotes: {yaml_text(written, quoted=True)}."
        return source.problem((*path, key), "definition", message, hint)
    hint = "A condition is text, such as Relationship Stage is any of Joined; put it in quotes if it has : or #."
    return source.problem(path, "definition", f"{_shown(value)} is not a valid condition.", hint)


def _distinct(error: ValidationError) -> list[Any]:
    """Return one error per place; pydantic reports each alternative of a union."""
    by_place: dict[YamlPath, Any] = {}
    for detail in error.errors(include_url=False):
        key, *steps = detail["loc"]
        place = (key, *steps[1:]) if key in ("segment", "action") else (key, *steps)  # steps[0] names the alternative
        by_place.setdefault(place, detail | {"loc": place})
    return [detail for place, detail in by_place.items() if not any(_is_inside(other, place) for other in by_place)]


def _is_inside(place: YamlPath, other: YamlPath) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _invalid(source: Source, detail: Any) -> Problem:
    path, kind, value = detail["loc"], detail["type"], detail["input"]
    key = ".".join(str(step) for step in path)
    if path[0] == "segment" and len(path) > 1:
        return _not_a_sentence(source, path[:2], value)
    if kind == "extra_forbidden":
        keys = list((EmailAction if path[0] == "action" else Definition).model_fields)
        hint = did_you_mean(str(path[-1]), keys) + f"The keys are {', '.join(keys)}."
        return source.problem(path, "definition", f"There is no key {path[-1]}.", hint)
    if kind == "missing":
        return source.problem(path, "definition", f"The key {key} is missing.", f"Add {key}: with a value.")
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        written = source.problem(path, "", "", "").source.split(":")[-1].strip(" -") or str(value)
        message = f"{key} is text, but YAML reads {written} as a number."
        return source.problem(path, "definition", message, f'Put it in quotes: "{written}".')
    if key == "name" and kind == "string_too_long":
        message = f"The name has {len(value)} characters."
        return source.problem(path, "name-length", message, "A workflow name has at most 50 characters.")
    return source.problem(
        path, "definition", f"{_shown(value)} is not a valid {key}.", _REMEDIES.get(key, "See the README.")
    )


_REMEDIES = {
    "name": "A workflow name is text of 1 to 50 characters.",
    "program": 'A program is its id in quotes, for example "1000".',
    "status": "A status is draft, active or paused.",
    "segment": "A segment is a list of at least one condition, or the name of a file in workflows/segments/.",
    "action": "An action is `email: MESSAGE` (a folder of workflows/messages/) or `accept application`.",
    "action.email": "Name a folder of workflows/messages/.",
    "recipients": "Recipients are primary (one contact per partner) or all.",
    "owner": "An owner is a name, an address, or both: Ann Lee <ann@example.com>.",
    "missed_hours": REMEDY,
}


def _shown(value: Any) -> str:
    return "empty" if value in (None, "", [], {}) else repr(value)[:60]
