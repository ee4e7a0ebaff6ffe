"""`partnerflow serve`: the hourly flow as a Prefect deployment of this host."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import psutil  # type: ignore[import-untyped]

from compiler import PartnerflowError
from flows.clock import read_zone
from flows.settings import Settings

PREFECT_ENV = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}
"""Disable telemetry and promotional content, and allow a slow start of the server."""

HEARTBEAT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
"""Seconds between the heartbeats of a flow run; Prefect sends none by default."""

STALL_TIMEOUT = 120.0
"""Seconds without progress after which a starting server is given up. It starts in 15 to 30 on two idle cores."""

PROGRESS = 0.5
"""Seconds of CPU time of the server and its processes that count as progress: it imports and migrates its database."""

NOTICE = 15.0
"""Seconds between two lines that say what is waited for."""


def serve_hourly(settings: Settings, timezone: str | None, port: int) -> None:
    """Deploy the hourly flow with a cron at the top of the hour, and run it until interrupted.

    `timezone` is the IANA time zone of the schedule and the runs, instead of that of the settings. Uses the Prefect
    server of PREFECT_API_URL, or if that is not set, starts one on 127.0.0.1 and `port`. A run that is due while
    another is running is cancelled, not queued.
    """
    zone = settings.zone if timezone is None else read_zone(timezone)
    os.environ.update({**prefect_environment(settings), "PARTNERFLOW_TIMEZONE": zone.key})
    with prefect_server(port):
        _serve(zone.key)


def prefect_environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables of Prefect for this installation; those already set win."""
    state = {"PREFECT_HOME": str(settings.state_dir / "prefect"), "PARTNERFLOW_VAR": str(settings.state_dir)}
    return {**PREFECT_ENV, **HEARTBEAT, **state, "PARTNERFLOW_WORKFLOWS": str(settings.workflows), **os.environ}


@contextmanager
def prefect_server(port: int) -> Iterator[None]:
    """Run a Prefect server during the block and set PREFECT_API_URL, unless it is already set."""
    if os.environ.get("PREFECT_API_URL"):
        yield
        return
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise PartnerflowError(
                f"Port {port} of 127.0.0.1 is in use. Choose another with --port, or set PREFECT_API_URL to the "
                "Prefect server to use."
            )
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}/api"
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "PREFECT_SERVER_UI_API_URL": url})
    try:
        _wait_until_healthy(server, command, url)
        os.environ["PREFECT_API_URL"] = url
        yield
    finally:
        server.terminate()
        server.wait()


def _wait_until_healthy(server: subprocess.Popen[bytes], command: Sequence[str], url: str) -> None:
    """Wait as long as the server makes progress, and say so; raise PartnerflowError if it ends or makes none."""
    started = progressed = noticed = time.monotonic()
    used = 0.0
    while server.poll() is None and time.monotonic() - progressed < STALL_TIMEOUT:
        try:
            with urlopen(f"{url}/health", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.5)
        now, cpu = time.monotonic(), cpu_seconds(server.pid)
        if cpu >= used + PROGRESS:
            progressed, used = now, cpu
        if now - noticed >= NOTICE:
            noticed = now
            print(f"Waiting for the Prefect server at {url}: {now - started:.0f} s.", file=sys.stderr, flush=True)
    why = "has ended" if server.poll() is not None else f"made no progress for {STALL_TIMEOUT:.0f} seconds"
    raise PartnerflowError(f"The Prefect server did not start: it {why}. Try it by hand: {' '.join(command)}")


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process and its present children; 0 if it has ended."""
    try:
        whole = psutil.Process(process)
        return sum(sum(one.cpu_times()[:2]) for one in (whole, *whole.children(recursive=True)))
    except psutil.Error:
        return 0.0


def _serve(timezone: str) -> None:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.schedules import Cron

    from flows.hourly import hourly
    from flows.orchestration.automation import ensure_crash_automation

    ensure_crash_automation(hourly.name)
    hourly.serve(
        name="hourly",
        schedule=Cron("0 * * * *", timezone=timezone),
        global_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
    )
