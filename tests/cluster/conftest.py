"""The example account on a Spark cluster and on DuckDB, which the tests of this folder change, one after the other."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.pipeline.run import run_hour
from flows.settings import CHECKOUT, Settings
from support.cli import partnerflow
from support.spark_account import share_message_key
from support.states import HOUR, copy_state

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def on_duckdb(example, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the example account on DuckDB after one run at its hour."""
    state = copy_state(example[0].state_dir, tmp_path_factory.mktemp("on_duckdb") / "var")
    return example[0].model_copy(update={"state_dir": state})


@pytest.fixture(scope="session")
def on_spark(spark: "SparkSession", on_duckdb: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account on Spark after one run at its hour."""
    var: Path = tmp_path_factory.mktemp("on_spark") / "var"
    settings = Settings(target="spark", state_dir=var, workflows=CHECKOUT / "workflows")
    share_message_key(on_duckdb, settings)
    loaded = partnerflow(settings, "load-example")
    assert (loaded.code, loaded.stderr) == (0, "")
    assert run_hour(settings, HOUR).ok
    return settings
