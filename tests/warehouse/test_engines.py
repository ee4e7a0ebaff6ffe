"""Only the adapters of flows/warehouse/engines/ know which engine the warehouse is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from compiler import dialects
from flows.settings import CHECKOUT, Settings
from flows.warehouse.engine import Connection
from flows.warehouse.engines import ENGINES

DRIVERS = {"duckdb", "psycopg2", "pyspark"}

ADAPTERS = {f"flows.warehouse.engines.{name}" for name in ENGINES}

PLACES = {"Database", "DuckDBConnection", "PostgresConnection", "SparkConnection"}

EXCEPT = {
    Path("flows/settings.py"),  # the setting that names the target
    Path("flows/warehouse/published.py"),  # the published file is DuckDB's whatever the warehouse is
    Path("flows/warehouse/published_tables.py"),  # it adds to that file
    Path("compiler/sql/__init__.py"),
    Path("compiler/sql/dialect.py"),
}


def questions(source: str) -> Iterator[str]:
    """Yield what in a module depends on an engine: an import, the name of a dialect, the class of a connection."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.split(".")[0] in DRIVERS)
            case ast.ImportFrom(module=str(module), names=names):
                imported = [module, *(f"{module}.{name.name}" for name in names)]
                yield from (one for one in imported[:1] if one.split(".")[0] in DRIVERS or one in ADAPTERS)
                yield from (one for one in imported[1:] if one in ADAPTERS)
            case ast.Constant(value=str(value)) if value in dialects():
                yield value
            case ast.Name(id=name) if name in PLACES:
                yield name


def test_no_module_but_an_adapter_asks_which_engine_it_is():
    """So a new engine is a file of its own, and no branch anywhere else."""
    files = [*(CHECKOUT / "compiler").rglob("*.py"), *(CHECKOUT / "flows").rglob("*.py")]
    modules = {file.relative_to(CHECKOUT): file.read_text(encoding="utf-8") for file in files}
    adapters = {path for path in modules if path.is_relative_to("flows/warehouse/engines")}
    assert len(adapters) == len(ENGINES) + 1
    found = {str(path): list(questions(text)) for path, text in modules.items() if path not in adapters | EXCEPT}
    assert {path: asked for path, asked in found.items() if asked} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "import duckdb",
        "from psycopg2 import errors",
        "from flows.warehouse.engines.duckdb import BROKEN",
        "from flows.warehouse.engines import postgres",
        "query.sql('duckdb')",
        "if settings.target == 'postgres': pass",
        "isinstance(connection, PostgresConnection)",
        "isinstance(settings.warehouse, Database)",
    ],
)
def test_a_question_about_the_engine_is_found(planted: str):
    """Each way to ask is seen in the source of a module."""
    assert len(list(questions(planted))) == 1


def test_every_target_has_an_engine():
    """The setting accepts the names of the engines, no more and no less."""
    assert set(get_args(Settings.model_fields["target"].annotation)) == set(ENGINES)


def test_guide_lists_every_method_of_a_connection():
    """docs/add-an-engine.md says of each what an adapter must decide, and lists no method that there is not."""
    guide = (CHECKOUT / "docs" / "add-an-engine.md").read_text(encoding="utf-8")
    listed = {name for row in re.findall(r"^\| (`.+?) \|", guide, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    methods = {name for name in vars(Connection) if not name.startswith("_")}
    assert listed == methods - {"close"}
