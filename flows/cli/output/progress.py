"""The progress of a run on stderr."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from rich.console import Console
from rich.status import Status

from flows.pipeline.steps import run_step

P = ParamSpec("P")

R = TypeVar("R")


class Progress:
    """A step runner that shows on stderr the current step, its progress, and how long each step took."""

    def __init__(self, console: Console):
        self.console = console
        self._status: Status | None = None
        self._title = ""

    def __call__(self, title: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a step."""
        started, self._title = time.monotonic(), title
        with self.console.status(title) as self._status:
            result = run_step(title, function, *args, **kwargs)
        self.console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - started:.1f} s[/]", highlight=False)
        return result

    def report(self, done: int, total: int) -> None:
        """Show how much of the current step is done."""
        if self._status is not None:
            self._status.update(f"{self._title} [dim]{done:,} of {total:,}[/]")
