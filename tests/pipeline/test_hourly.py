"""The flow under a real Prefect server, which the tests start on 127.0.0.1 and stop."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.orchestration.serve import PREFECT_ENV
from flows.settings import Settings
from support.example_workflows import WORKFLOWS
from support.states import HOUR, with_example


@pytest.fixture(scope="module")
def prefect_settings(read_project: Path, tmp_path_factory) -> Iterator[Settings]:
    """The example account, under a Prefect server with its own database."""
    from prefect.testing.utilities import prefect_test_harness

    state = tmp_path_factory.mktemp("prefect")
    settings = Settings(state_dir=state / "var", workflows=WORKFLOWS)
    shutil.copytree(read_project, settings.state_dir / "dbt_project")
    variables = PREFECT_ENV | {
        "PARTNERFLOW_VAR": str(settings.state_dir),
        "PARTNERFLOW_WORKFLOWS": str(settings.workflows),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        with prefect_test_harness(server_startup_timeout=120):
            yield with_example(settings)


def test_hourly_flow_completes_with_a_task_per_step(prefect_settings: Settings):
    """The flow returns the number of emails sent, and its tasks run in order."""
    from prefect.client.orchestration import get_client

    from flows.hourly import RETRIED, hourly

    state = hourly(HOUR.isoformat(), return_state=True)
    assert state.is_completed()
    answer = state.result()
    assert sum(row["sent"] for row in answer["workflows"]) == 79
    with get_client(sync_client=True) as client:
        tasks = sorted(client.read_task_runs(), key=lambda task: task.start_time)
        assert [run.name for run in client.read_flow_runs()] == ["2026-03-20 18:00 UTC"]
    names = [task.name.rpartition("-")[0] for task in tasks]
    assert set(names) >= RETRIED
    assert names == [
        "Check ledger integrity",
        "Read definitions",
        "Recover interrupted deliveries",
        "Set evaluation hour and load events",
        "Find hours to catch up",
        "Run dbt build",
        "Find late transitions",
        "Read plan",
        "Check contact policy",
        "Apply email events",
        "Claim recipients",
        "Apply contact policy",
        "Send notices of changes that reach many",
        "Send",
        "Record and publish",
        "Send notices",
    ]


def artifact(key: str) -> str:
    """Return the data of the newest artifact with this key."""
    from prefect.artifacts import Artifact

    return Artifact.get(key).data


@pytest.mark.long
def test_run_creates_its_artifacts(prefect_settings: Settings):
    """The run table has one row per workflow, and no action is required. A second run of an hour contacts nobody.

    What a person looks for is in the first columns, and the report is linked.
    """
    from flows.hourly import hourly

    hourly(HOUR.isoformat())
    hourly(HOUR.isoformat())
    table = json.loads(artifact("run-table"))
    assert {row["workflow_id"]: row["already_contacted"] for row in table}["few-clicks-14"] == 6
    assert list(table[0])[:4] == ["as_of", "workflow_id", "status", "detail"]
    assert "No action is required." in artifact("action-required")
    assert f"[Report]({prefect_settings.report.as_uri()})" in artifact("action-required")


def test_crash_automation_is_created_once(prefect_settings: Settings):
    """It marks a run after 90 seconds without a heartbeat, and starting the deployment again adds no second one."""
    from prefect.automations import Automation
    from prefect.client.orchestration import get_client

    from flows.orchestration.automation import NAME, ensure_crash_automation

    ensure_crash_automation("partnerflow-hourly")
    ensure_crash_automation("partnerflow-hourly")
    with get_client(sync_client=True) as client:
        automations = client.request("POST", "/automations/filter", json={}).json()
    assert [automation["name"] for automation in automations] == [NAME]
    assert Automation.read(name=NAME).trigger.within.total_seconds() == 90


@pytest.mark.long
def test_failed_data_test_fails_the_flow_with_the_reason(prefect_settings: Settings):
    """Prefect shows what was found in the state's message and in the artifact."""
    from flows.hourly import hourly
    from flows.warehouse.connection import open_warehouse

    with open_warehouse(prefect_settings.warehouse) as connection:
        connection.execute("UPDATE raw.actions SET state = 'UNKNOWN'")
    state = hourly(HOUR.isoformat(), return_state=True)
    assert state.is_failed()
    assert "rows of raw.actions are set aside in program 1000" in state.message
    assert "rows of raw.actions are set aside in program 1000" in artifact("action-required")
