"""Which workflows a data quality issue affects: a table that failed or is stale, and all that read it by dbt's lineage.

A workflow reads the relations of its compiled segment, and all workflows read what is built from the generated models
(addresses, counts). Where `config.meta.holds_conditions_on` of a source or a test names columns of marts, only
workflows with a condition on one of these are affected: stale clicks do not hold a workflow that asks for revenue.

Every workflow reads which partners are held for rows set aside, from a model that reads all raw tables
(`config.meta.quarantine`). An issue of a table does not affect a workflow by way of this model only. When the model
itself is not built, it is not known whom to hold, and all workflows are affected.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from compiler import MODELS, Compiler, Workflow
from compiler.sql.exposures import relations_read
from flows.local_time import counted, duration

FAILED = {"error", "fail", "runtime error", "partial success"}
"""Statuses of dbt results."""


@dataclass(frozen=True)
class DataQualityIssue:
    """What is wrong with a dbt node (its unique id; None means every node).

    `columns` narrows the issue to workflows with a condition on these columns of marts ("model.column"), `programs` to
    workflows of these programs; None means all that the lineage reaches.
    """

    node: str | None
    reason: str
    columns: frozenset[str] | None = None
    programs: frozenset[str] | None = None


class Lineage:
    """The dependencies between the nodes of a dbt project, and of workflows on them.

    `segments` selects the generated models and all that depends on them, in dbt's node selection syntax.
    """

    def __init__(self, manifest: Manifest, compiler: Compiler):
        self.manifest = manifest
        self._children = manifest.child_map
        self._compiler = compiler
        self._names = {key: node.name for key, node in manifest.nodes.items()}
        self._generated = {key for key, name in self._names.items() if name in MODELS}
        self._quarantine = {key for key, node in manifest.nodes.items() if is_quarantine(node)}
        self._common = self._below(self._generated, through=self._generated)
        self.segments = [f"{name}+" for name in sorted(MODELS)]

    @property
    def address_columns(self) -> dict[tuple[str, str], list[str]]:
        """The columns that contain addresses (`config.meta.addresses_in`), by schema and name of their source table."""
        sources = self.manifest.sources.values()
        found = {(one.schema, one.identifier): one.config.meta.get("addresses_in", []) for one in sources}
        return {table: columns for table, columns in found.items() if columns}

    def affected_workflows(self, workflows: Iterable[Workflow], issues: Collection[DataQualityIssue]) -> dict[str, str]:
        """Return the ids of the workflows that the issues affect, each with up to three reasons."""
        reached = [(issue, self._below([issue.node] if issue.node else self._generated)) for issue in issues]
        affected: dict[str, str] = {}
        for workflow in workflows:
            reasons = [issue.reason for issue, nodes in reached if self._affects(issue, nodes, workflow)]
            if reasons:
                affected[workflow.id] = "; ".join(dict.fromkeys(reasons[:3]))
        return affected

    def _affects(self, issue: DataQualityIssue, reached: set[str], workflow: Workflow) -> bool:
        if issue.programs is not None and workflow.program not in issue.programs:
            return False
        if issue.columns is not None:
            return bool(issue.columns & self._compiler.columns_read(workflow))
        if reached & (self._common | self._generated):
            return True
        return bool({self._names.get(node) for node in reached} & relations_read(workflow, self._compiler))

    def _below(self, nodes: Iterable[str], through: Collection[str] = ()) -> set[str]:
        """Return the nodes and all that depends on them, except what depends on them by some models only.

        These are the generated models, but for those in `through`, and the model of the rows set aside.
        """
        found: set[str] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                below = self._children.get(node, ())
                waiting += [one for one in below if one not in self._generated | self._quarantine or node in through]
        return found


def stale_sources(results: Iterable[Any]) -> list[DataQualityIssue]:
    """Return the sources whose newest row is older than their freshness allows (results of `dbt source freshness`)."""
    return [_stale(result) for result in results if result.status == "error"]


def failures(results: Iterable[Any], rows: Mapping[str, str] | None = None) -> list[DataQualityIssue]:
    """Return the models that failed in a build, what its failed tests test, and rows set aside that were not found.

    `rows` maps the unique id of a failed test to a text about the rows that it found.
    """
    return [
        DataQualityIssue(node, _failure(result, (rows or {}).get(result.node.unique_id)))
        for result in results
        if result.status in FAILED or (result.status == "skipped" and is_quarantine(result.node))
        for node in _subjects(result)
    ]


def is_failed_test(result: Any) -> bool:
    """Whether a result of dbt is that of a test that found rows which fail the build."""
    return bool(result.status == "fail" and result.node.resource_type == "test")


def is_program_scoped(node: Any) -> bool:
    """Whether a test holds the workflows of single programs: it warns, and has `config.meta.holds_conditions_on`."""
    return node.resource_type == "test" and "holds_conditions_on" in node.config.meta


def is_quarantine(node: Any) -> bool:
    """Whether a node is the model of the rows set aside, which has `config.meta.quarantine`."""
    return node.resource_type == "model" and bool(node.config.meta.get("quarantine"))


Findings = Mapping[str | None, str | None]
"""The program that a row of a test names (None: any program) to what the row says was found (None: nothing)."""


def program_scoped_warnings(results: Iterable[Any], found: Mapping[str, Findings]) -> list[DataQualityIssue]:
    """Return an issue for each program in the rows of program-scoped tests; `found` has them by the test's unique id.

    `holds_conditions_on: all` affects all workflows of the program, whatever they have conditions on.
    """
    issues = []
    for result in results:
        if result.status == "warn":
            columns = result.node.config.meta.get("holds_conditions_on")
            node, narrowed = (None, None) if columns == "all" else (_attached(result.node), frozenset(columns or ()))
            for program, finding in found.get(result.node.unique_id, {}).items():
                reason = finding or f"{_what(result.node)}: {_in_one_line(result.node.description)}"
                programs = None if program is None else frozenset({program})
                issues.append(DataQualityIssue(node, reason, narrowed, programs))
    return issues


def _stale(result: Any) -> DataQualityIssue:
    source, allowed = result.node, result.node.freshness.error_after
    age = timedelta(seconds=int(result.age))
    reason = (
        f"{source.source_name}.{source.name} was last loaded at {result.max_loaded_at:%Y-%m-%d %H:%M} UTC, "
        f"{duration(age)} before the hour; {counted(allowed.count, allowed.period.value)} are allowed"
    )
    columns = source.config.meta.get("holds_conditions_on")
    return DataQualityIssue(source.unique_id, reason, frozenset(columns) if columns else None)


def _subjects(result: Any) -> list[str | None]:
    """Return the node itself or, of a test, the model it is attached to; without one, all that it reads."""
    node = result.node
    if node.resource_type == "operation":
        return [None]
    if node.resource_type != "test":
        return [node.unique_id]
    return [_attached(node)] if _attached(node) else list(node.depends_on.nodes)


def _attached(node: Any) -> str | None:
    return getattr(node, "attached_node", None)


def _failure(result: Any, rows: str | None) -> str:
    if result.status == "skipped":
        return f"{_what(result.node)} was not built, because something that it reads failed"
    return f"{_what(result.node)}: {rows or _in_one_line(result.message)}"


def _what(node: Any) -> str:
    """Return the name to show. A generic test is named by its model: dbt shortens long names by a hash."""
    if node.resource_type not in ("test", "unit_test"):
        return str(node.name)
    generic, model = getattr(node, "test_metadata", None), _attached(node)
    return f"test {generic.name} on {model.split('.')[-1]}" if generic and model else f"test {node.name}"


def _in_one_line(text: str | None) -> str:
    return " ".join((text or "").split())
