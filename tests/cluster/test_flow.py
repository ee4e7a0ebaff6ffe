"""The flow on a Spark cluster: every command finds what it finds on DuckDB, and nobody is contacted twice.

The tests follow each other: a run; commands that change nothing; the next hour, whose first driver is killed; two hours
without a run; an hour at which rows are late and events have come, and during which a worker dies; an hour after the
state of DuckDB has moved to the cluster.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from compiler import PartnerflowError
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.pipeline.run import Run, run_hour
from flows.settings import Settings
from flows.warehouse.connection import lock_warehouse, open_warehouse
from flows.warehouse.move import main
from support.cli import command_line, environment, partnerflow
from support.spark_account import AFTER_THE_MOVE, LOADED, NEW_MEMBERS, NEWCOMERS, receive_events
from support.spark_builds import SCHEMAS, relations, rows_on_duckdb, rows_on_spark
from support.spark_cluster import SparkCluster
from support.states import HOUR

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.cluster

KILLED, LATER, MOVED = HOUR + timedelta(hours=1), HOUR + timedelta(hours=4), HOUR + timedelta(hours=5)

INCREMENTAL = ("marts.fct_performance_daily", "intermediate.int_actions_localized")

OF_A_RUN = {"run_id", "sent_at", "already_contacted_at", "suppressed_at", "read_at", "last_received_at"}
"""Columns and keys that differ from run to run; the last two have the time at which a payload could not be read."""

OF_A_BUILD = {"seen_at", "is_changed"}
"""Columns that differ between builds: when a version was first seen, and what a build found to have changed."""

CHANGED = "intermediate.int_changed_partners"
"""The partners that a build found to have changed: after a killed one, all of them."""

PUBLISHED = ("marts.", "snapshots.")
"""What every engine publishes."""

ABANDONED = "scratch_20260101000000_0a1b2c3d"
"""Temporary tables of a command that was killed long ago."""


def execute(on_duckdb: Settings, spark: "SparkSession", statements: Iterable[str]) -> None:
    """Run statements on both engines, each of which must change rows."""
    with duckdb.connect(on_duckdb.warehouse) as duck:
        for statement in statements:
            ((changed,),) = duck.execute(statement).fetchall()
            assert changed, statement
            spark.sql(statement)


def drop_everything(spark: "SparkSession") -> None:
    """Drop the namespaces and first what they have, since Iceberg's JDBC catalog has no CASCADE."""
    for namespace in ("raw", *SCHEMAS):
        for kind in ("VIEW", "TABLE"):
            for row in spark.sql(f"SHOW {kind}S IN {namespace}").collect():
                if not row.isTemporary:
                    spark.sql(f"DROP {kind} {namespace}.{row[f'{kind.lower()}Name']}")
        spark.sql(f"DROP NAMESPACE {namespace}")


def differences(on_duckdb: Settings, spark: "SparkSession") -> dict[str, tuple[Counter, Counter]]:
    """Return the rows that only DuckDB has, and those that only Spark has, of the relations that differ.

    All relations are compared, except for what differs between runs and builds.
    """
    found = {}
    with duckdb.connect(on_duckdb.warehouse, read_only=True) as duck:
        compared = relations(duck)
        assert "marts.recipients" in compared
        del compared[CHANGED]
        for relation, columns in compared.items():
            chosen = [column for column in columns if column not in OF_A_RUN | OF_A_BUILD]
            expected, actual = rows_on_duckdb(duck, relation, chosen), rows_on_spark(spark, relation, chosen)
            if expected != actual:
                found[relation] = (expected - actual, actual - expected)
    return found


def contacts(settings: Settings) -> Counter:
    """Return the deliveries of the ledger: workflow, partner, contract, address and state."""
    with closing(Ledger(settings.ledger)) as ledger:
        found = deliveries(ledger)
    return Counter((one.workflow_id, one.partner_id, one.contract_id, one.email, one.state) for one in found)


def without_run(document: Any) -> Any:
    """Return a JSON document without the keys that differ from run to run."""
    if isinstance(document, dict):
        return {key: without_run(value) for key, value in document.items() if key not in OF_A_RUN}
    return [without_run(one) for one in document] if isinstance(document, list) else document


def test_run_contacts_those_of_duckdb(on_duckdb: Settings, on_spark: Settings):
    """Each of the addresses once; some wait, for a send window or a cap, and some are held out."""
    assert contacts(on_spark) == contacts(on_duckdb)
    assert {"sent", "pending", "held_out"} <= {state for *_, state in contacts(on_spark)}
    assert {*contacts(on_spark).values()} == {1}
    assert len(list(on_spark.outbox.rglob("*.eml"))) == len(list(on_duckdb.outbox.rglob("*.eml"))) > 0


def test_first_build_passes_the_data_tests(on_spark: Settings):
    """All models, the snapshot and all data tests are in it; tests about the quality of loaded rows may warn."""
    log = (on_spark.state_dir / "logs" / "dbt.log").read_text()
    counts = max((dict(one.split("=") for one in line.split() if "=" in one) for line in log.splitlines()
                  if "Done. PASS=" in line), key=lambda one: int(one["TOTAL"]))  # fmt: skip
    assert (counts["ERROR"], counts["SKIP"]) == ("0", "0")
    assert int(counts["PASS"]) > 150


def test_published_file_is_that_of_duckdb(on_duckdb: Settings, on_spark: Settings):
    """It is exported from Spark, with all digits and the types of DuckDB."""
    with (
        duckdb.connect(on_duckdb.published, read_only=True) as expected,
        duckdb.connect(on_spark.published, read_only=True) as found,
    ):
        compared = {name: columns for name, columns in relations(expected).items() if name.startswith(PUBLISHED)}
        assert {"marts.workflow_lift", "snapshots.contract_history"} <= compared.keys()
        assert relations(found).keys() == compared.keys()
        for relation, columns in compared.items():
            chosen = [column for column in columns if column not in OF_A_RUN]
            assert rows_on_duckdb(found, relation, chosen) == rows_on_duckdb(expected, relation, chosen), relation


SAME = [
    ("preview", "few-clicks-14", "--as-of", "2026-03-20T18:00Z"),
    ("explain", "few-clicks-14", "21005016", "--as-of", "2026-03-20T18:00Z"),
    ("history", "few-clicks-14", "--from", "2026-03-19", "--to", "2026-03-20"),
    ("simulate", "few-clicks-14", "--from", "2026-03-20", "--to", "2026-03-20"),
    ("report",),
    ("check",),
]


@pytest.mark.parametrize("command", SAME, ids=lambda command: command[0])
def test_command_prints_the_json_of_duckdb(
    on_duckdb: Settings, on_spark: Settings, spark: "SparkSession", command: tuple[str, ...]
):
    """So do report and check, which read the published file. No temporary table is left in the catalog."""
    expected, found = (partnerflow(settings, *command, "--json") for settings in (on_duckdb, on_spark))
    assert (found.code, found.stderr) == (0, "")
    assert without_run(found.json()) == without_run(expected.json())
    assert spark.sql("SHOW NAMESPACES LIKE 'scratch*'").collect() == []


def test_doctor_finds_no_error(on_spark: Settings):
    """The age of the example account is a warning. The rules of Java's time zones are compared with Python's."""
    on_spark.state_dir.chmod(0o700)
    found = partnerflow(on_spark, "doctor", "--json")
    assert [one for one in found.json()["findings"] if one["severity"] == "error"] == []


def test_source_has_the_version_of_its_snapshot(on_spark: Settings, spark: "SparkSession"):
    """Nothing is read of the rows. A table that is not Iceberg's has a checksum of them."""
    spark.sql("CREATE OR REPLACE VIEW raw.a_view AS SELECT program_id FROM raw.programs")
    with open_warehouse(on_spark.warehouse) as connection:
        found = connection.versions("raw", ["programs", "partners"])
        assert all(one.startswith("snapshot ") for one in found.values())
        with_view = connection.versions("raw", ["programs", "partners", "a_view"])
    spark.sql("DROP VIEW raw.a_view")
    assert with_view.pop("a_view").startswith("2 rows, ")
    assert with_view == found


def test_run_of_another_state_folder_is_refused(on_spark: Settings, tmp_path: Path):
    """The error names the folder whose run came first, and what to do."""
    with pytest.raises(PartnerflowError, match=f"state folder {on_spark.state_dir} on .*`DROP TABLE raw.state_folder`"):
        lock_warehouse(on_spark.warehouse, tmp_path).__enter__()


def test_killed_driver_contacts_nobody_twice(
    on_duckdb: Settings, on_spark: Settings, spark: "SparkSession", cluster: SparkCluster
):
    """A run whose driver is killed after the commit of an incremental table is repeated, and equals DuckDB's."""
    before = contacts(on_spark)
    execute(on_duckdb, spark, NEW_MEMBERS)
    spark.sql(f"CREATE NAMESPACE {ABANDONED}")
    spark.sql(f"CREATE TABLE {ABANDONED}.simulated_sends AS SELECT 1 AS one")
    kill_at_commit(on_spark, cluster.folder / "warehouse" / "marts" / "fct_performance_daily" / "metadata")
    assert contacts(on_spark) == before
    for settings in (on_duckdb, on_spark):
        assert run_hour(settings, KILLED).ok
    assert contacts(on_spark) == contacts(on_duckdb)
    assert {*contacts(on_spark).values()} == {1}
    assert sum(contacts(on_spark).values()) > sum(before.values())
    assert len(list(on_spark.outbox.rglob("*.eml"))) == len(list(on_duckdb.outbox.rglob("*.eml")))
    assert differences(on_duckdb, spark) == {}


def test_run_drops_temporary_tables_of_killed_commands(on_spark: Settings, spark: "SparkSession"):
    """Those of the killed simulation are gone after the run."""
    assert spark.sql("SHOW NAMESPACES LIKE 'scratch*'").collect() == []


def kill_at_commit(settings: Settings, metadata: Path) -> None:
    """Run an hour in a process of its own, and kill it as soon as a table has a new version in this folder."""
    versions = len(list(metadata.glob("*.metadata.json")))
    command = command_line(settings, "run", "--as-of", KILLED.isoformat())
    with (settings.state_dir / "killed.log").open("wb") as log:
        run = subprocess.Popen(command, env=environment(settings), stdout=log, stderr=log, start_new_session=True)
        while len(list(metadata.glob("*.metadata.json"))) == versions:
            assert run.poll() is None, (settings.state_dir / "killed.log").read_text()
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)  # Python and its JVM
        run.wait()


@pytest.fixture(scope="module")
def later(
    on_duckdb: Settings, on_spark: Settings, spark: "SparkSession", cluster: SparkCluster
) -> tuple[Run, Run, dict[str, int]]:
    """The runs on DuckDB and on Spark of an hour after two hours without one, with changed rows and events.

    In the middle of Spark's run a worker is killed. The last value has the commits of the run to incremental tables.
    """
    execute(on_duckdb, spark, LOADED)
    for settings in (on_duckdb, on_spark):
        receive_events(settings)
    commits = {relation: spark.table(f"{relation}.snapshots").count() for relation in INCREMENTAL}
    expected = run_hour(on_duckdb, LATER)
    with worker_killed_in_the_middle(spark, cluster):
        found = run_hour(on_spark, LATER)
    assert "worker1" not in cluster.processes
    return expected, found, {one: spark.table(f"{one}.snapshots").count() - commits[one] for one in INCREMENTAL}


@contextmanager
def worker_killed_in_the_middle(spark: "SparkSession", cluster: SparkCluster) -> Iterator[None]:
    """Kill a worker and its executor when the block has computed many stages, and is computing another one."""
    tracker = spark.sparkContext.statusTracker()
    has_ended = threading.Event()

    def kill() -> None:
        stages: set[int] = set()
        while len(stages) < 100 or not tracker.getActiveStageIds():
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


def test_missed_hours_and_late_rows_are_caught_up_as_on_duckdb(
    on_duckdb: Settings, on_spark: Settings, later: tuple[Run, Run, dict]
):
    """Although a worker is killed meanwhile, the same partners are contacted for the same hours, each once."""
    expected, found, _ = later
    assert found.ok
    assert without_run(found.as_json()) == without_run(expected.as_json())
    assert len(found.catch_up) > 2
    assert contacts(on_spark) == contacts(on_duckdb)
    assert {*contacts(on_spark).values()} == {1}
    assert {one for _, one, *_ in contacts(on_spark)} >= NEWCOMERS.keys()
    assert len(list(on_spark.outbox.rglob("*.eml"))) == len(list(on_duckdb.outbox.rglob("*.eml")))


def test_events_settle_deliveries_and_suppress_addresses(on_spark: Settings, later: tuple[Run, Run, dict]):
    """Events of the landing folder are loaded by the run."""
    with duckdb.connect(on_spark.published, read_only=True) as published:
        in_doubt = published.execute("SELECT count(*) FROM marts.sent_emails WHERE state = 'in_doubt'").fetchall()
        reasons = {one for (one,) in published.execute("SELECT reason FROM marts.suppressions").fetchall()}
    assert in_doubt == [(0,)]
    assert {"hard bounce", "complaint", "unsubscribed"} <= reasons


def test_incremental_build_equals_duckdb(on_duckdb: Settings, spark: "SparkSession", later: tuple[Run, Run, dict]):
    """After changed, deleted and late rows, new contracts and events, all relations are equal again."""
    assert differences(on_duckdb, spark) == {}


def test_incremental_table_is_replaced_in_one_commit(later: tuple[Run, Run, dict[str, int]]):
    """Deleted and new rows are committed together, so no reader misses the changed partners."""
    _, _, commits = later
    assert commits == dict.fromkeys(INCREMENTAL, 1)


def test_plan_of_the_hour_has_nobody_left(on_duckdb: Settings, on_spark: Settings, later: tuple[Run, Run, dict]):
    """All who are in a segment at the hour have been contacted."""
    expected, found = (
        partnerflow(settings, "plan", "--as-of", LATER.isoformat(), "--json") for settings in (on_duckdb, on_spark)
    )
    assert found.code == 0, found.stderr
    assert without_run(found.json()) == without_run(expected.json())
    assert {one["recipients"] for one in found.json()["workflows"]} == {0}


def test_state_that_moves_from_duckdb_contacts_the_same_partners(
    on_duckdb: Settings, on_spark: Settings, spark: "SparkSession", tmp_path: Path, later: tuple[Run, Run, dict]
):
    """An empty cluster gets the raw tables; ledger, outbox and published file stay. Nobody is written to twice."""
    execute(on_duckdb, spark, AFTER_THE_MOVE)
    drop_everything(spark)
    var = Path(shutil.copytree(on_duckdb.state_dir, tmp_path / "var"))
    moved = on_spark.model_copy(update={"state_dir": var})
    main(var / "warehouse.duckdb", moved)
    before = contacts(moved)
    for settings in (on_duckdb, moved):
        assert run_hour(settings, MOVED).ok
    assert contacts(moved) == contacts(on_duckdb)
    assert {*contacts(moved).values()} == {1}
    assert sum(contacts(moved).values()) > sum(before.values())
    assert len(list(moved.outbox.rglob("*.eml"))) == len(list(on_duckdb.outbox.rglob("*.eml")))
