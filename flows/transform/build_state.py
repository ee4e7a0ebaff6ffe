"""What the last successful build was made from, so that a run rebuilds and tests only what changed.

dbt says which code changed, by `state:modified` and the manifest of that build, which is kept in var/dbt_state. Rows
are compared by one checksum per source table, in raw.build_state: it also shows deleted rows, and rows without a load
time. A build is counted there before it changes anything (macro mark_build_started). After a build that failed, died or
was run by hand, nothing recorded is trusted, and the next run is a full refresh.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas
from dbt.artifacts.resources.types import NodeType
from dbt.contracts.graph.manifest import Manifest

from compiler import GOAL_MODELS
from flows.settings import Settings
from flows.transform.dbt_runner import Dbt
from flows.transform.generated_models import FOLDER
from flows.transform.impact import Lineage, is_program_scoped
from flows.warehouse.connection import Connection, transaction
from flows.warehouse.errors import NotBuilt
from flows.warehouse.raw_tables import replace_raw_table

PROJECT = "project"
"""The input other than source tables: dbt_project.yml, the loader and the manifest."""


@dataclass(frozen=True)
class BuildState:
    """The inputs of the last successful build (`recorded`), and the source tables of the next one (`sources`).

    Both map inputs to checksums, and name them as dbt selects them: "source:raw.partners" is a source table, and
    "workflow_goals" the generated model that changes with a goal.
    """

    settings: Settings
    dbt: Dbt
    lineage: Lineage
    recorded: dict[str, str]
    sources: dict[str, str]

    @classmethod
    def load(cls, connection: Connection, settings: Settings, dbt: Dbt, lineage: Lineage) -> "BuildState":
        """Read it before the build: rows that are loaded during the build then differ from those recorded."""
        sources = _source_checksums(connection, lineage.manifest) | _goal_checksums(dbt.project)
        return cls(settings, dbt, lineage, _recorded(connection), sources)

    @property
    def is_valid(self) -> bool:
        """Whether the last build succeeded, with the manifest that is kept, the same settings and its compiled models.

        `simulate` and the forecast of `plan` read the compiled models, which are lost with the copy of the project.
        """
        return self.recorded.get(PROJECT) == self._project_checksum() and self._has_compiled_models()

    def dbt_selection(self) -> list[str]:
        """Return the options of `dbt build` that rebuild and test what is out of date.

        Code that people write decides what is in the incremental tables: when it changed, everything is rebuilt. Models
        of the definitions are built for each hour. Program-scoped tests only warn, so a build with their findings is
        valid, and they run each time.
        """
        if not self.is_valid or self._code_changed:
            return ["--full-refresh"]
        changed = [f"{name}+" for name, checksum in self.sources.items() if self.recorded.get(name) != checksum]
        tests = [node.name for node in self.lineage.manifest.nodes.values() if is_program_scoped(node)]
        return ["--select", *self.lineage.segments, *changed, *tests]

    def save(self, connection: Connection) -> None:
        """Record the inputs after a build without a failure, of everything or of `dbt_selection`.

        The manifest is written only when code has changed, because that takes as long as building a dozen models.
        """
        if not self.is_valid or self._code_changed:
            self._manifest.parent.mkdir(parents=True, exist_ok=True)
            self.lineage.manifest.writable_manifest().write(str(self._manifest))
        inputs = {PROJECT: self._project_checksum(), **self.sources}
        rows = pandas.DataFrame(inputs.items(), columns=["input", "checksum"]).assign(builds_since=0)
        with transaction(connection):
            replace_raw_table(connection, "build_state", rows)

    @property
    def _manifest(self) -> Path:
        return self.settings.state_dir / "dbt_state" / "manifest.json"

    def _has_compiled_models(self) -> bool:
        """Whether every model that people write is compiled; the generated ones change with the definitions."""
        models = [node for node in self.lineage.manifest.nodes.values() if node.resource_type == NodeType.Model]
        written = [node for node in models if not Path(node.original_file_path).is_relative_to(FOLDER)]
        compiled = self.dbt.project / "target" / "compiled"
        return all((compiled / node.package_name / node.original_file_path).is_file() for node in written)

    @cached_property
    def _code_changed(self) -> bool:
        """Whether anything but the generated models differs from the manifest, or dbt cannot read it."""
        modified = self.dbt.invoke(
            "list", "--select", "state:modified", "--exclude", f"path:{FOLDER}", "--state", str(self._manifest.parent)
        )
        return not modified.success or bool(modified.result)

    def _project_checksum(self) -> str:
        """Return the checksum of what `state:modified` does not see: variables, and which manifest it compares."""
        manifest = self._manifest.read_bytes() if self._manifest.exists() else b""
        parts = (self.settings.loader.encode(), (self.dbt.project / "dbt_project.yml").read_bytes(), manifest)
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_recorded(connection: Connection) -> bool:
    """Whether no build was started since the state was recorded."""
    return bool(_recorded(connection))


def revalidate(connection: Connection) -> None:
    """Mark the recorded state as valid again after a build of the segments alone, which changes no other table."""
    connection.execute("UPDATE raw.build_state SET builds_since = 0")


def _recorded(connection: Connection) -> dict[str, str]:
    """Return the checksum of each input; none when a build was started since."""
    query = "SELECT input, checksum FROM raw.build_state WHERE builds_since = 0"
    try:
        return dict(connection.execute(query).fetchall())
    except NotBuilt:  # no run has built anything yet
        return {}


def _goal_checksums(project: Path) -> dict[str, str]:
    """Return the checksum of each generated model of goals: unlike segments, they are not built for each hour."""
    files = {name: project / FOLDER / f"{name}.sql" for name in GOAL_MODELS}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


def _source_checksums(connection: Connection, manifest: Manifest) -> dict[str, str]:
    """Return the version of each source table that exists."""
    sources = manifest.sources.values()
    versions: dict[tuple[str, str], str] = {}
    for schema in sorted({source.schema for source in sources}):
        names = connection.columns(schema).keys() & {source.identifier for source in sources if source.schema == schema}
        versions |= {(schema, name): one for name, one in connection.versions(schema, sorted(names)).items()}
    return {
        f"source:{source.source_name}.{source.name}": versions[source.schema, source.identifier]
        for source in sources
        if (source.schema, source.identifier) in versions
    }
