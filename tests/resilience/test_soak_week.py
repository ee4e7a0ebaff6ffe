"""Many hours of the real flow with faults: no email is lost or sent twice, and memory and files do not grow.

`PARTNERFLOW_WEEK=168 python -m pytest -s -m long tests/resilience/test_soak_week.py` takes half an hour to an hour: it
starts a Prefect server on 127.0.0.1 and one flow run per hour. Without the variable it runs twelve hours. Results are
in benchmarks/README.md."""

import json
import os
from pathlib import Path
from urllib.request import urlopen

import pytest

from flows.orchestration.serve import PREFECT_ENV, prefect_server
from flows.settings import Settings
from support.example_workflows import copy_workflows
from support.smtp_server import free_port
from support.states import copy_state
from support.week import run_hours

HOURS = int(os.environ.get("PARTNERFLOW_WEEK", "12"))

pytestmark = pytest.mark.long


def test_soak_with_faults_loses_and_repeats_nothing(example, tmp_path: Path):
    """At most 168 hours: later, follow-ups to late invitations would differ from the replay."""
    copy_state(example[0].state_dir, tmp_path / "var")
    copy_workflows(tmp_path / "workflows")
    settings = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (PREFECT_ENV | {"PREFECT_HOME": str(tmp_path / "prefect")}).items():
            patch.setenv(name, value)
        patch.delenv("PREFECT_API_URL", raising=False)
        port = free_port()
        with prefect_server(port):
            with urlopen(f"http://127.0.0.1:{port}/ui-settings") as answer:
                assert json.load(answer)["api_url"] == os.environ["PREFECT_API_URL"] == f"http://127.0.0.1:{port}/api"
            week = run_hours(settings, HOURS, seed=1, variables={"PREFECT_API_URL": os.environ["PREFECT_API_URL"]})
    print(f"\n{week}")
    assert (week.sent_twice, week.unexplained) == ([], [])
    assert week.contacted == week.expected
    third = max(1, len(week.peaks) // 3)
    assert sum(week.peaks[-third:]) <= 1.1 * sum(week.peaks[:third])
    assert week.files[-1] <= week.files[0] + 5
