"""The studio of one installation: its settings and session, the hour that it looks at, and what its folder has."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from compiler import DefinitionError, PartnerflowError, Problem, Workflow
from flows.checks import check_definitions
from flows.clock import HOUR, MICROSECOND, current_hour, next_hour
from flows.definitions.loader import Definitions, shown, workflow_files
from flows.report.workflow_list import ListedWorkflow, list_workflows
from flows.settings import Settings
from flows.studio.folder import Folder
from flows.studio.published import Version, published_version
from flows.studio.session import Session
from flows.warehouse.program_names import ProgramNames, read_program_names


class Missing(PartnerflowError):
    """There is no such workflow, template or partner."""


@dataclass(frozen=True)
class Known:
    """A workflow of the folder: its id, its file, and its definition, which is None while the file is not valid."""

    id: str
    file: Path
    workflow: Workflow | None

    @property
    def name(self) -> str:
        """Its name, or its id while that is not known."""
        return self.workflow.name if self.workflow else self.id


@dataclass
class Studio:
    """What all pages share.

    `as_of` is the hour that they look at, in UTC; None for the current one. `umask` is for new definitions; other files
    that the process creates are private.
    """

    settings: Settings
    session: Session
    as_of: datetime | None = None
    umask: int = 0o022

    def __post_init__(self) -> None:
        self._folder = Folder(self.settings)
        self._programs: tuple[Version, ProgramNames] | None = None

    def hour(self) -> datetime:
        """Return the evaluation hour of previews, in UTC."""
        return self.as_of or current_hour(self.settings.zone)

    def next_hour(self) -> datetime:
        """Return the hour of the next run, in UTC: this one, or the one after it if a run has been at this one."""
        hour = self.hour()
        runs = [one.last_run.as_of for one in self.listed() if one.last_run]
        return next_hour(self.settings.zone, hour + MICROSECOND) if max(runs, default=hour - HOUR) >= hour else hour

    def definitions(self) -> Definitions:
        """Return the definitions as they are on disk now."""
        return self._folder.definitions()

    def listed(self) -> list[ListedWorkflow]:
        """Return all workflows, as the command `list` does."""
        return list_workflows(self.settings, self._folder.checked())

    def programs(self) -> ProgramNames:
        """Return the names and time zones of the programs, read again only when there is another published file."""
        version, kept = published_version(self.settings), self._programs
        if version is not None and kept and kept[0] == version:
            return kept[1]
        found = read_program_names(self.settings)
        self._programs = (version, found) if version is not None else None
        return found

    def find(self, workflow_id: str) -> Known:
        """Return the workflow with this id; one whose file cannot be read has the file's name as its id.

        Only the files of the folder are compared with the id, so that no id can name another file. Raises Missing.
        """
        definitions = self.definitions()
        files = {file.stem: file for file in workflow_files(self.settings.workflows)}
        files = {name: one for name, one in files.items() if shown(one) not in definitions.files.values()}
        files |= {name: Path(path).absolute() for name, path in definitions.files.items()}
        if workflow_id not in files:
            raise Missing(f"There is no workflow {workflow_id}.")
        workflow = next((one for one in definitions.workflows if one.id == workflow_id), None)
        return Known(workflow_id, files[workflow_id], workflow)

    def known(self, file: Path) -> Known:
        """Return the workflow of a file of the folder; one that is not valid has the file's name as its id."""
        definitions = self.definitions()
        name = next((name for name, path in definitions.files.items() if path == shown(file)), file.stem)
        return Known(name, file, next((one for one in definitions.workflows if one.id == name), None))

    def program_ids(self) -> list[str]:
        """Return the ids of the programs of the account and of the workflows."""
        return sorted({*self.programs().names, *(one.program for one in self.definitions().workflows)})

    def problems(self, file: Path, text: str | None = None) -> list[Problem]:
        """Return what `check` says of a definition, as it is or with another text."""
        texts = {file.absolute(): text} if text is not None else {}
        try:
            found = check_definitions(self.settings, [file], texts)
        except DefinitionError as error:
            return error.problems
        return list(found.problems)
