"""Who may import whom: compiler <- flows, one way, and no cycles."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from flows.settings import CHECKOUT

FILES = [*sorted((CHECKOUT / "compiler").rglob("*.py")), *sorted((CHECKOUT / "flows").rglob("*.py"))]
EFFECTS = {"duckdb", "dbt", "prefect", "sqlalchemy", "pandas", "flows"}


def imported(file: Path) -> set[str]:
    """The modules that a file imports, at its top or anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def module(file: Path) -> str:
    return f"{file.parent.name}.{file.stem}"


@pytest.mark.parametrize("file", [file for file in FILES if file.is_relative_to(CHECKOUT / "compiler")], ids=module)
def test_the_compiler_is_pure(file: Path):
    """It has no effects and knows nothing of flows."""
    roots = {name.split(".")[0] for name in imported(file)}
    assert roots & EFFECTS == set()


@pytest.mark.parametrize("leaf", ["errors", "segment_tree"])
def test_errors_and_tree_are_leaves(leaf: str):
    """They import nothing of the package."""
    names = imported(CHECKOUT / "compiler" / f"{leaf}.py")
    assert not [name for name in names if name.startswith("compiler")]


def test_no_import_goes_in_a_circle():
    """graphlib raises CycleError otherwise."""
    graph = {module(file): {name for name in imported(file) if name.count(".")} for file in FILES}
    assert list(TopologicalSorter(graph).static_order())


def test_commands_that_only_read_definitions_start_without_dbt_and_prefect():
    """`partnerflow fields` answers at once: what starts slowly is imported by the commands that use it."""
    heavy = {"dbt", "prefect", "duckdb", "pandas", "sqlalchemy", "fastapi"}
    code = f"import sys, flows.cli.main; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
