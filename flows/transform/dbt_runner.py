"""dbt, in this process, on one project and one state."""

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

from compiler import PartnerflowError
from flows.progress import ProgressCallback, no_progress
from flows.settings import Settings
from flows.transform.manifest_cache import keep, read_from, recall
from flows.warehouse.connection import open_warehouse

NOT_OF_AN_HOUR = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure")
"""Unit tests are about the code, and are run by `dbt build` on its own; exposures are for reading."""

UNWRITTEN = ("--no-write-json",)
"""Nobody reads the manifest that each command would write, which takes as long as many a model."""


class Dbt:
    """The commands of dbt on a project folder, for a state; `report` hears how many models and tests are begun.

    No transaction may be open in this process: dbt opens the database file beside whoever has it open here.
    """

    def __init__(self, settings: Settings, project: Path, report: ProgressCallback = no_progress):
        self._settings, self.project, self._report = settings, project, report
        self._chosen = ("--target", settings.target, "--vars", json.dumps({"loader": settings.loader}))
        self._manifest: Manifest | None = None

    def parse(self) -> Manifest:
        """Read the project; the commands after this one take it as it is now.

        Raises PartnerflowError when it cannot be read.
        """
        source = read_from(self.project, *self._chosen)
        self._manifest = recall(self.project, source)
        if self._manifest is None:
            parsed = self.invoke("parse", *UNWRITTEN)
            if not parsed.success:
                raise PartnerflowError(f"dbt cannot read the project: {' '.join(str(parsed.exception).split())}")
            self._manifest = parsed.result
            keep(self.project, source, self._manifest)
        return self._manifest

    def build(self, *options: str) -> dbtRunnerResult:
        """Build and test."""
        with self._open():
            return self.invoke("build", *UNWRITTEN, *NOT_OF_AN_HOUR, *options)

    def freshness(self) -> list[Any]:
        """The age of each source at the newest hour of raw.evaluations (dbt's FreshnessResults)."""
        with self._open():
            result = self.invoke("source", "freshness", *UNWRITTEN, "--no-populate-cache")
        return [one for one in getattr(result.result, "results", ()) if one.node.resource_type == "source"]

    def _open(self) -> AbstractContextManager:
        """Keeps the database file open while a command works; else dbt opens it, and checkpoints it, for every node."""
        return open_warehouse(self._settings.warehouse)

    def invoke(self, *command: str) -> dbtRunnerResult:
        """Run a command, quietly; what it says is in logs/dbt.log of the state."""
        folders = ["--project-dir", str(self.project), "--profiles-dir", str(self.project)]
        quiet = ["--quiet", "--log-level", "none", "--log-level-file", "info"]
        logs = ["--log-path", str(self._settings.var / "logs")]
        place = str(self._settings.var)
        with _variable("PARTNERFLOW_VAR", place), _variable("PGTZ", "UTC"), redirect_stdout(StringIO()):
            return dbtRunner(manifest=self._manifest, callbacks=[self._hear]).invoke(
                [*command, *folders, *self._chosen, *logs, *quiet]
            )

    def _hear(self, event: EventMsg) -> None:
        if event.info.name == "LogStartLine":
            self._report(event.data.index - 1, event.data.total)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """An environment variable for as long as dbt reads its profile."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
