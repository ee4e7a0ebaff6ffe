"""`dbt build`, in this process, from the state's own copy of the dbt project.

The copy holds the models generated from this state's definitions, so that several states run side by side from one
checkout, and a run is not touched by an edit made while it works.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlglot import exp, maybe_parse

from compiler import PROJECT, PartnerflowError, Workflow
from flows.definitions.loader import Definitions
from flows.progress import ProgressCallback, no_progress
from flows.settings import Settings
from flows.transform.build_state import look, stand_again, stands
from flows.transform.dbt_runner import Dbt
from flows.transform.generated_models import FILES, FOLDER, generated_files
from flows.transform.impact import Fault, Lineage, doubts, failures, holds_programs, stale_sources
from flows.transform.project_copy import copy_folder, write_changed
from flows.warehouse.connection import open_warehouse


@dataclass(frozen=True)
class Built:
    """Tables as they have been built, and the ids of the workflows that are held, each with the reason."""

    held: Mapping[str, str]
    _segments: Callable[[], list[Fault]]
    _lineage: Lineage | None = None

    def segments(self, workflows: Collection[Workflow]) -> dict[str, str]:
        """Build the segments again, on the same facts, for what raw.evaluations asks by now.

        Returns which of these workflows are held for it, and why. The database file must be closed, as for `build`.
        """
        faults = self._segments()
        if not faults:
            return {}
        return self._lineage.held(workflows, [Fault(None, fault.reason) for fault in faults])


def build(settings: Settings, definitions: Definitions, report: ProgressCallback = no_progress) -> Built:
    """Build and test every table, membership and recipients included, for the hours of raw.evaluations.

    What is stale or fails holds the workflows that read it, and the segments are built for the others. The database
    file must be closed in this process, and is closed again afterwards.
    """
    try:
        dbt = Dbt(settings, prepare_project(settings, definitions), report)
        lineage = Lineage(dbt.parse(), definitions.compiler)
    except PartnerflowError as error:
        return Built(dict.fromkeys((workflow.id for workflow in definitions.active), str(error)), list)
    with open_warehouse(settings.warehouse):  # for all of it: to open the file takes longer than to ask it
        stale = lineage.held(definitions.active, stale_sources(dbt.freshness()))
        standing = look(settings, dbt.project, lineage)
        success, faults = _build(settings, dbt, standing.to_build())
    if success:
        standing.remember()
    held = {**lineage.held(definitions.active, faults), **stale}
    if held:
        remaining = definitions.without(held)
        prepare_project(settings, remaining)
        dbt.parse()
        again = _build_segments(settings, dbt, lineage)
        held |= lineage.held(remaining.active, [Fault(None, fault.reason) for fault in again])
    return Built(held, partial(_build_segments, settings, dbt, lineage), lineage)


def _build_segments(settings: Settings, dbt: Dbt, lineage: Lineage) -> list[Fault]:
    """Build the segments alone, on the facts as they are, and say what is wrong."""
    stood = stands(settings)
    success, faults = _build(settings, dbt, ["--select", *lineage.segments])
    if success and stood:
        stand_again(settings)
    return faults


def _build(settings: Settings, dbt: Dbt, options: Sequence[str]) -> tuple[bool, list[Fault]]:
    """Whether nothing has failed, and what holds workflows."""
    result = dbt.build(*options)
    if result.exception is not None:
        return False, [Fault(None, f"dbt could not start: {result.exception}")]
    results = list(getattr(result.result, "results", []))
    found = failures(results)
    if not (found or result.success):
        return False, [Fault(None, f"dbt failed; see {settings.var / 'logs' / 'dbt.log'}")]
    return result.success, [*found, *doubts(results, _programs(settings, results))]


def _programs(settings: Settings, results: list[Any]) -> dict[str, frozenset[str]]:
    """The programs among the rows that the tests which hold single programs have found, by the test's unique id."""
    tests = [result.node for result in results if result.status == "warn" and holds_programs(result.node)]
    if not tests:
        return {}
    with open_warehouse(settings.warehouse) as connection:
        found = {}
        for test in tests:
            query = exp.select("program_id").distinct().from_(maybe_parse(test.relation_name, into=exp.Table))
            found[test.unique_id] = frozenset(row[0] for row in connection.execute(query.sql("duckdb")).fetchall())
        return found


def prepare_project(settings: Settings, definitions: Definitions) -> Path:
    """The state's copy of the dbt project, with the models and exposures generated from its definitions."""
    project = settings.var / "dbt_project"
    copy_folder(PROJECT, project, own=[FOLDER / name for name in FILES])
    write_changed(project / FOLDER, generated_files(definitions, settings.dialect))
    return project
