"""Fixtures for all tests: empty states, the example account, a ledger; on DuckDB or on PostgreSQL. A Spark cluster."""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.definitions.loader import read_definitions
from flows.ledger.ledger import Ledger
from flows.logs import LOGGERS
from flows.pipeline.run import Run, run_hour
from flows.settings import Settings
from flows.transform.build import build, prepare_project
from flows.transform.dbt_runner import Dbt
from flows.warehouse.connection import open_warehouse
from support.cli import partnerflow
from support.databases import ENGINE, server_variables, warehouse_of
from support.example_workflows import WORKFLOWS, copy_workflows
from support.spark_account import IN_TOKYO, share_keys, workflows_with_everything
from support.spark_cluster import SparkCluster, missing, spark_cluster
from support.states import HOUR, build_once, copy_state, remove_state, with_example

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

os.environ.pop("COLUMNS", None)  # a worker of pytest-xdist has it, and commands would wrap their lines
os.environ["PARTNERFLOW_VAR"] = str(WORKFLOWS.parent / "var")  # not the state that `make run` has left in the checkout


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that are about another engine than the session's (PARTNERFLOW_TEST_ENGINE)."""
    for item in items:
        marker = item.get_closest_marker("engine")
        if marker and marker.args[0] != ENGINE:
            item.add_marker(pytest.mark.skip(reason=f"Only on {marker.args[0]}: {marker.args[1]}"))


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """The umask of before a test, after it: a command sets that of its process."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def unconfigured_logging() -> Iterator[None]:
    """Close the log that a command in this process has opened.

    Otherwise the next record, of whichever test, would create the log file again in a state that has been removed.
    """
    yield
    for name in LOGGERS:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()
        logger.propagate = True


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger in SQLite."""
    with closing(Ledger(tmp_path / "ledger.db")) as one:
        yield one


@pytest.fixture(scope="session", autouse=True)
def session_on_postgres() -> Iterator[None]:
    """Every state of the session is on PostgreSQL, in a database of its own, if the session's engine is that."""
    with pytest.MonkeyPatch.context() as patch:
        if ENGINE == "postgres":
            for name, value in (server_variables() | {"PARTNERFLOW_TARGET": "postgres"}).items():
                patch.setenv(name, value)
            patch.setattr(Settings, "warehouse", property(warehouse_of))
        yield


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path at which this worker's states are used, one after the other.

    dbt parses a project again, in five seconds, when the path in its profile has changed; so it stays the same.
    """
    return tmp_path_factory.mktemp("workshop") / "var"


@pytest.fixture(scope="session")
def read_project(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dbt project of a state at that path, parsed once."""
    settings = Settings(state_dir=workshop, workflows=WORKFLOWS)
    made = prepare_project(settings, read_definitions(settings))
    Dbt(settings, made).parse()
    kept = Path(shutil.move(made, tmp_path_factory.mktemp("project")))
    remove_state(workshop)
    return kept


@pytest.fixture
def settings(workshop: Path, read_project: Path) -> Iterator[Settings]:
    """An empty state with the sixteen example workflows, its dbt project already parsed."""
    shutil.copytree(read_project, workshop / "dbt_project")
    yield Settings(state_dir=workshop, workflows=WORKFLOWS)
    remove_state(workshop)


@pytest.fixture(scope="session")
def example(workshop: Path, read_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Run]:
    """The example account after one run at its hour, to be read and not changed."""
    settings = Settings(state_dir=workshop, workflows=WORKFLOWS)

    def build_example() -> Run:
        shutil.copytree(read_project, workshop / "dbt_project")
        return run_hour(with_example(settings), HOUR)

    var, run = build_once(tmp_path_factory, "example", workshop, build_example)
    return settings.model_copy(update={"state_dir": var}), run


@pytest.fixture(scope="session")
def built_example(example: tuple[Settings, Run], workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account after its run and another build: every table is up to date with the run's own records."""
    settings = example[0].model_copy(update={"state_dir": workshop})

    def build_again() -> None:
        copy_state(example[0].state_dir, workshop)
        assert build(settings, read_definitions(settings)).held == {}

    var, _ = build_once(tmp_path_factory, "built_example", workshop, build_again)
    return settings.model_copy(update={"state_dir": var})


@pytest.fixture
def copied(built_example: Settings, workshop: Path, tmp_path: Path) -> Iterator[Settings]:
    """A copy of that state that may be changed, with a copy of the workflows."""
    copy_workflows(tmp_path / "workflows")
    copy_state(built_example.state_dir, workshop)
    yield Settings(state_dir=workshop, workflows=tmp_path / "workflows")
    remove_state(workshop)


@pytest.fixture(scope="session")
def cluster() -> Iterator[SparkCluster]:
    """A master, two workers and a catalog. As root, PostgreSQL runs as another user: hence not in pytest's folder."""
    if lacking := missing():
        assert not os.environ.get("PARTNERFLOW_REQUIRE_CLUSTER"), lacking
        pytest.skip(f"The cluster needs {', '.join(lacking)}")
    with tempfile.TemporaryDirectory(prefix="cluster") as folder:
        Path(folder).chmod(0o755)
        with spark_cluster(Path(folder) / "spark") as running:
            yield running


@pytest.fixture(scope="session")
def spark(cluster: SparkCluster) -> Iterator["SparkSession"]:
    """The session of this process on the cluster: flows and dbt share it."""
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SPARK_CONF_DIR": str(cluster.conf), "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "UTC"}.items():
            patch.setenv(name, value)
        time.tzset()
        session = SparkSession.builder.appName("partnerflow").getOrCreate()
        yield session
        session.stop()
    time.tzset()


@pytest.fixture(scope="session")
def on_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account on DuckDB after one run at its hour, with goals, a holdout, a send window and caps."""
    folder = tmp_path_factory.mktemp("on_duckdb")
    settings = Settings(state_dir=folder / "var", workflows=workflows_with_everything(folder / "workflows"))
    with open_warehouse(with_example(settings).warehouse) as connection:
        for statement in IN_TOKYO:
            connection.execute(statement)
    assert run_hour(settings, HOUR).ok
    return settings


@pytest.fixture(scope="session")
def on_spark(spark: "SparkSession", on_duckdb: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same account on Spark after the same run."""
    var: Path = tmp_path_factory.mktemp("on_spark") / "var"
    settings = Settings(target="spark", state_dir=var, workflows=on_duckdb.workflows)
    share_keys(on_duckdb, settings)
    loaded = partnerflow(settings, "load-example")
    assert (loaded.code, loaded.stderr) == (0, "")
    for statement in IN_TOKYO:
        spark.sql(statement)
    assert run_hour(settings, HOUR).ok
    return settings
