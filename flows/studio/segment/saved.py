"""Saved segments: the workflows that use one, and their members before and after a change of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlglot import exp

from compiler import Compiler, DefinitionError, SentenceError, Source, Vocabulary, Workflow, parse, read_yaml
from compiler.segment_tree import AnyOf, NoneOf
from flows.definitions.loader import read_definitions, read_segments, shown, workflow_files
from flows.settings import Settings
from flows.studio.files import read_text
from flows.studio.segment.facts import Facts
from flows.studio.studio import Known


@dataclass(frozen=True)
class User:
    """A workflow that uses a saved segment, and its members before and after a change of it.

    A number is None where the workflow has an error, or belongs to another program than the one that is looked at.
    """

    known: Known
    before: int | None = None
    after: int | None = None


def files_that_use(folder: Path, name: str, vocabulary: Vocabulary) -> list[Path]:
    """Return the definition files of a workflows folder that use a saved segment, by itself or within another one.

    A file that is not valid YAML uses none.
    """
    names = _with_users(read_segments(folder)[0], name, vocabulary)
    return [file for file in workflow_files(folder) if _uses(_segment_of(file, names), names, vocabulary)]


def _with_users(sources: Mapping[str, Source], name: str, vocabulary: Vocabulary) -> set[str]:
    """Return the name with those of the saved segments that use it, at any depth."""
    names, before = {name}, set[str]()
    while names != before:
        before = set(names)
        names |= {other for other, source in sources.items() if _uses(source.value, names, vocabulary)}
    return names


def _segment_of(file: Path, names: Iterable[str]) -> Any:
    """Return the segment of a definition as it is written; None if its text has none of the names."""
    try:
        text = read_text(file)
        value = read_yaml(shown(file), text).value if any(one in text for one in names) else None
    except DefinitionError:
        return None
    return value.get("segment") if isinstance(value, dict) else None


def _uses(segment: Any, names: set[str], vocabulary: Vocabulary) -> bool:
    if isinstance(segment, str):
        return segment in names
    return isinstance(segment, list) and any(names & _named(str(one), vocabulary) for one in segment)


def _named(sentence: str, vocabulary: Vocabulary) -> set[str]:
    """Return the saved segments that a sentence names."""
    try:
        condition = parse(sentence, vocabulary)
    except SentenceError:
        return set()
    if isinstance(condition, AnyOf | NoneOf) and vocabulary[condition.label].kind == "segment":
        return set(condition.values)
    return set()


def members_of_users(
    facts: Facts, settings: Settings, users: Sequence[Known], texts: Mapping[Path, str], compiler: Compiler
) -> list[User]:
    """Return the members of workflows at the hour to which the facts are cut, as files are and with other texts."""
    if not users:
        return []
    assert facts.hour is not None
    after = read_definitions(settings, [one.file for one in users], None, texts, compiler.vocabulary).workflows
    changed = {one.id: one for one in after}
    versions = {f"before {one.id}": one.workflow for one in users} | {
        f"after {one.id}": changed.get(one.id) for one in users
    }
    mine = {
        name: replace(one, id=name)
        for name, one in versions.items()
        if one is not None and one.program == facts.hour.program_id
    }
    numbers = _count(facts, list(mine.values()), compiler)

    def number(name: str) -> int | None:
        return numbers.get(name, 0) if name in mine else None

    return [User(one, number(f"before {one.id}"), number(f"after {one.id}")) for one in users]


def _count(facts: Facts, workflows: Sequence[Workflow], compiler: Compiler) -> dict[str, int]:
    members = compiler.membership(workflows).subquery("members")
    query = exp.select("workflow_id", exp.func("count", exp.Star())).from_(members).group_by("workflow_id")
    return {name: int(count) for name, count in facts.connection.execute(facts.at_hour(query)).fetchall()}
