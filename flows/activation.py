"""Activate and pause workflows: set `status:` in their files, all of them or none.

Nothing is changed that `check` would refuse, as it would be with the new status.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from compiler import PartnerflowError, Problem
from flows.atomic import rewrite
from flows.definitions.advice import advice
from flows.definitions.chains import chain_of
from flows.definitions.loader import Definitions, read_definitions, shown
from flows.definitions.text_edit import with_values
from flows.messages.loader import check_messages
from flows.settings import Settings
from flows.warehouse.catalog import open_catalog

Status = Literal["active", "paused"]


@dataclass(frozen=True)
class StatusChange:
    """A workflow's status before and after, and its file as it is shown; both are the same if it had the status."""

    workflow_id: str
    file: str
    was: str
    status: str


@dataclass(frozen=True)
class StatusChanges:
    """The changes, in the order in which they were asked for, and the warnings of `check` about these workflows.

    `texts` has the new text of each file by its absolute path.
    """

    changes: tuple[StatusChange, ...]
    warnings: tuple[Problem, ...]
    texts: Mapping[Path, str]

    def as_json(self) -> dict[str, Any]:
        """Return the JSON of `activate` and `pause`."""
        return {
            "workflows": [asdict(one) for one in self.changes],
            "warnings": [one.as_json() for one in self.warnings],
        }


class StatusRefused(PartnerflowError):
    """Workflows that have errors with the new status; `problems` has those of each, by workflow id."""

    def __init__(self, broken: Mapping[str, str], problems: Sequence[Problem]):
        """Take the errors as texts by workflow id, and all problems that were found."""
        super().__init__("\n".join([*dict.fromkeys(broken.values()), "Nothing was changed."]))
        errors = [one for one in problems if one.severity == "error"]
        self.problems = {name: [one for one in errors if str(one) in text] for name, text in broken.items()}


def set_status(settings: Settings, names: Sequence[str], status: Status, whole_chain: bool = False) -> StatusChanges:
    """Set the status of workflows, named by id or file; with `whole_chain`, also of all others of their chains.

    Raises PartnerflowError, with nothing written, for an unknown workflow, and with every error that `check` would
    report about one of them.
    """
    planned = plan_status(settings, names, status, whole_chain)
    for file, text in planned.texts.items():
        rewrite(file, text)
    return planned


def plan_status(settings: Settings, names: Sequence[str], status: Status, whole_chain: bool = False) -> StatusChanges:
    """Return what `set_status` would change. Raises PartnerflowError where it would refuse."""
    before = read_definitions(settings)
    chosen = _chosen(before, names, whole_chain)
    files = {name: Path(before.files[name]).absolute() for name in chosen}
    texts = {file: with_values(shown(file), _text(file), {"status": status}) for file in files.values()}
    after = read_definitions(settings, catalog=open_catalog(settings.published), texts=texts)
    after = check_messages(after, settings)
    if broken := {name: after.broken[name] for name in chosen if name in after.broken}:
        raise StatusRefused(broken, after.problems)
    changes = [StatusChange(name, before.files[name], before[name].status, status) for name in chosen]
    paths = {one.file for one in changes}
    found = [one for one in (*after.problems, *advice(settings, after)) if one.path in paths]
    warnings = tuple(sorted({one for one in found if one.severity == "warning"}))
    return StatusChanges(tuple(changes), warnings, texts)


def _chosen(definitions: Definitions, names: Iterable[str], whole_chain: bool) -> list[str]:
    """Return the ids of the workflows that are named, each once. Raises PartnerflowError for one that is not valid."""
    by_file = {path: name for name, path in definitions.files.items()}
    chosen: list[str] = []
    for name in names:
        workflow = definitions[by_file.get(shown(Path(name)), name)]
        chosen += [one.id for one in chain_of(workflow, definitions.workflows)] if whole_chain else [workflow.id]
    return list(dict.fromkeys(chosen))


def _text(file: Path) -> str:
    return file.read_bytes().decode()
