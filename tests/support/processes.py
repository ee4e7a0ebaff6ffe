"""Runs as processes of their own, forked from one that has imported everything, and disturbed where a test says."""

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
from conftest import HOUR
from flows.cli.output.terminal import details
from flows.pipeline.run import run_hour
from flows.settings import Settings
from support.fault_injection import NOBODY_HELD

CONTEXT = multiprocessing.get_context("forkserver")

Step = Callable[..., Any]


def start(settings: Settings, step: Step) -> BaseProcess:
    """A run of the account's hour in a process of its own, with the exit code of the command line."""
    CONTEXT.set_forkserver_preload(["processes", "dbt.cli.main"])
    process = CONTEXT.Process(target=_run, args=(settings.model_dump(exclude_unset=True), step), daemon=True)
    process.start()
    return process


def finish(settings: Settings, step: Step) -> tuple[int, str]:
    """A run to its end: its exit code, and its message when that is 1."""
    _said(settings).unlink(missing_ok=True)
    process = start(settings, step)
    process.join()
    return process.exitcode, _said(settings).read_text() if process.exitcode == 1 else ""


def _said(settings: Settings) -> Path:
    return settings.var.parents[1] / f"{settings.var.parent.name}.said"


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
    """A `step` that kills its process so many seconds into the step of this number, or at its end if that is sooner.

    The facts are taken as they are, but by a run that is killed while it builds them.
    """

    number: int
    seconds: dict[str, float]
    _begun: int = 0

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Carry out a step."""
        self._begun += 1
        if self._begun == self.number:
            threading.Thread(target=self._kill, args=(self.seconds.get(title, 0.05),), daemon=True).start()
            function(*arguments)
            self._kill(0)
        return NOBODY_HELD if title == "Build the facts" else function(*arguments)

    def _kill(self, seconds: float) -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Meeting:
    """A `step` that waits before these steps until every one of `places` has come to the same one.

    A file in `folder` says that a place has come. Few are leased at a time, so that all get some.
    """

    here: str
    places: list[str]
    folder: Path
    titles: list[str] = field(default_factory=list)

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Carry out a step."""
        import flows.sending.dispatcher

        flows.sending.dispatcher.BATCH_SIZE = 5
        if title in self.titles:
            (self.folder / f"{self.here} {title}").touch()
            wait_for(lambda: all((self.folder / f"{place} {title}").exists() for place in self.places))
        return NOBODY_HELD if title == "Build the facts" else function(*arguments)


@dataclass
class Filled:
    """A `step` that fills the disk of the state before the step of this title, but for `free` bytes."""

    title: str
    ballast: Path
    free: int

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Carry out a step."""
        if title == self.title:
            with self.ballast.open("wb", buffering=0) as file:
                disk = os.statvfs(self.ballast.parent)
                file.write(bytes(max(disk.f_bavail * disk.f_frsize - self.free, 0)))
        return NOBODY_HELD if title == "Build the facts" and title != self.title else function(*arguments)


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something has happened. Raises AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
