"""The flow under a real Prefect server, which the test starts on 127.0.0.1 and ends (15 to 30 seconds)."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import HOUR, with_example
from flows.orchestration.serve import QUIET
from flows.settings import CHECKOUT, Settings


@pytest.fixture(scope="module")
def prefect_settings(read_project: Path, tmp_path_factory) -> Iterator[Settings]:
    """The example account, under a Prefect server with a database of its own."""
    from prefect.testing.utilities import prefect_test_harness

    state = tmp_path_factory.mktemp("prefect")
    settings = Settings(var=state / "var", workflows=CHECKOUT / "workflows")
    shutil.copytree(read_project, settings.var / "dbt_project")
    variables = QUIET | {"PARTNERFLOW_VAR": str(settings.var), "PARTNERFLOW_WORKFLOWS": str(settings.workflows)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        with prefect_test_harness(server_startup_timeout=120):
            yield with_example(settings)


def test_the_hour_runs_under_prefect_and_each_step_is_a_task(prefect_settings: Settings):
    """The flow completes, answers as the command line does, and shows its story."""
    from prefect.client.orchestration import get_client

    from flows.hourly import hourly

    state = hourly(HOUR.isoformat(), return_state=True)
    assert state.is_completed()
    answer = state.result()
    assert sum(row["sent"] for row in answer["workflows"]) == 80
    with get_client(sync_client=True) as client:
        tasks = sorted(client.read_task_runs(), key=lambda task: task.start_time)
    assert [task.name.rpartition("-")[0] for task in tasks] == [
        "Ask what is remembered",
        "Read the definitions",
        "Settle what an interrupted run left",
        "Ask for the hour",
        "Look for missed hours",
        "Build the facts",
        "Read the plan",
        "Settle what events prove",
        "Claim the recipients",
        "Send",
        "Record and publish",
    ]


def artifact(key: str) -> str:
    """The data of the newest artifact with this key."""
    from prefect.artifacts import Artifact

    return Artifact.get(key).data


def test_the_run_is_kept_as_artifacts(prefect_settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """The run table as a table, and that nothing waits for a person; and how far the last long step was."""
    import flows.hourly
    from flows.hourly import hourly

    monkeypatch.setattr(flows.hourly, "LONG", 0.0)
    hourly(HOUR.isoformat())
    assert 90 < float(artifact("progress")) < 100
    table = json.loads(artifact("run-table"))
    assert {row["workflow_id"]: row["already_contacted"] for row in table}["few-clicks-14"] == 6
    assert "Nothing waits for a person." in artifact("action-required")


def test_a_run_without_a_heartbeat_is_marked(prefect_settings: Settings):
    """The rule is made once, however often the deployment starts."""
    from prefect.automations import Automation
    from prefect.client.orchestration import get_client

    from flows.orchestration.automation import NAME, watch_heartbeats

    watch_heartbeats("partnerflow-hourly")
    watch_heartbeats("partnerflow-hourly")
    with get_client(sync_client=True) as client:
        rules = client.request("POST", "/automations/filter", json={}).json()
    assert [rule["name"] for rule in rules] == [NAME]
    assert Automation.read(name=NAME).trigger.within.total_seconds() == 90


def test_a_held_hour_fails_the_flow_with_the_reason(prefect_settings: Settings):
    """Prefect shows what the command line would."""
    from flows.hourly import hourly
    from flows.warehouse.connection import open_warehouse

    with open_warehouse(prefect_settings.warehouse) as connection:
        connection.execute("UPDATE raw.actions SET state = 'UNKNOWN'")
    state = hourly(HOUR.isoformat(), return_state=True)
    assert state.is_failed()
    assert "accepted_values_stg_actions" in state.message
    assert "accepted_values_stg_actions" in artifact("action-required")
