"""`partnerflow serve`: the Prefect deployment of one host."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from compiler import PartnerflowError
from flows.orchestration import automation, serve
from flows.settings import Settings


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """A state folder and a definitions folder."""
    return Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")


def test_prefect_environment_keeps_variables_that_are_set(own: Settings, monkeypatch: pytest.MonkeyPatch):
    """Variables that are already set win over the defaults."""
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    monkeypatch.delenv("PARTNERFLOW_VAR", raising=False)
    monkeypatch.setenv("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "45")
    found = serve.prefect_environment(own)
    assert found["PREFECT_HOME"] == str(own.state_dir / "prefect")
    assert (found["PARTNERFLOW_VAR"], found["DO_NOT_TRACK"]) == (str(own.state_dir), "1")
    assert found["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "45"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../UTC", ""])
def test_serve_with_invalid_time_zone_raises(own: Settings, zone: str):
    """The error is raised before a server is started."""
    with pytest.raises(PartnerflowError, match="IANA time zone"):
        serve.serve_hourly(own, zone, 4200)


def test_serve_with_port_in_use_raises(monkeypatch: pytest.MonkeyPatch):
    """The error says how to choose another port."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PartnerflowError, match=f"Port {port} .* --port"), serve.prefect_server(port):
            pass


def test_server_that_makes_no_progress_is_given_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    """One that works on is waited for, however long it takes, and lines say so. One that has ended is an error."""
    monkeypatch.setattr(serve, "STALL_TIMEOUT", 2.0)
    monkeypatch.setattr(serve, "PROGRESS", 0.1)
    monkeypatch.setattr(serve, "NOTICE", 1.0)
    work, idle = "import time\nwhile time.process_time() < 3: pass", "import time; time.sleep(60)"
    used = []
    for code, why in ((f"{work}\n{idle}", "made no progress for 2 seconds"), ("pass", "has ended")):
        with subprocess.Popen([sys.executable, "-c", code]) as server:
            with pytest.raises(PartnerflowError, match=why):
                serve._wait_until_healthy(server, ["prefect"], "http://127.0.0.1:9/api")
            used.append(serve.cpu_seconds(server.pid))
            server.kill()
    assert used[0] >= 2.9, "the server was given up while it was working"
    assert "Waiting for the Prefect server at http://127.0.0.1:9/api: " in capsys.readouterr().err


@pytest.mark.parametrize(("option", "expected"), [(None, "Asia/Kolkata"), ("America/St_Johns", "America/St_Johns")])
def test_serve_deploys_the_flow_every_hour(
    own: Settings, monkeypatch: pytest.MonkeyPatch, option: str | None, expected: str
):
    """One deployment runs by a cron in the zone of the option or the settings, at most one run at a time.

    The automation is created before it. The processes of the runs get the zone as PARTNERFLOW_TIMEZONE.
    """
    import flows.hourly

    calls: list[tuple[str, Any]] = []

    @contextmanager
    def server(port: int) -> Iterator[None]:
        calls.append(("server", port))
        yield

    monkeypatch.setattr(os, "environ", {**os.environ, "PARTNERFLOW_TIMEZONE": "Asia/Kathmandu"})
    monkeypatch.setattr(serve, "prefect_server", server)
    monkeypatch.setattr(automation, "ensure_crash_automation", lambda name: calls.append(("automation", name)))
    monkeypatch.setattr(flows.hourly.hourly, "serve", lambda **options: calls.append(("serve", options)))
    serve.serve_hourly(own.model_copy(update={"timezone": "Asia/Kolkata"}), option, 4711)
    assert [name for name, _ in calls] == ["server", "automation", "serve"]
    options = calls[2][1]
    assert (options["schedule"].cron, options["schedule"].timezone) == ("0 * * * *", expected)
    assert os.environ["PARTNERFLOW_TIMEZONE"] == expected
    assert options["global_limit"].limit == 1
    assert options["global_limit"].collision_strategy.value == "CANCEL_NEW"
