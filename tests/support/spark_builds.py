"""One account on DuckDB and on Spark: its raw rows are copied to Spark, and the relations of both are compared."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout, suppress
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from dbt.cli.main import dbtRunner

from compiler import PROJECT, Compiler, Workflow, compile_models
from flows.transform.generated_models import FILES, FOLDER
from flows.transform.project_copy import copy_folder, write_changed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMAS = ("staging", "intermediate", "marts", "segments", "snapshots")

NOT_COMPARED = {
    "clicks_checksum", "actions_checksum",  # each engine computes its own
    "dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to",  # by the clock
}  # fmt: skip


def project_with(folder: Path, workflows: Sequence[Workflow], compiler: Compiler, dialect: str) -> Path:
    """Copy the dbt project to a folder, with the models of these workflows in a dialect, and return the folder."""
    copy_folder(PROJECT, folder, excluded=[FOLDER / name for name in FILES])
    write_changed(folder / FOLDER, compile_models(workflows, compiler, dialect))
    return folder


def run_dbt(project: Path, target: str, *command: str) -> dict[str, Counter]:
    """Run a dbt command, and return the number of results by resource type and status.

    Raises AssertionError with the messages of the results that failed.
    """
    folders = ["--project-dir", str(project), "--profiles-dir", str(project), "--log-path", str(project / "logs")]
    quiet = ["--quiet", "--log-level", "none", "--log-level-file", "info"]
    with redirect_stdout(StringIO()):
        done = dbtRunner().invoke([*command, *folders, "--target", target, *quiet])
    results = list(getattr(done.result, "results", ()))
    failed = [one for one in results if one.status in ("error", "fail")]
    assert done.success, "\n".join([str(done.exception), *[f"{one.node.name}: {one.message}" for one in failed]])
    counts: dict[str, Counter] = {}
    for one in results:
        counts.setdefault(str(one.node.resource_type), Counter())[str(one.status)] += 1
    return counts


def copy_raw_tables(warehouse: duckdb.DuckDBPyConnection, spark: "SparkSession", folder: Path) -> None:
    """Replace Spark's raw tables by those of a DuckDB warehouse; its timestamps, which are in UTC, become instants."""
    folder.mkdir(parents=True, exist_ok=True)
    for namespace in ("raw", "failures"):  # dbt lists the second in each build, and creates it in one with tests
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {namespace}")
    names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'raw' ORDER BY ALL"
    for (name,) in warehouse.execute(names).fetchall():
        file = folder / f"{name}.parquet"
        warehouse.execute(f"COPY raw.{name} TO '{file}' (FORMAT parquet)")
        rows = spark.read.parquet(str(file))
        columns = [
            f"CAST({column} AS timestamp) AS {column}" if kind == "timestamp_ntz" else column
            for column, kind in rows.dtypes
        ]
        rows.selectExpr(*columns).writeTo(f"raw.{name}").using("iceberg").createOrReplace()


def relations(warehouse: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return the columns that are compared of each relation that dbt has built, by `schema.name`."""
    found: dict[str, list[str]] = {}
    query = """
        SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns
        WHERE table_schema IN ? AND table_name NOT LIKE '%\\_\\_dbt\\_%' ESCAPE '\\' ORDER BY 1, ordinal_position"""
    for relation, column in warehouse.execute(query, [SCHEMAS]).fetchall():
        if column not in NOT_COMPARED:
            found.setdefault(relation, []).append(column)
    return found


def rows_on_duckdb(warehouse: duckdb.DuckDBPyConnection, relation: str, columns: Iterable[str]) -> Counter:
    """Return the rows of a relation, in any order."""
    found = warehouse.execute(f"SELECT {', '.join(columns)} FROM {relation}").fetchall()
    return Counter(tuple(map(_plain, row)) for row in found)


def rows_on_spark(spark: "SparkSession", relation: str, columns: Sequence[str]) -> Counter:
    """Return the rows of a relation, in any order, with its instants in UTC."""
    kinds = dict(spark.table(relation).dtypes)
    selected = [f"CAST({one} AS timestamp_ntz) AS {one}" if kinds[one] == "timestamp" else one for one in columns]
    found = spark.table(relation).selectExpr(*selected).collect()
    return Counter(tuple(map(_plain, row)) for row in found)


def _plain(value: Any) -> Any:
    """Return a value in a form that is the same on both engines: numbers without a scale, JSON without blanks.

    A decimal in JSON is a text there. Spark writes one that is near 0 with an exponent: 0E-8 for 0.00000000.
    """
    if isinstance(value, bool | datetime) or value is None:
        return value
    if isinstance(value, int | Decimal):
        return Decimal(value).normalize()
    if isinstance(value, float):
        return round(value, 12)
    if isinstance(value, str) and value[:1] in ("{", "["):
        with suppress(ValueError):
            return json.dumps(json.loads(value, object_hook=_without_exponents))
    return value


def _without_exponents(values: dict[str, Any]) -> dict[str, Any]:
    return {name: f"{Decimal(one):f}" if _is_exponential(one) else one for name, one in values.items()}


def _is_exponential(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d+E-\d+", value) is not None
