"""The dbt project and the compiled segments on a Spark cluster with Iceberg tables: what is found on DuckDB.

The tests follow those of test_flow.py, and use the tables and projects that these leave.
"""

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from benchmarks.generate import definitions, read_all
from compiler import Compiler, membership_statements
from compiler.sql.dialect import to_sql
from flows.events.bounce_type import bounce_type
from flows.settings import Settings
from support.account import VOCABULARY
from support.bounce_evidence import MACRO, pairs
from support.drawn_account import drawn_account
from support.spark_builds import copy_raw_tables, project_with, run_dbt

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.cluster

MEMBERSHIP = (
    "build", "--resource-type", "model", "--resource-type", "snapshot", "--full-refresh",
    "--select", "+segment_membership",
)  # fmt: skip


def test_unit_tests_pass(on_spark: Settings):
    """Each finds what it expects."""
    results = run_dbt(on_spark.state_dir / "dbt_project", "spark", "test", "--resource-type", "unit_test")
    assert results.keys() <= {"unit_test", "operation"}  # the hooks on-run-start
    assert results["unit_test"].keys() == {"pass"}
    assert results["unit_test"]["pass"] > 40


def test_bounce_types_are_those_of_python(on_spark: Settings, spark: "SparkSession"):
    """The macro `bounce_type` follows the rule of flows/events/bounce_type.py on this engine, too."""
    project = on_spark.state_dir / "dbt_project"
    run_dbt(project, "spark", "compile", "--inline", MACRO)
    (compiled,) = (project / "target" / "compiled").rglob("inline_query*")
    spark.createDataFrame(pairs(), "status string, said string").createOrReplaceTempView("evidence")
    found = spark.sql(compiled.read_text()).collect()
    assert len(found) == len(pairs())
    assert [tuple(row) for row in found if bounce_type(row[0], row[1]) != row[2]] == []


@pytest.mark.parametrize("number", [100, 1_000])
def test_many_segments_have_the_members_of_duckdb(
    on_duckdb: Settings, on_spark: Settings, spark: "SparkSession", number: int
):
    """Spark's parser and its planner take as many segments in one statement, and find the members of DuckDB."""
    compiler = Compiler(VOCABULARY)
    workflows = [one.workflow for one in read_all(definitions(number), VOCABULARY)]
    with closing(duckdb.connect(on_duckdb.warehouse)) as duck:
        *tables, membership = membership_statements(workflows, compiler).items()
        for relation, statement in tables:
            duck.execute(f"CREATE OR REPLACE TABLE {relation} AS {to_sql(statement)}")
        expected = sorted(duck.execute(to_sql(membership[1])).fetchall())
    *tables, membership = membership_statements(workflows, compiler, "spark").items()
    for relation, statement in tables:
        spark.sql(f"CREATE OR REPLACE TABLE {relation} USING iceberg AS {to_sql(statement, 'spark')}")
    assert members(spark.sql(to_sql(membership[1], "spark"))) == expected
    assert expected


def test_drawn_segments_have_the_members_of_duckdb(
    on_duckdb: Settings, on_spark: Settings, spark: "SparkSession", tmp_path: Path
):
    """200 segments on an account that is drawn with them, whose tables replace those of the example account."""
    drawn = drawn_account(int(os.environ.get("PARTNERFLOW_SEGMENTS", "200")))
    on_duckdb.warehouse.unlink()
    drawn.fill(on_duckdb.warehouse)
    for settings in (on_duckdb, on_spark):
        project_with(settings.state_dir / "dbt_project", drawn.workflows, Compiler(VOCABULARY), settings.target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARTNERFLOW_VAR", str(on_duckdb.state_dir))
        run_dbt(on_duckdb.state_dir / "dbt_project", "duckdb", *MEMBERSHIP)
    with closing(duckdb.connect(on_duckdb.warehouse)) as duck:
        copy_raw_tables(duck, spark, tmp_path / "parquet")
        query = "SELECT workflow_id, program_id, partner_id, evaluated_at FROM marts.segment_membership"
        expected = sorted(duck.execute(query).fetchall())
    spark.sql("DROP TABLE snapshots.contract_history")
    run_dbt(on_spark.state_dir / "dbt_project", "spark", *MEMBERSHIP)
    assert members(spark.table("marts.segment_membership")) == expected
    assert len({workflow_id for workflow_id, *_ in expected}) > 50


def members(found: "DataFrame") -> list[tuple]:
    """Return the rows of a membership, sorted: workflow id, program id, partner id and hour, in UTC."""
    columns = ("workflow_id", "program_id", "partner_id", "CAST(evaluated_at AS timestamp_ntz)")
    return sorted(map(tuple, found.selectExpr(*columns).collect()))
