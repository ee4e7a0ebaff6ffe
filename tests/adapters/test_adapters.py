"""The whole dbt project on five warehouses that cannot run here: every statement of dbt is recorded and parsed.

Each warehouse's own adapter runs builds, tests, unit tests and the snapshot in an environment of its own, where
tests/adapters/record.py answers instead of the warehouse. Parsing proves that a statement is in the warehouse's
dialect and calls only functions that it has: it does not prove results.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from sqlglot import exp

from compiler import PROJECT
from flows.definitions.loader import read_definitions
from support.adapters import python_with_adapters
from support.dialect_checks import problems
from support.spark_builds import SCHEMAS, project_with

pytestmark = pytest.mark.adapters

USER = {"user": "nobody", "password": "none", "schema": "marts", "threads": 1}
PROFILES: dict[str, dict[str, Any]] = {
    "snowflake": {**USER, "account": "nowhere", "warehouse": "none", "database": "partnerflow"},
    "bigquery": {"method": "oauth", "project": "nowhere", "dataset": "marts", "threads": 1},
    "databricks": {"host": "nowhere.invalid", "http_path": "/none", "token": "none", "catalog": "partnerflow",
                   "schema": "marts", "threads": 1},
    "redshift": {**USER, "host": "nowhere.invalid", "port": 5439, "dbname": "partnerflow"},
    "trino": {"host": "nowhere.invalid", "port": 8080, "user": "nobody", "method": "none", "http_scheme": "http",
              "database": "partnerflow", "schema": "marts", "threads": 1},
}  # fmt: skip
"""Outputs of profiles.yml with credentials that nobody has, by dialect."""


BLANK = r"(\s|--[^\n]*\n|/\*.*?\*/)*"
OURS = re.compile(BLANK + r"(create|delete|insert|merge|select|update|with)\b", re.I | re.S)
"""The beginning of a statement with SQL of this project; others (alter, show, comment …) are the adapter's own."""

WRITES = re.compile(BLANK + r"(\w+)", re.S)
"""The first word of a statement."""


@pytest.fixture(scope="module", params=PROFILES)
def recorded(request: pytest.FixtureRequest, example, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list]:
    """The dialect, and the statements of all commands on its warehouse."""
    python = python_with_adapters()
    target, (settings, _) = request.param, example
    definitions = read_definitions(settings)
    folder = project_with(tmp_path_factory.mktemp(target) / "project", definitions.active, definitions.compiler, target)
    output = {"type": target, **PROFILES[target]}
    profile = {"partnerflow": {"target": target, "outputs": {target: output}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    (folder / "relations.json").write_text(json.dumps(relations_of(settings.warehouse, target)))
    command = [str(python), str(Path(__file__).with_name("record.py")), str(folder), target]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-6000:]
    return target, json.loads((folder / "statements.json").read_text())


def relations_of(warehouse: Path, dialect: str) -> dict[str, dict[str, Any]]:
    """Return each relation that DuckDB has built: `kind`, and as `columns` the names and types in a dialect."""
    query = """
        SELECT table_schema || '.' || table_name, table_type, column_name, data_type
        FROM information_schema.columns INNER JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema IN (SELECT unnest(?)) ORDER BY 1, ordinal_position"""
    found: dict[str, dict[str, Any]] = {}
    with duckdb.connect(warehouse, read_only=True) as connection:
        for relation, kind, column, type_ in connection.execute(query, [[*SCHEMAS, "raw"]]).fetchall():
            known = found.setdefault(relation, {"kind": "view" if kind == "VIEW" else "table", "columns": []})
            name = column.upper() if dialect == "snowflake" else column
            known["columns"].append((name, column_type(type_, dialect)))
    return found


def column_type(kind: str, dialect: str) -> str:
    """Return one of DuckDB's types in a dialect; JSON is text where the macros of adapters/json.sql say so."""
    text = {"snowflake": "variant"}.get(dialect, "varchar")
    return exp.DataType.build(text if kind == "JSON" else kind, dialect="duckdb").sql(dialect)


def test_every_statement_has_only_what_the_warehouse_documents(recorded: tuple[str, list]):
    """It parses as a statement, and has no function that neither sqlglot nor the reviewed list knows, and no word that
    the warehouse reserves as the name of a column."""
    dialect, statements = recorded
    found = {}
    for one in statements:
        for problem in problems(one["sql"], dialect) if OURS.match(one["sql"]) else ():
            found.setdefault(problem, f"{one['run']}, {one['node']}")
    assert found == {}


def test_every_model_unit_test_and_snapshot_was_run(recorded: tuple[str, list]):
    """In two builds all hand-written models, those of other loaders in builds of their own."""
    _, statements = recorded
    ran: dict[str, set[str]] = {}
    for one in statements:
        ran.setdefault(one["run"], set()).add(one["node"].rsplit(".", 1)[-1])
    written = {file for file in PROJECT.glob("models/**/*.sql") if file.parent.name != "generated"}
    of_loaders = {file.stem for file in written if "loaders" in file.parts}
    models = {file.stem for file in written} - of_loaders
    unit_tests = {
        test["name"]
        for file in PROJECT.glob("models/**/*.yml")
        if "loaders" not in file.parts
        for test in yaml.safe_load(file.read_text()).get("unit_tests", ())
    }
    assert models | unit_tests | {"contract_history"} <= ran["first build"]
    assert models | {"contract_history"} <= ran["second build"]
    assert of_loaders <= ran["fivetran"] | ran["tap_impact"]
    assert ran["freshness"]


def test_second_build_replaces_the_rows_of_changed_partners(recorded: tuple[str, list]):
    """By one statement that deletes and inserts, or by two in one transaction, so that no reader misses a partner."""
    dialect, statements = recorded
    for model in ("fct_performance_daily", "int_actions_localized"):
        node = f"model.partnerflow.{model}"
        words = [
            found[2].lower()
            for one in statements
            if (one["run"], one["node"]) == ("second build", node) and (found := WRITES.match(one["sql"]))
        ]
        expected = ["begin", "delete", "insert", "commit"] if dialect == "redshift" else ["merge"]
        assert [word for word in words if word in ("begin", "delete", "insert", "merge", "commit")] == expected
