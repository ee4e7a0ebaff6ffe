"""What `check` says of a segment while it is edited, each problem at the row that it is about."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler import (
    Compiler,
    DefinitionError,
    PartnerflowError,
    Problem,
    Vocabulary,
    Workflow,
    check,
    read_definition,
)
from compiler.lint.rules import AccountCatalog
from compiler.yaml_source import yaml_text
from flows.definitions.loader import read_definitions, read_segments, shown
from flows.settings import Settings
from flows.studio.segment.definition_text import condition_lines, with_segment

ALONE = "name: Segment\nprogram: {program}\nsegment: {name}\naction:\n  email: none\n"
"""A definition with a saved segment, by which it is checked and evaluated alone."""


@dataclass(frozen=True)
class CheckedSegment:
    """A file with the edited segment.

    `text` is that of the file; None if it cannot be changed. `by_row` has the problems of each row, `others` those that
    are not about a row. `workflow` has the segment; None if one of its problems is an error.
    """

    text: str | None
    by_row: tuple[tuple[Problem, ...], ...]
    others: tuple[Problem, ...]
    workflow: Workflow | None
    compiler: Compiler

    @property
    def has_error(self) -> bool:
        """Return whether a problem is an error, so that the workflow could not run."""
        return self.workflow is None


def check_segment(
    settings: Settings,
    workflow_id: str,
    file: Path,
    text: str,
    segment: Sequence[str] | str,
    vocabulary: Vocabulary,
    catalog: AccountCatalog | None = None,
    texts: Mapping[Path, str] | None = None,
) -> CheckedSegment:
    """Return what `check` says of the definition with this text and another segment, before it is written.

    `segment` has the sentence of each row, or is the name of a saved segment; empty rows are not written. `texts` are
    those of other files that would be written with it.
    """
    compiler = Compiler(vocabulary, settings.last_n_days_include_today)
    written = segment if isinstance(segment, str) else [one for one in segment if one.strip()]
    try:
        changed = with_segment(shown(file), text, written, vocabulary)
    except PartnerflowError as error:
        return _unchanged(file, error, len(segment), compiler)
    given = {**(texts or {}), file.absolute(): changed}
    paths = [] if _names_others(written, vocabulary) else [file]
    definitions = read_definitions(settings, paths, catalog, given, vocabulary)
    mine = [one for one in definitions.problems if one.path == shown(file)]
    by_row, others = ((), mine) if isinstance(segment, str) else _by_row(changed, segment, mine)
    workflow = next((one for one in definitions.workflows if one.id == workflow_id), None)
    return CheckedSegment(changed, by_row, tuple(others), workflow, compiler)


def check_saved_segment(
    settings: Settings,
    file: Path,
    text: str,
    segment: Sequence[str],
    program: str,
    users: Collection[Path],
    vocabulary: Vocabulary,
    catalog: AccountCatalog | None = None,
) -> CheckedSegment:
    """Return what `check` says of the file of a saved segment with other sentences, before it is written.

    The workflow of the result has the segment alone, for partners of `program`. The errors that the change would add to
    `users`, the files of the workflows that use the segment, are among the others.
    """
    compiler = Compiler(vocabulary, settings.last_n_days_include_today)
    try:
        changed = with_segment(shown(file), text, [one for one in segment if one.strip()], vocabulary)
    except PartnerflowError as error:
        return _unchanged(file, error, len(segment), compiler)
    workflow, found = _alone(settings, file, changed, program, users, vocabulary, catalog)
    by_row, others = _by_row(changed, segment, [one for one in found if one.path == shown(file)])
    others += [one for one in found if one.path != shown(file)]
    return CheckedSegment(changed, by_row, tuple(others), workflow, compiler)


def problems_of_text(
    settings: Settings,
    file: Path,
    text: str,
    program: str,
    users: Collection[Path],
    vocabulary: Vocabulary,
    catalog: AccountCatalog | None = None,
) -> list[Problem]:
    """Return what `check` says of another text of the file of a saved segment, as `check_saved_segment` does."""
    return _alone(settings, file, text, program, users, vocabulary, catalog)[1]


def _alone(
    settings: Settings,
    file: Path,
    text: str,
    program: str,
    users: Collection[Path],
    vocabulary: Vocabulary,
    catalog: AccountCatalog | None,
) -> tuple[Workflow | None, list[Problem]]:
    """Return a workflow with a saved segment alone, None if it has an error; and the problems of the text."""
    texts = {file.absolute(): text}
    sources, problems = read_segments(settings.workflows, texts)
    found = [one for one in problems if one.path == shown(file)]
    definition = ALONE.format(program=yaml_text(program, quoted=True), name=yaml_text(file.stem, quoted=True))
    workflow: Workflow | None = None
    if not found:
        try:
            read = read_definition("segment.yml", definition, vocabulary, sources)
            workflow = read.workflow
            found = [
                one
                for one in check([read], vocabulary, None, catalog).get(workflow.id, [])
                if one.path != "segment.yml"
            ]
        except DefinitionError as error:
            found = error.problems
    found += _new_errors(settings, users, texts, vocabulary, shown(file))
    return (None if any(one.severity == "error" for one in found) else workflow), found


def _by_row(
    text: str, segment: Sequence[str], problems: Sequence[Problem]
) -> tuple[tuple[tuple[Problem, ...], ...], list[Problem]]:
    """Return the problems of each row, and those that are about none of them."""
    rows = [number for number, sentence in enumerate(segment) if sentence.strip()]
    lines = condition_lines(text)
    found: list[list[Problem]] = [[] for _ in segment]
    others: list[Problem] = []
    for one in problems:
        at = next((number for number, (first, last) in enumerate(lines) if first <= one.line <= last), None)
        (others if at is None else found[rows[at]]).append(one)
    return tuple(map(tuple, found)), others


def _new_errors(
    settings: Settings, files: Collection[Path], texts: Mapping[Path, str], vocabulary: Vocabulary, but: str
) -> list[Problem]:
    """Return the errors that texts would add to some definitions, except those that are in the file `but`."""
    if not files:
        return []
    before, after = (read_definitions(settings, files, None, one, vocabulary).problems for one in ({}, texts))
    known = {(one.path, one.code, one.message) for one in before}
    return [
        one
        for one in after
        if one.severity == "error" and one.path != but and (one.path, one.code, one.message) not in known
    ]


def _names_others(segment: Sequence[str] | str, vocabulary: Vocabulary) -> bool:
    """Return whether a condition may be about other definitions, which are then to be read as well."""
    if isinstance(segment, str):
        return True
    found = (vocabulary.match(one) for one in segment)
    return any(one is not None and one[0].kind in ("workflow", "segment") for one in found)


def _unchanged(file: Path, error: PartnerflowError, rows: int, compiler: Compiler) -> CheckedSegment:
    """Return the result for a file in which the segment cannot be changed."""
    message = Problem(shown(file), 1, 1, "file", "error", str(error), "Edit the file as text.")
    problems = tuple(error.problems) if isinstance(error, DefinitionError) else (message,)
    return CheckedSegment(None, tuple(() for _ in range(rows)), problems, None, compiler)
