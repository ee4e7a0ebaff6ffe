"""The sentences of a segment: a list in a definition, or a file in workflows/segments/."""

from dataclasses import dataclass
from typing import Any

from compiler.errors import DefinitionError, Problem, Severity
from compiler.language.parse import SentenceError, parse
from compiler.segment_tree import Condition
from compiler.vocabulary import Vocabulary
from compiler.yaml_source import Source, YamlPath, yaml_text


@dataclass(frozen=True)
class SegmentPlace:
    """The conditions of a segment, and where they are written: the list at `path` of a file."""

    source: Source
    path: YamlPath
    conditions: tuple[Condition, ...]

    def problem(
        self, index: int, code: str, message: str, hint: str, severity: Severity = "error", value: str = ""
    ) -> Problem:
        """Return a problem at a condition, or at a value in it."""
        sentence = _at(self.source, self.path)[index]
        offset = max(0, sentence.casefold().find(value.casefold()))
        return self.source.problem((*self.path, index), code, message, hint, offset=offset, severity=severity)


def read_sentences(source: Source, path: YamlPath, vocabulary: Vocabulary) -> tuple[Condition, ...]:
    """Return the conditions of the list at `path`. Raises DefinitionError with every sentence that is not valid."""
    sentences = _at(source, path)
    if not (isinstance(sentences, list) and sentences):
        hint = "Write one condition per line, each after a dash."
        raise DefinitionError([source.problem(path, "definition", "A segment is a list of conditions.", hint)])
    conditions, problems = [], []
    for index, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            problems.append(not_a_sentence(source, (*path, index), sentence))
            continue
        try:
            conditions.append(parse(sentence, vocabulary))
        except SentenceError as error:
            place = (*path, index)
            problems.append(source.problem(place, "condition", error.message, error.hint, offset=error.offset))
    if problems:
        raise DefinitionError(problems)
    return tuple(conditions)


def not_a_sentence(source: Source, path: YamlPath, value: Any) -> Problem:
    """Return the problem of an item of a segment that YAML does not read as text."""
    if isinstance(value, dict) and any(isinstance(rest, list | dict) for rest in value.values()):
        hint = "Write one condition per line; alternatives are named segments, as in Segment is any of A, B."
        return source.problem(path, "definition", "All conditions of a segment must hold; it has no groups.", hint)
    if isinstance(value, dict) and len(value) == 1:
        ((key, rest),) = value.items()
        written = f"{key}: {rest}" if isinstance(rest, str | int | float) else f"{key}:"
        message = "YAML reads this condition as a key and a value, because of the colon in it."
        hint = f"Put the whole condition in quotes: {yaml_text(written, quoted=True)}."
        return source.problem((*path, key), "definition", message, hint)
    hint = "A condition is text, such as Relationship Stage is any of Joined; put it in quotes if it has : or #."
    return source.problem(path, "definition", f"{shown(value)} is not a valid condition.", hint)


def shown(value: Any) -> str:
    """Return a value of a definition as it is shown in a problem."""
    return "empty" if value in (None, "", [], {}) else repr(value)[:60]


def _at(source: Source, path: YamlPath) -> Any:
    found = source.value
    for step in path:
        found = found[step]
    return found
