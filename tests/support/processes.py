"""Runs in processes of their own, forked from one that has imported everything, and disturbed where a test says."""

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
from support.fault_injection import NOBODY_HELD
from support.states import HOUR

CONTEXT = multiprocessing.get_context("forkserver")

Step = Callable[..., Any]


def start(settings: Settings, step: Step) -> BaseProcess:
    """Start a run of the account's hour in a process of its own; it exits as the command line does."""
    CONTEXT.set_forkserver_preload(["support.processes", "dbt.cli.main"])
    process = CONTEXT.Process(target=_run, args=(settings.model_dump(exclude_unset=True), step), daemon=True)
    process.start()
    return process


def finish(settings: Settings, step: Step) -> tuple[int, str]:
    """Run to the end; return the exit code, and the message when that is 1."""
    _said(settings).unlink(missing_ok=True)
    process = start(settings, step)
    process.join()
    return process.exitcode, _said(settings).read_text() if process.exitcode == 1 else ""


def _said(settings: Settings) -> Path:
    return settings.state_dir.parents[1] / f"{settings.state_dir.parent.name}.said"


def _run(variables: dict[str, Any], step: Step) -> None:
    settings = Settings(**variables)
    try:
        run = run_hour(settings, HOUR, step)
    except (PartnerflowError, OSError) as error:
        _said(settings).write_text(str(error))
        raise SystemExit(1) from None
    if not run.ok:
        _said(settings).write_text("\n".join(details(run.plan)))
        raise SystemExit(1)


@dataclass
class Killed:
    """A `step` that kills its process during the step of this number: after some seconds, or at its end if sooner.

    Only a run that is killed during the build builds the facts; others take them as they are.
    """

    number: int
    seconds: dict[str, float]
    _begun: int = 0

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a step."""
        self._begun += 1
        if self._begun == self.number:
            threading.Thread(target=self._kill, args=(self.seconds.get(title, 0.05),), daemon=True).start()
            function(*arguments)
            self._kill(0)
        return NOBODY_HELD if title == "Run dbt build" else function(*arguments)

    def _kill(self, seconds: float) -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Meeting:
    """A `step` that waits before certain steps until every one of `places` has reached the same one.

    A file in `folder` says that a place has reached it. With `share`, each place waits after its first lease until the
    others have leased deliveries too, so that all of them send some.
    """

    here: str
    places: list[str]
    folder: Path
    titles: list[str] = field(default_factory=list)
    share: bool = False

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a step."""
        if title in self.titles:
            self._meet(title)
        if title == "Send" and self.share:
            self._share()
        return NOBODY_HELD if title == "Run dbt build" else function(*arguments)

    def _meet(self, event: str) -> None:
        (self.folder / f"{self.here} {event}").touch()
        wait_for(lambda: all((self.folder / f"{place} {event}").exists() for place in self.places))

    def _share(self) -> None:
        import flows.sending.dispatcher

        lease = Ledger.lease

        def lease_and_meet(*arguments: Any) -> list[Delivery]:
            leased = lease(*arguments)
            Ledger.lease = lease
            self._meet("leased")
            return leased

        flows.sending.dispatcher.BATCH_SIZE = 5
        Ledger.lease = lease_and_meet


@dataclass
class Filled:
    """A `step` that fills the disk before the step of this title, except for `free` bytes."""

    title: str
    ballast: Path
    free: int

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a step."""
        if title == self.title:
            with self.ballast.open("wb", buffering=0) as file:
                disk = os.statvfs(self.ballast.parent)
                file.write(bytes(max(disk.f_bavail * disk.f_frsize - self.free, 0)))
        return NOBODY_HELD if title == "Run dbt build" and title != self.title else function(*arguments)


def wait_for(happened: Callable[[], bool], seconds: float = 300) -> None:
    """Wait until something has happened. Raises AssertionError after the time limit, long enough for any machine."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
