"""Read a definition file into a Workflow, or into a list of problems with line and column."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from compiler.errors import DefinitionError, PartnerflowError, Problem, Severity, did_you_mean
from compiler.language.goal import REMEDY as GOAL_REMEDY
from compiler.language.goal import read_goal
from compiler.language.holdout import PATTERN as HOLDOUT
from compiler.language.holdout import REMEDY as HOLDOUT_REMEDY
from compiler.language.holdout import parse_holdout
from compiler.language.missed_hours import PATTERN, REMEDY, parse_missed_hours
from compiler.language.named_segments import WHERE, NamedSegments
from compiler.language.notices import PATTERN as RECEIVER
from compiler.language.notices import REMEDY as NOTIFY_REMEDY
from compiler.language.notices import parse_receiver
from compiler.language.parse import EXAMPLES, SentenceError
from compiler.language.send_window import PATTERN as SEND_WINDOW
from compiler.language.send_window import REMEDY as SEND_WINDOW_REMEDY
from compiler.language.send_window import parse_send_window
from compiler.language.sentences import SegmentPlace, not_a_sentence, read_sentences, shown
from compiler.segment_tree import AcceptApplication, Goal, MissedHours, SendEmail, SendWindow, Workflow
from compiler.vocabulary import Vocabulary
from compiler.yaml_source import Source, YamlPath, read_yaml

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class EmailAction(BaseModel):
    """An email to send: the name of a folder of workflows/messages/."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    email: Annotated[StrictStr, Field(min_length=1, description="A folder of workflows/messages/.")]


Text = Annotated[StrictStr, Field(min_length=1)]


class Definition(BaseModel):
    """A workflow of partnerflow: which partners it contacts, and what is sent."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
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
    send_window: Annotated[StrictStr, Field(pattern=SEND_WINDOW)] | None = Field(
        None, description="When emails leave, in the program's time zone: weekdays 09:00-17:00."
    )
    goal: Text | None = Field(
        None,
        description="What partners are to do after the email: Actions greater than 0 within 14 days.",
        examples=["Actions greater than 0 within 14 days", "Revenue greater than 100 within 30 days"],
    )
    holdout: Annotated[StrictStr, Field(pattern=HOLDOUT)] | None = Field(
        None, description="The share of new members that is never written to, to measure the effect: 10 %."
    )
    notify: list[Annotated[StrictStr, Field(pattern=RECEIVER)]] | None = Field(
        None,
        description="Who gets notices of the workflow: owner, an address, webhook NAME, command NAME.",
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
    """A workflow and the file that defines it, so that later checks can report problems at their place.

    `named` has, for each named segment that its conditions refer to, the workflow with the conditions of that segment.
    """

    def __init__(self, workflow: Workflow, source: Source, place: SegmentPlace, named: Sequence[SegmentPlace] = ()):
        self.workflow, self.source, self._place = workflow, source, place
        self.named = tuple(ReadWorkflow(replace(workflow, segment=one.conditions), source, one) for one in named)

    def at(self, key: str, code: str, message: str, hint: str, severity: Severity = "error") -> Problem:
        """Return a problem at a key of the definition."""
        return self.source.problem((key,), code, message, hint, severity=severity)

    def comment_at(self, index: int) -> str:
        """Return the comment behind a condition without YAML quotes, with the blanks before `#`; empty without one."""
        return self._place.source.comments.get((*self._place.path, index), "")

    def at_condition(
        self, index: int, code: str, message: str, hint: str, severity: Severity = "error", value: str = ""
    ) -> Problem:
        """Return a problem at a condition or a value in it, in the definition or in the named segment that it uses."""
        return self._place.problem(index, code, message, hint, severity, value)


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
    place = SegmentPlace(segment, location, read_sentences(segment, location, vocabulary))
    named = NamedSegments(segments or {}, vocabulary)
    workflow = Workflow(
        id=identity,
        name=definition.name,
        description=definition.description,
        program=definition.program,
        status=definition.status,
        segment=place.conditions,
        action=SendEmail(definition.action.email)
        if isinstance(definition.action, EmailAction)
        else AcceptApplication(),
        recipients=definition.recipients,
        owner=definition.owner,
        missed_hours=parse_missed_hours(definition.missed_hours),
        segments=named.of(place, definition.segment if isinstance(definition.segment, str) else None),
        send_window=_send_window(definition.send_window, source),
        goal=_goal(definition.goal, source, vocabulary),
        holdout=parse_holdout(definition.holdout) if definition.holdout is not None else None,
        notify=tuple(map(parse_receiver, definition.notify)) if definition.notify is not None else None,
    )
    return ReadWorkflow(workflow, source, place, list(named.found.values()))


def _send_window(text: str | None, source: Source) -> SendWindow | None:
    try:
        return parse_send_window(text) if text is not None else None
    except PartnerflowError:
        message = f"{text!r} is not a valid send_window."
        problem = source.problem(("send_window",), "definition", message, SEND_WINDOW_REMEDY)
        raise DefinitionError([problem]) from None


def _goal(text: str | None, source: Source, vocabulary: Vocabulary) -> Goal | None:
    try:
        return read_goal(text, vocabulary) if text is not None else None
    except SentenceError as error:
        problem = source.problem(("goal",), "goal", error.message, error.hint, offset=error.offset)
        raise DefinitionError([problem]) from None


def _segment_of(definition: Definition, source: Source, segments: Mapping[str, Source]) -> tuple[Source, YamlPath]:
    if isinstance(definition.segment, list):
        return source, ("segment",)
    named = segments.get(definition.segment)
    if named is None:
        hint = did_you_mean(definition.segment, segments) + WHERE
        if " " in definition.segment:
            hint = "Write conditions as a list: one per line, each after a dash."
        message = f"There is no segment {definition.segment[:60]}."
        raise DefinitionError([source.problem(("segment",), "unknown-segment", message, hint)])
    return named, ()


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
    if path[0] == "notify" and len(path) > 1:
        message = f"{shown(value)} is not a valid receiver of notices."
        return source.problem(path[:2], "definition", message, NOTIFY_REMEDY)
    if path[0] == "segment" and len(path) > 1:
        return not_a_sentence(source, path[:2], value)
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
        path, "definition", f"{shown(value)} is not a valid {key}.", _REMEDIES.get(key, "See the README.")
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
    "send_window": SEND_WINDOW_REMEDY,
    "goal": GOAL_REMEDY,
    "holdout": HOLDOUT_REMEDY,
    "notify": NOTIFY_REMEDY,
}
