"""dbt commands in this process, on one project and one state."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

from compiler import PartnerflowError
from flows.progress import ProgressCallback, no_progress
from flows.settings import Settings
from flows.warehouse.engines import engine_of

NOT_BUILT = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure")
"""Unit tests check the code, and run in `make test`; exposures are documentation."""


class Dbt:
    """Runs dbt on a project folder, for a state; `report` receives how many models and tests were started.

    No transaction may be open in this process: dbt opens the database file beside any connection that is open here.
    Keep one open during `build` and `freshness`: otherwise dbt opens and checkpoints the file for every node.
    """

    def __init__(self, settings: Settings, project: Path, report: ProgressCallback = no_progress):
        self._settings, self.project, self._report = settings, project, report
        self._chosen = ("--target", settings.target, "--vars", json.dumps({"loader": settings.loader}))
        self._manifest: Manifest | None = None

    def parse(self) -> Manifest:
        """Read the project; later commands use what was read, whatever changes in the files.

        Raises PartnerflowError when dbt cannot read it.
        """
        self._manifest = None
        parsed = self.invoke("parse")
        if not isinstance(parsed.result, Manifest):
            raise PartnerflowError(f"dbt cannot read the project: {' '.join(str(parsed.exception).split())}")
        self._manifest = parsed.result
        return self._manifest

    def build(self, *options: str) -> dbtRunnerResult:
        """Build and test."""
        return self.invoke("build", *NOT_BUILT, *options)

    def freshness(self) -> list[Any]:
        """Return the age of each source at the newest hour of raw.evaluations (dbt's FreshnessResults)."""
        result = self.invoke("source", "freshness", "--no-populate-cache")
        return [one for one in getattr(result.result, "results", ()) if one.node.resource_type == "source"]

    def invoke(self, *command: str) -> dbtRunnerResult:
        """Run a command quietly; its messages are in logs/dbt.log of the state."""
        folders = ["--project-dir", str(self.project), "--profiles-dir", str(self.project)]
        quiet = ["--no-write-json", "--quiet", "--log-level", "none", "--log-level-file", "info"]
        logs = ["--log-path", str(self._settings.state_dir / "logs")]
        engine = engine_of(self._settings.warehouse)
        variables = {"PARTNERFLOW_VAR": str(self._settings.state_dir), **engine.environment}
        with _environment(variables), redirect_stdout(StringIO()):
            return dbtRunner(manifest=self._manifest, callbacks=[self._receive]).invoke(
                [*command, *folders, *self._chosen, *logs, *quiet]
            )

    def _receive(self, event: EventMsg) -> None:
        if event.info.name == "LogStartLine":
            self._report(event.data.index - 1, event.data.total)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while dbt reads its profile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
