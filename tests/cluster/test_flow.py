"""The flow on a Spark cluster: every command finds what it finds on DuckDB, and nobody is contacted twice.

The tests follow each other: a run, then commands that change nothing, then a second hour, whose first driver is killed.
"""

import os
import signal
import subprocess
import time
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from flows.ledger.ledger import Ledger
from flows.ledger.queries import changes_since
from flows.pipeline.run import run_hour
from flows.settings import CHECKOUT, Settings
from flows.warehouse.connection import open_warehouse
from support.cli import command_line, environment, partnerflow
from support.spark_builds import relations, rows_on_duckdb, rows_on_spark
from support.spark_cluster import SparkCluster
from support.states import HOUR, copy_state

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.cluster

NEXT_HOUR = HOUR + timedelta(hours=1)

OF_A_RUN = {"delivery_id", "message_id", "run_id", "sent_at", "already_contacted_at"}
"""Columns and keys that differ from run to run."""

OF_A_BUILD = {"seen_at", "is_changed"}
"""Columns that differ between builds: when a version was first seen, and what a build found to have changed."""

CHANGED = "intermediate.int_changed_partners"
"""The partners that a build found to have changed: after a killed one, all of them."""

CHANGES = (
    "UPDATE raw.partner_clicks_daily SET clicks = 0 WHERE program_id = '1000'",
    "UPDATE raw.contracts SET starts_at = TIMESTAMP '2026-03-20 18:30:00' WHERE partner_id = '21004803'",
)
"""What a loader changes between the two hours: it makes new members."""


@pytest.fixture(scope="module")
def on_spark(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account on Spark after one run at its hour."""
    var = tmp_path_factory.mktemp("on_spark") / "var"
    settings = Settings(target="spark", state_dir=var, workflows=CHECKOUT / "workflows")
    loaded = partnerflow(settings, "load-example")
    assert (loaded.code, loaded.stderr) == (0, "")
    assert run_hour(settings, HOUR).ok
    return settings


@pytest.fixture(scope="module")
def on_duckdb(example, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the example account on DuckDB after one run at its hour."""
    settings = example[0].model_copy(update={"state_dir": tmp_path_factory.mktemp("on_duckdb") / "var"})
    copy_state(example[0].state_dir, settings.state_dir)
    return settings


def differences(on_duckdb: Settings, spark: "SparkSession") -> list[str]:
    """Return the relations whose rows differ between the engines, except for what differs between runs and builds."""
    with duckdb.connect(on_duckdb.warehouse, read_only=True) as duck:
        compared = {
            relation: [column for column in columns if column not in OF_A_RUN | OF_A_BUILD]
            for relation, columns in relations(duck).items()
            if relation != CHANGED
        }
        assert "marts.recipients" in compared
        return [
            one for one, columns in compared.items()
            if rows_on_duckdb(duck, one, columns) != rows_on_spark(spark, one, columns)
        ]  # fmt: skip


def contacts(settings: Settings) -> Counter:
    """Return the deliveries of the ledger: workflow, partner, contract, address and state."""
    with closing(Ledger(settings.ledger)) as ledger:
        found = changes_since(ledger, None).deliveries
    return Counter((one.workflow_id, one.partner_id, one.contract_id, one.email, one.state) for one in found)


def without_run(document: Any) -> Any:
    """Return a JSON document without the keys that differ from run to run."""
    if isinstance(document, dict):
        return {key: without_run(value) for key, value in document.items() if key not in OF_A_RUN}
    return [without_run(one) for one in document] if isinstance(document, list) else document


def test_run_contacts_those_of_duckdb(on_duckdb: Settings, on_spark: Settings):
    """Each of the addresses once."""
    assert contacts(on_spark) == contacts(on_duckdb)
    assert {*contacts(on_spark).values()} == {1}
    assert len(list(on_spark.outbox.rglob("*.eml"))) == len(list(on_duckdb.outbox.rglob("*.eml"))) > 0


def test_published_file_is_that_of_duckdb(on_duckdb: Settings, on_spark: Settings):
    """It is exported from Spark, with all digits and the types of DuckDB."""
    with (
        duckdb.connect(on_duckdb.published, read_only=True) as expected,
        duckdb.connect(on_spark.published, read_only=True) as found,
    ):
        compared = relations(expected)
        assert relations(found).keys() == compared.keys()
        for relation, columns in compared.items():
            chosen = [column for column in columns if column not in OF_A_RUN]
            assert rows_on_duckdb(found, relation, chosen) == rows_on_duckdb(expected, relation, chosen), relation


SAME = [
    ("preview", "few-clicks-14", "--as-of", "2026-03-20T18:00Z"),
    ("explain", "few-clicks-14", "21005016", "--as-of", "2026-03-20T18:00Z"),
    ("history", "few-clicks-14", "--from", "2026-03-19", "--to", "2026-03-20"),
    ("simulate", "--from", "2026-03-20", "--to", "2026-03-20", "--workflow", "few-clicks-14"),
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
    assert [name for (name,) in spark.sql("SHOW NAMESPACES").collect() if name.startswith("scratch")] == []


def test_doctor_finds_no_error(on_spark: Settings):
    """The age of the example account is a warning. The rules of Java's time zones are compared with Python's."""
    on_spark.state_dir.chmod(0o700)
    found = partnerflow(on_spark, "doctor", "--json")
    assert [one for one in found.json()["findings"] if one["severity"] == "error"] == []


def test_source_has_the_version_of_its_snapshot(on_spark: Settings, spark: "SparkSession"):
    """Nothing is read of the rows. A table that is not Iceberg's has a checksum of them."""
    spark.sql("CREATE OR REPLACE VIEW raw.a_view AS SELECT program_id FROM raw.programs")
    with open_warehouse(on_spark.warehouse) as connection:
        assert connection.version("raw", "programs").startswith("snapshot ")
        assert connection.version("raw", "a_view").startswith("2 rows, ")
    spark.sql("DROP VIEW raw.a_view")


def test_killed_driver_contacts_nobody_twice(
    on_duckdb: Settings, on_spark: Settings, spark: "SparkSession", cluster: SparkCluster
):
    """A run whose driver is killed after the commit of an incremental table is repeated, and equals DuckDB's."""
    before = contacts(on_spark)
    with duckdb.connect(on_duckdb.warehouse) as duck:
        for statement in CHANGES:
            duck.execute(statement)
            spark.sql(statement)
    kill_at_commit(on_spark, cluster.folder / "warehouse" / "marts" / "fct_performance_daily" / "metadata")
    assert contacts(on_spark) == before
    for settings in (on_duckdb, on_spark):
        assert run_hour(settings, NEXT_HOUR).ok
    assert contacts(on_spark) == contacts(on_duckdb)
    assert {*contacts(on_spark).values()} == {1}
    assert sum(contacts(on_spark).values()) > sum(before.values())
    assert len(list(on_spark.outbox.rglob("*.eml"))) == len(list(on_duckdb.outbox.rglob("*.eml")))
    assert differences(on_duckdb, spark) == []


def kill_at_commit(settings: Settings, metadata: Path) -> None:
    """Run the next hour in a process of its own, and kill it as soon as a table has a new version in this folder."""
    versions = len(list(metadata.glob("*.metadata.json")))
    command = command_line(settings, "run", "--as-of", NEXT_HOUR.isoformat())
    with (settings.state_dir / "killed.log").open("wb") as log:
        run = subprocess.Popen(command, env=environment(settings), stdout=log, stderr=log, start_new_session=True)
        while len(list(metadata.glob("*.metadata.json"))) == versions:
            assert run.poll() is None, (settings.state_dir / "killed.log").read_text()
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)  # Python and its JVM
        run.wait()


def test_plan_of_the_hour_has_nobody_left(on_duckdb: Settings, on_spark: Settings):
    """All who are in a segment at the hour have been contacted."""
    expected, found = (
        partnerflow(settings, "plan", "--as-of", NEXT_HOUR.isoformat(), "--json") for settings in (on_duckdb, on_spark)
    )
    assert found.code == 0, found.stderr
    assert without_run(found.json()) == without_run(expected.json())
    assert {one["recipients"] for one in found.json()["workflows"]} == {0}
