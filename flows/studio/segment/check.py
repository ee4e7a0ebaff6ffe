"""What `check` says of a segment while it is edited, each problem at the row that it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler import DefinitionError, PartnerflowError, Problem, Vocabulary, Workflow
from compiler.lint.rules import AccountCatalog
from flows.definitions.loader import Definitions, read_definitions, shown
from flows.settings import Settings
from flows.studio.segment.definition_text import condition_lines, with_segment


@dataclass(frozen=True)
class CheckedSegment:
    """A definition with the edited segment.

    `text` is that of its file; None if the file cannot be changed. `by_row` has the problems of each row, `others`
    those of the definition that are not about a row. `workflow` is None if one of them is an error.
    """

    text: str | None
    by_row: tuple[tuple[Problem, ...], ...]
    others: tuple[Problem, ...]
    workflow: Workflow | None
    definitions: Definitions

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
    rows = [number for number, sentence in enumerate(segment) if sentence.strip()]
    written = segment if isinstance(segment, str) else [segment[number] for number in rows]
    try:
        changed = with_segment(shown(file), text, written, vocabulary)
    except PartnerflowError as error:
        return _unchanged(settings, file, text, error, len(segment))
    given = {**(texts or {}), file.absolute(): changed}
    paths = [] if _names_others(written, vocabulary) else [file]
    definitions = read_definitions(settings, paths, catalog, given, vocabulary)
    mine = [one for one in definitions.problems if one.path == shown(file)]
    lines = condition_lines(changed)
    found: dict[int, list[Problem]] = {number: [] for number in rows}
    others: list[Problem] = []
    for one in mine:
        at = next((number for number, (first, last) in enumerate(lines) if first <= one.line <= last), None)
        (others if at is None or isinstance(segment, str) else found[rows[at]]).append(one)
    by_row = () if isinstance(segment, str) else tuple(tuple(found.get(number, ())) for number in range(len(segment)))
    workflow = next((one for one in definitions.workflows if one.id == workflow_id), None)
    return CheckedSegment(changed, by_row, tuple(others), workflow, definitions)


def _names_others(segment: Sequence[str] | str, vocabulary: Vocabulary) -> bool:
    """Return whether a condition may be about other definitions, which are then to be read as well."""
    if isinstance(segment, str):
        return True
    found = (vocabulary.match(one) for one in segment)
    return any(one is not None and one[0].kind in ("workflow", "segment") for one in found)


def _unchanged(settings: Settings, file: Path, text: str, error: PartnerflowError, rows: int) -> CheckedSegment:
    """Return the result for a file in which the segment cannot be changed."""
    message = Problem(shown(file), 1, 1, "file", "error", str(error), "Edit the file as text.")
    problems = tuple(error.problems) if isinstance(error, DefinitionError) else (message,)
    definitions = read_definitions(settings, texts={file.absolute(): text})
    return CheckedSegment(None, tuple(() for _ in range(rows)), problems, None, definitions)
