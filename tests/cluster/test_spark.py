"""The dbt project on a Spark cluster with Iceberg tables: the same rows and members as on DuckDB.

The tests follow each other: a full build, then an incremental one of changed rows, then another account, while which a
worker dies.
"""

import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from compiler import Compiler
from flows.definitions.loader import read_definitions
from flows.events.bounce_type import bounce_type
from flows.settings import CHECKOUT, Settings
from support.account import VOCABULARY, empty_account
from support.bounce_evidence import MACRO, pairs
from support.drawn_account import drawn_account
from support.spark_account import CHANGES, fill_account
from support.spark_builds import copy_raw_tables, project_with, relations, rows_on_duckdb, rows_on_spark, run_dbt
from support.spark_cluster import SparkCluster, missing, spark_cluster

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.cluster

INCREMENTAL = ("marts.fct_performance_daily", "intermediate.int_actions_localized")
FIRST_BUILD = ("--full-refresh", "--exclude-resource-type", "test")
SECOND_BUILD = ("--exclude-resource-type", "unit_test")
"""The unit tests run in the first build, and the data tests in the second one: each of them once."""

WITHOUT_TESTS = ("build", "--resource-type", "model", "--resource-type", "snapshot")


@pytest.fixture(scope="module")
def cluster() -> Iterator[SparkCluster]:
    """A master, two workers and the catalog. As root, PostgreSQL runs as another user: hence not in pytest's folder."""
    if lacking := missing():
        assert not os.environ.get("PARTNERFLOW_REQUIRE_CLUSTER"), lacking
        pytest.skip(f"The cluster needs {', '.join(lacking)}")
    with tempfile.TemporaryDirectory(prefix="cluster") as folder:
        Path(folder).chmod(0o755)
        with spark_cluster(Path(folder) / "spark") as running:
            yield running


@pytest.fixture(scope="module")
def spark(cluster: SparkCluster) -> Iterator["SparkSession"]:
    """A session on the cluster, which dbt shares: it runs in this process, and a process has one session."""
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SPARK_CONF_DIR": str(cluster.conf), "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "UTC"}.items():
            patch.setenv(name, value)
        time.tzset()
        session = SparkSession.builder.appName("partnerflow").getOrCreate()
        yield session
        session.stop()
    time.tzset()


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
    """The account on both engines, before any build."""
    folder = tmp_path_factory.mktemp("account")
    settings = Settings(state_dir=folder / "var", workflows=CHECKOUT / "workflows")
    fill_account(settings)
    definitions = read_definitions(settings)
    projects = {
        name: project_with(folder / name, definitions.active, definitions.compiler, name)
        for name in ("duckdb", "spark")
    }
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


def test_members_of_drawn_segments_survive_a_dead_worker(
    account: Account, full_build: dict, spark: "SparkSession", cluster: SparkCluster, tmp_path: Path
):
    """200 drawn segments have the members of DuckDB, though a worker is killed in the middle of Spark's build."""
    drawn = drawn_account(int(os.environ.get("PARTNERFLOW_SEGMENTS", "200")))
    compiler = Compiler(VOCABULARY)
    with empty_account().holding(drawn.rows, drawn.hour) as duck:
        expected = drawn.members_on(duck.connection, compiler)
        copy_raw_tables(duck.connection, spark, tmp_path / "parquet")
    project = project_with(account.projects["spark"], drawn.workflows, compiler, "spark")
    spark.sql("DROP TABLE snapshots.contract_history")
    killed = threading.Thread(target=_kill_a_worker, args=(spark, cluster))
    killed.start()
    run_dbt(project, "spark", *WITHOUT_TESTS, "--full-refresh", "--select", "+segment_membership")
    killed.join()
    assert "worker1" not in cluster.processes
    found = spark.sql(
        "SELECT workflow_id, program_id, partner_id, CAST(evaluated_at AS timestamp_ntz) FROM marts.segment_membership"
    )
    assert sorted(map(tuple, found.collect())) == expected
    assert len({workflow_id for workflow_id, *_ in expected}) > 50


def _kill_a_worker(spark: "SparkSession", cluster: SparkCluster) -> None:
    """Kill a worker and its executor when the build has finished some stages and is computing another one."""
    tracker = spark.sparkContext.statusTracker()
    stages: set[int] = set()
    while len(stages) < 20 or not tracker.getActiveStageIds():
        stages |= set(tracker.getActiveStageIds())
        time.sleep(0.01)
    cluster.kill_worker("worker1")
