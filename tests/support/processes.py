"""Runs in processes of their own, with steps that kill, delay or fill the disk at a chosen point.

The processes are forked from one that has imported everything already.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from compiler import PartnerflowError
from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.pipeline.run import run_hour
from flows.pipeline.text import details
from flows.settings import Settings
from support.databases import database_variables
from support.fault_injection import NOTHING_HELD
from support.states import HOUR

CONTEXT = multiprocessing.get_context("forkserver")

Step = Callable[..., Any]


def start_run(settings: Settings, step: Step) -> BaseProcess:
    """Start a run of the account's hour in a process of its own; its exit code is that of the command line."""
    CONTEXT.set_forkserver_preload(["support.processes", "dbt.cli.main"])
    given = (settings.model_dump(exclude_unset=True), database_variables(settings), step)
    process = CONTEXT.Process(target=_run, args=given, daemon=True)
    process.start()
    return process


def run_in_process(settings: Settings, step: Step) -> tuple[int, str]:
    """Run the account's hour to its end, and return the exit code, and the error message if the code is 1."""
    _error_file(settings).unlink(missing_ok=True)
    process = start_run(settings, step)
    process.join()
    return process.exitcode, _error_file(settings).read_text() if process.exitcode == 1 else ""


def _error_file(settings: Settings) -> Path:
    return settings.state_dir.parents[1] / f"{settings.state_dir.parent.name}.error"


def _run(variables: dict[str, Any], database: dict[str, str], step: Step) -> None:
    os.environ.update(database)
    settings = Settings(**variables)
    try:
        run = run_hour(settings, HOUR, step)
    except (PartnerflowError, OSError) as error:
        _error_file(settings).write_text(str(error))
        raise SystemExit(1) from None
    if not run.ok:
        _error_file(settings).write_text("\n".join(details(run.plan)))
        raise SystemExit(1)


@dataclass
class KillDuringStep:
    """A `step` that kills its process during the step with this number: after some seconds, or when the step ends.

    `seconds` is per step title, 0.05 by default. The dbt build runs only if it is the step to be killed in.
    """

    number: int
    seconds: dict[str, float]
    _started: int = 0

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a step."""
        self._started += 1
        if self._started == self.number:
            threading.Thread(target=self._kill, args=(self.seconds.get(title, 0.05),), daemon=True).start()
            function(*arguments)
            self._kill(0)
        return NOTHING_HELD if title == "Run dbt build" else function(*arguments)

    def _kill(self, seconds: float) -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class StepBarrier:
    """A `step` that waits before the steps in `titles` until all processes in `names` have reached the same step.

    Each process announces itself by a file in `folder`. With `share`, each process also waits after its first lease
    until all others have leased deliveries, so that every process sends some."""

    name: str
    names: list[str]
    folder: Path
    titles: list[str] = field(default_factory=list)
    share: bool = False

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a step."""
        if title in self.titles:
            self._wait_for_all(title)
        if title == "Send" and self.share:
            self._wait_after_lease()
        return NOTHING_HELD if title == "Run dbt build" else function(*arguments)

    def _wait_for_all(self, event: str) -> None:
        (self.folder / f"{self.name} {event}").touch()
        wait_for(lambda: all((self.folder / f"{name} {event}").exists() for name in self.names))

    def _wait_after_lease(self) -> None:
        import flows.sending.dispatcher

        lease = Ledger.lease

        def lease_and_wait(*arguments: Any) -> list[Delivery]:
            leased = lease(*arguments)
            Ledger.lease = lease
            self._wait_for_all("leased")
            return leased

        flows.sending.dispatcher.BATCH_SIZE = 5
        Ledger.lease = lease_and_wait


@dataclass
class FillDisk:
    """A `step` that fills the disk, except for `free` bytes, before the step with this title."""

    title: str
    ballast: Path
    free: int

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a step."""
        if title == self.title:
            with self.ballast.open("wb", buffering=0) as file:
                disk = os.statvfs(self.ballast.parent)
                file.write(bytes(max(disk.f_bavail * disk.f_frsize - self.free, 0)))
        return NOTHING_HELD if title == "Run dbt build" and title != self.title else function(*arguments)


def wait_for(happened: Callable[[], bool], seconds: float = 300) -> None:
    """Wait until `happened()` is true. Raises AssertionError after `seconds`, which is enough for a slow machine."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not true after {seconds} s"
        time.sleep(0.01)
