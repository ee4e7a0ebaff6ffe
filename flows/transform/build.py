"""`dbt build`, in this process, from the state's own copy of the dbt project.

The copy contains the models generated from this state's definitions, so that several states run side by side from one
checkout, and a run is not affected by edits made while it works.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from compiler import PROJECT, PartnerflowError, Workflow
from flows.atomic import make_folder
from flows.definitions.loader import Definitions
from flows.progress import ProgressCallback, no_progress
from flows.settings import Settings
from flows.transform.build_state import BuildState, is_recorded, revalidate
from flows.transform.dbt_runner import Dbt
from flows.transform.generated_models import FILES, FOLDER, generated_files
from flows.transform.impact import (
    DataQualityIssue,
    Lineage,
    failures,
    is_failed_test,
    is_program_scoped,
    program_scoped_warnings,
    stale_sources,
)
from flows.transform.project_copy import copy_folder, write_changed
from flows.transform.test_rows import describe_rows, programs_found
from flows.warehouse.addresses import update_addresses
from flows.warehouse.connection import Connection, open_warehouse, transaction
from flows.warehouse.engines import engine_of

AUDIENCE = ("segment_applications+", "segment_addresses+")
"""The waiting applications, and what is made from them and the membership, in dbt's node selection syntax."""


@dataclass(frozen=True)
class BuildResult:
    """The ids of the workflows that are held after a build, each with the reason.

    `_build` builds the models that are selected in dbt's syntax. It is None when dbt could not read the project.
    """

    held: Mapping[str, str]
    _build: Callable[[Sequence[str]], list[DataQualityIssue]] | None = None
    _lineage: Lineage | None = None

    def rebuild_segments(self, workflows: Collection[Workflow], keep_membership: bool = False) -> dict[str, str]:
        """Build the segments for the hours that raw.evaluations has now, on the same facts.

        With `keep_membership`, marts.segment_membership is left as it is, and only what is made from it is built.
        Returns which of these workflows are held for it, and why. The database file must be closed, as for `build`.
        """
        if self._build is None or self._lineage is None:
            return {}
        issues = self._build(AUDIENCE if keep_membership else self._lineage.segments)
        return self._lineage.affected_workflows(workflows, [DataQualityIssue(None, issue.reason) for issue in issues])


def build(
    settings: Settings, definitions: Definitions, progress: ProgressCallback = no_progress, full_refresh: bool = False
) -> BuildResult:
    """Build and test the tables, membership and recipients included, for the hours of raw.evaluations.

    Builds what is out of date, or everything with `full_refresh`. Stale sources and failures hold the workflows that
    read them, and the segments are built for the others. The database file must be closed in this process, and is
    closed again afterwards.
    """
    try:
        dbt = Dbt(settings, prepare_project(settings, definitions), progress)
        lineage = Lineage(dbt.parse(), definitions.compiler)
    except PartnerflowError as error:
        return BuildResult(dict.fromkeys((workflow.id for workflow in definitions.active), str(error)))
    with open_warehouse(settings.warehouse) as connection:  # dbt would open and checkpoint a file for every node
        with transaction(connection):
            update_addresses(connection, lineage.address_columns)
        stale = lineage.affected_workflows(definitions.active, stale_sources(dbt.freshness()))
        state = BuildState.load(connection, settings, dbt, lineage)
        options = ["--full-refresh"] if full_refresh else state.dbt_selection()
        success, issues = _build(connection, settings, dbt, options)
        if success:
            state.save(connection)
    held = {**lineage.affected_workflows(definitions.active, issues), **stale}
    if held:
        remaining = definitions.without(held)
        prepare_project(settings, remaining)
        dbt.parse()
        issues = _build_segments(settings, dbt, lineage.segments)
        held |= lineage.affected_workflows(remaining.active, [DataQualityIssue(None, one.reason) for one in issues])
    return BuildResult(held, partial(_build_segments, settings, dbt), lineage)


def _build_segments(settings: Settings, dbt: Dbt, selected: Sequence[str]) -> list[DataQualityIssue]:
    """Build segments alone, on the facts as they are, and return what is wrong."""
    with open_warehouse(settings.warehouse) as connection:
        was_recorded = is_recorded(connection)
        success, issues = _build(connection, settings, dbt, ["--select", *selected])
        if success and was_recorded:
            revalidate(connection)
    return issues


def _build(
    connection: Connection, settings: Settings, dbt: Dbt, options: Sequence[str]
) -> tuple[bool, list[DataQualityIssue]]:
    """Build, and return whether nothing failed, and what holds workflows."""
    result = dbt.build(*options)
    make_folder(settings.last_build.parent)
    settings.last_build.touch()
    if result.exception is not None:
        return False, [DataQualityIssue(None, f"dbt could not start: {result.exception}")]
    results = list(getattr(result.result, "results", []))
    found = failures(results, _rows_found(connection, settings, dbt, results))
    if not (found or result.success):
        return False, [DataQualityIssue(None, f"dbt failed; see {settings.state_dir / 'logs' / 'dbt.log'}")]
    tests = [result.node for result in results if result.status == "warn" and is_program_scoped(result.node)]
    programs = {test.unique_id: programs_found(connection, test) for test in tests}
    return result.success, [*found, *program_scoped_warnings(results, programs)]


def _rows_found(connection: Connection, settings: Settings, dbt: Dbt, results: list[Any]) -> dict[str, str]:
    """Return a text about the rows that each failed test found, by the test's unique id."""
    tests = [result.node for result in results if is_failed_test(result)]
    dialect = engine_of(settings.warehouse).dialect
    return {test.unique_id: describe_rows(connection, test, dbt.project, dialect) for test in tests}


def prepare_project(settings: Settings, definitions: Definitions) -> Path:
    """Update the state's copy of the dbt project, with models and exposures generated from its definitions."""
    project = settings.state_dir / "dbt_project"
    copy_folder(PROJECT, project, excluded=[FOLDER / name for name in FILES])
    write_changed(project / FOLDER, generated_files(definitions, engine_of(settings.warehouse).dialect))
    return project
