"""The dbt project on a Spark cluster with Iceberg tables: the same rows and members as on DuckDB.

The tests follow each other: a full build, then an incremental one of changed rows, then another account, while which a
worker dies.
"""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from benchmarks.generate import definitions, read_all
from compiler import Compiler, membership_statements
from compiler.sql.dialect import to_sql
from flows.definitions.loader import read_definitions
from flows.events.bounce_type import bounce_type
from flows.settings import CHECKOUT, Settings
from support.account import VOCABULARY
from support.bounce_evidence import MACRO, pairs
from support.drawn_account import drawn_account
from support.spark_account import CHANGES, fill_account
from support.spark_builds import copy_raw_tables, project_with, relations, rows_on_duckdb, rows_on_spark, run_dbt
from support.spark_cluster import SparkCluster

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.cluster

INCREMENTAL = ("marts.fct_performance_daily", "intermediate.int_actions_localized")
FIRST_BUILD = ("--full-refresh", "--exclude-resource-type", "test")
SECOND_BUILD = ("--exclude-resource-type", "unit_test")
"""The unit tests run in the first build, and the data tests in the second one: each of them once."""

WITHOUT_TESTS = ("build", "--resource-type", "model", "--resource-type", "snapshot")


@dataclass
class Account:
    """The example account, changed so that every kind of row occurs, on both engines."""

    warehouse: Path
    spark: "SparkSession"
    projects: dict[str, Path]

    def build(self, *options: str) -> dict[str, Counter]:
        """Build on both engines, on Spark with tests, and return the number of Spark's results."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PARTNERFLOW_VAR", str(self.warehouse.parent))
            refresh = [one for one in options if one == "--full-refresh"]
            run_dbt(self.projects["duckdb"], "duckdb", *WITHOUT_TESTS, *refresh)
            return run_dbt(self.projects["spark"], "spark", "build", "--exclude-resource-type", "exposure", *options)

    def execute(self, *statements: str) -> None:
        """Run statements on both engines."""
        with closing(duckdb.connect(self.warehouse)) as duck:
            for statement in statements:
                ((changed,),) = duck.execute(statement).fetchall()
                assert changed, statement
                self.spark.sql(statement)

    def differences(self) -> dict[str, tuple[Counter, Counter]]:
        """Return the rows that only DuckDB has, and those that only Spark has, of relations that differ."""
        found = {}
        with closing(duckdb.connect(self.warehouse)) as duck:
            for relation, columns in relations(duck).items():
                expected, actual = rows_on_duckdb(duck, relation, columns), rows_on_spark(self.spark, relation, columns)
                if expected != actual:
                    found[relation] = (expected - actual, actual - expected)
        return found

    def snapshots(self, relation: str) -> int:
        """Return the number of commits to an Iceberg table."""
        return self.spark.table(f"{relation}.snapshots").count()


@pytest.fixture(scope="module")
def account(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> Account:
    """The account on both engines, before any build: the history of contracts, which no build replaces, is dropped."""
    spark.sql("DROP TABLE IF EXISTS snapshots.contract_history")
    folder = tmp_path_factory.mktemp("account")
    settings = Settings(state_dir=folder / "var", workflows=CHECKOUT / "workflows")
    fill_account(settings)
    read = read_definitions(settings)
    projects = {name: project_with(folder / name, read.active, read.compiler, name) for name in ("duckdb", "spark")}
    with closing(duckdb.connect(settings.warehouse)) as duck:
        copy_raw_tables(duck, spark, folder / "parquet")
    return Account(settings.warehouse, spark, projects)


@pytest.fixture(scope="module")
def full_build(account: Account) -> dict[str, Counter]:
    """The number of results of a full build, with the unit tests."""
    return account.build(*FIRST_BUILD)


@pytest.fixture(scope="module")
def incremental_build(account: Account, full_build: dict) -> tuple[dict[str, Counter], dict[str, int]]:
    """The number of results of a build of changed, deleted and late rows, with the data tests; and of the commits to
    each incremental table."""
    account.execute("UPDATE raw.build_state SET builds_since = 0", *CHANGES)
    before = {relation: account.snapshots(relation) for relation in INCREMENTAL}
    results = account.build(*SECOND_BUILD)
    return results, {relation: account.snapshots(relation) - before[relation] for relation in INCREMENTAL}


def test_full_build_passes_the_unit_tests(full_build: dict[str, Counter]):
    """All models are built, and each unit test finds what it expects."""
    assert full_build["unit_test"].keys() == {"pass"}
    assert full_build["unit_test"]["pass"] > 40
    assert full_build["model"].keys() == full_build["snapshot"].keys() == {"success"}


def test_every_relation_has_the_rows_of_duckdb(account: Account, full_build: dict):
    """All rows of all relations are compared: staging, the snapshot, facts, membership and recipients."""
    assert account.differences() == {}


def test_incremental_build_equals_duckdb(account: Account, incremental_build: tuple):
    """After changed, deleted and late rows, new contracts and events, all relations are equal again."""
    assert account.differences() == {}


def test_incremental_build_passes_the_data_tests(incremental_build: tuple[dict[str, Counter], dict]):
    """Each passes or, where it is about the quality of loaded rows, may warn."""
    results, _ = incremental_build
    assert results["test"]["pass"] > 60
    assert results["test"].keys() <= {"pass", "warn"}
    assert results["model"].keys() == results["snapshot"].keys() == {"success"}


def test_incremental_table_is_replaced_in_one_commit(incremental_build: tuple[dict, dict[str, int]]):
    """Deleted and new rows are committed together, so no reader misses the changed partners."""
    _, commits = incremental_build
    assert commits == dict.fromkeys(INCREMENTAL, 1)


def test_bounce_types_are_those_of_python(account: Account, full_build: dict):
    """The macro `bounce_type` follows the rule of flows/events/bounce_type.py on this engine, too."""
    run_dbt(account.projects["spark"], "spark", "compile", "--inline", MACRO)
    (compiled,) = (account.projects["spark"] / "target" / "compiled").rglob("inline_query*")
    account.spark.createDataFrame(pairs(), "status string, said string").createOrReplaceTempView("evidence")
    found = account.spark.sql(compiled.read_text()).collect()
    assert len(found) == len(pairs())
    assert [tuple(row) for row in found if bounce_type(row[0], row[1]) != row[2]] == []


@pytest.mark.parametrize("number", [100, 1_000])
def test_many_segments_have_the_members_of_duckdb(account: Account, incremental_build: tuple, number: int):
    """Spark's parser and its planner take as many segments in one statement, and find the members of DuckDB."""
    compiler = Compiler(VOCABULARY)
    workflows = [one.workflow for one in read_all(definitions(number), VOCABULARY)]
    with closing(duckdb.connect(account.warehouse)) as duck:
        *tables, membership = membership_statements(workflows, compiler).items()
        for relation, statement in tables:
            duck.execute(f"CREATE OR REPLACE TABLE {relation} AS {to_sql(statement)}")
        expected = sorted(duck.execute(to_sql(membership[1])).fetchall())
    *tables, membership = membership_statements(workflows, compiler, "spark").items()
    for relation, statement in tables:
        account.spark.sql(f"CREATE OR REPLACE TABLE {relation} USING iceberg AS {to_sql(statement, 'spark')}")
    assert members(account.spark.sql(to_sql(membership[1], "spark"))) == expected
    assert expected


def test_members_of_drawn_segments_survive_a_dead_worker(
    account: Account, full_build: dict, spark: "SparkSession", cluster: SparkCluster, tmp_path: Path
):
    """200 drawn segments have the members of DuckDB, though a worker is killed in the middle of Spark's build."""
    drawn = drawn_account(int(os.environ.get("PARTNERFLOW_SEGMENTS", "200")))
    drawn.fill(tmp_path / "warehouse.duckdb")
    models = ("--full-refresh", "--select", "+segment_membership")
    for name in ("duckdb", "spark"):
        project_with(account.projects[name], drawn.workflows, Compiler(VOCABULARY), name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARTNERFLOW_VAR", str(tmp_path))
        run_dbt(account.projects["duckdb"], "duckdb", *WITHOUT_TESTS, *models)
    with closing(duckdb.connect(tmp_path / "warehouse.duckdb")) as duck:
        copy_raw_tables(duck, spark, tmp_path / "parquet")
        query = "SELECT workflow_id, program_id, partner_id, evaluated_at FROM marts.segment_membership"
        expected = sorted(duck.execute(query).fetchall())
    spark.sql("DROP TABLE IF EXISTS snapshots.contract_history")
    with worker_killed_in_the_middle(spark, cluster):
        run_dbt(account.projects["spark"], "spark", *WITHOUT_TESTS, *models)
    assert "worker1" not in cluster.processes
    assert members(spark.table("marts.segment_membership")) == expected
    assert len({workflow_id for workflow_id, *_ in expected}) > 50


def members(found: "DataFrame") -> list[tuple]:
    """Return the rows of a membership, sorted: workflow id, program id, partner id and hour, in UTC."""
    columns = ("workflow_id", "program_id", "partner_id", "CAST(evaluated_at AS timestamp_ntz)")
    return sorted(map(tuple, found.selectExpr(*columns).collect()))


@contextmanager
def worker_killed_in_the_middle(spark: "SparkSession", cluster: SparkCluster) -> Iterator[None]:
    """Kill a worker and its executor when the block has computed some stages, and is computing another one."""
    tracker = spark.sparkContext.statusTracker()
    has_ended = threading.Event()

    def kill() -> None:
        stages: set[int] = set()
        while len(stages) < 20 or not tracker.getActiveStageIds():
            if has_ended.wait(0.01):
                return
            stages |= set(tracker.getActiveStageIds())
        cluster.kill_worker("worker1")

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()
