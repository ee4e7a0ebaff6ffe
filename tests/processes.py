"""Runs as processes of their own, forked from one that has imported everything, and killed where a test says."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

from compiler import PartnerflowError
from conftest import HOUR
from flows.run import run_hour
from flows.settings import Settings

CONTEXT = multiprocessing.get_context("forkserver")


def start(settings: Settings, step: Callable[..., Any]) -> BaseProcess:
    """A run of the account's hour in a process of its own. Its exit code is that of the command line."""
    CONTEXT.set_forkserver_preload(["processes", "dbt.cli.main"])
    process = CONTEXT.Process(target=_run, args=(settings.model_dump(exclude_unset=True), step), daemon=True)
    process.start()
    return process


def _run(settings: dict[str, Any], step: Callable[..., Any]) -> None:
    try:
        run_hour(Settings(**settings), HOUR, step)
    except PartnerflowError as error:
        raise SystemExit(str(error)) from None  # exit code 1, and the message on stderr


class Killed:
    """A `step` that kills its process so many seconds into the step of this number, or at its end if that is sooner.

    The facts are taken as they are, but by a run that is killed while it builds them.
    """

    def __init__(self, number: int, seconds: dict[str, float]):
        self.number, self.seconds, self._begun = number, seconds, 0

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        self._begun += 1
        if self._begun == self.number:
            threading.Thread(target=self._kill, args=(self.seconds.get(title, 0.05),), daemon=True).start()
            function(*arguments)
            self._kill(0)
        return {} if title == "Build the facts" else function(*arguments)

    def _kill(self, seconds: float) -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)
