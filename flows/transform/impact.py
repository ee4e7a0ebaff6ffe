"""Held, not wrong: which workflows read a table that is stale or failed, by dbt's own lineage.

A workflow reads the relations of its compiled segment, and whatever follows the generated models reads for all of them
(addresses, counts). Where `config.meta.holds` of a source or a test names columns of marts, only the workflows with a
condition on one of these are meant: stale clicks do not hold a workflow that asks for revenue alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from compiler import MODELS, Compiler, Workflow
from compiler.sql.exposures import relations_read

FAILED = {"error", "fail", "runtime error", "partial success"}


@dataclass(frozen=True)
class Fault:
    """Something that is not as it must be: a dbt node (its unique id; None is all of them) and what is wrong.

    `columns` narrows it to the conditions on these columns of marts ("model.column"), `programs` to workflows of these
    programs; None is everything that the lineage reaches.
    """

    node: str | None
    reason: str
    columns: frozenset[str] | None = None
    programs: frozenset[str] | None = None


class Lineage:
    """Who reads what, in a project as dbt knows it.

    `segments` selects the generated models and all that follows them, in dbt's words.
    """

    def __init__(self, manifest: Manifest, compiler: Compiler):
        self.manifest = manifest
        self._children = manifest.child_map
        self._compiler = compiler
        self._names = {key: node.name for key, node in manifest.nodes.items()}
        self._generated = {key for key, name in self._names.items() if name in MODELS}
        self._common = self._below(self._generated, through=self._generated)
        self.segments = [f"{name}+" for name in sorted(MODELS)]

    def held(self, workflows: Iterable[Workflow], faults: Collection[Fault]) -> dict[str, str]:
        """The ids of the workflows that the faults reach, each with the reasons."""
        reached = [(fault, self._below([fault.node] if fault.node else self._generated)) for fault in faults]
        held: dict[str, str] = {}
        for workflow in workflows:
            reasons = [fault.reason for fault, nodes in reached if self._concerns(workflow, fault, nodes)]
            if reasons:
                held[workflow.id] = "; ".join(dict.fromkeys(reasons[:3]))
        return held

    def _concerns(self, workflow: Workflow, fault: Fault, reached: set[str]) -> bool:
        if fault.programs is not None and workflow.program not in fault.programs:
            return False
        if fault.columns is not None:
            return bool(fault.columns & columns_read(workflow, self._compiler))
        if reached & (self._common | self._generated):
            return True
        return bool({self._names.get(node) for node in reached} & relations_read(workflow, self._compiler))

    def _below(self, nodes: Iterable[str], through: Collection[str] = ()) -> set[str]:
        """The nodes and all that depends on them, but what does so by way of a generated model only."""
        found, waiting = set(), list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                below = self._children.get(node, ())
                waiting += [one for one in below if one not in self._generated or node in through]
        return found


def columns_read(workflow: Workflow, compiler: Compiler) -> set[str]:
    """The columns of marts that a workflow's conditions are about, as "model.column"."""
    fields = [compiler.vocabulary[condition.label] for condition in workflow.segment]
    return {f"{field.model}.{field.column}" for field in fields}


def stale_sources(results: Iterable[Any]) -> list[Fault]:
    """The sources whose newest row is older than their freshness allows (results of `dbt source freshness`)."""
    return [_stale(result) for result in results if result.status == "error"]


def failures(results: Iterable[Any]) -> list[Fault]:
    """What failed in a build: models, and what the failed tests are about."""
    return [
        Fault(node, _failure(result)) for result in results if result.status in FAILED for node in _subjects(result)
    ]


def holds_programs(node: Any) -> bool:
    """Whether a test holds single programs: its severity is warn, and it names columns in `config.meta.holds`."""
    return node.resource_type == "test" and "holds_conditions_on" in node.config.meta


def doubts(results: Iterable[Any], programs: Mapping[str, frozenset[str]]) -> list[Fault]:
    """The tests that hold single programs and found any; `programs` has those by the test's unique id."""
    return [
        Fault(_attached(result.node), f"{_what(result.node)}: {_in_one_line(result.node.description)}",
              frozenset(result.node.config.meta["holds_conditions_on"]), programs[result.node.unique_id])
        for result in results
        if result.status == "warn" and result.node.unique_id in programs
    ]  # fmt: skip


def _stale(result: Any) -> Fault:
    source, allowed = result.node, result.node.freshness.error_after
    age = timedelta(seconds=int(result.age))
    reason = (
        f"{source.source_name}.{source.name} was last loaded at {result.max_loaded_at:%Y-%m-%d %H:%M} UTC, "
        f"{age} before the hour; {allowed.count} {allowed.period.value}s are allowed"
    )
    columns = source.config.meta.get("holds_conditions_on")
    return Fault(source.unique_id, reason, frozenset(columns) if columns else None)


def _subjects(result: Any) -> list[str | None]:
    """The node itself, or what a test is about: the model it stands beside, and where it stands alone all it reads."""
    node = result.node
    if node.resource_type == "operation":
        return [None]
    if node.resource_type != "test":
        return [node.unique_id]
    return [_attached(node)] if _attached(node) else list(node.depends_on.nodes)


def _attached(node: Any) -> str | None:
    return getattr(node, "attached_node", None)


def _failure(result: Any) -> str:
    return f"{_what(result.node)}: {_in_one_line(result.message)}"


def _what(node: Any) -> str:
    """The node in words. A generic test is named with its model: dbt cuts a long name and puts a hash behind it."""
    if node.resource_type not in ("test", "unit_test"):
        return str(node.name)
    generic, model = getattr(node, "test_metadata", None), _attached(node)
    return f"test {generic.name} on {model.split('.')[-1]}" if generic and model else f"test {node.name}"


def _in_one_line(text: str | None) -> str:
    return " ".join((text or "").split())
