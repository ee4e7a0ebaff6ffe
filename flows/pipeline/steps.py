"""The steps of a run, and who runs them: the command line shows their progress, Prefect makes tasks of them."""

import logging
import time
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)


class StepRunner(Protocol):
    """Runs one step of the pipeline, under a title, and returns what it returns."""

    def __call__(self, title: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `function` with the arguments."""


def run_step(title: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a step: call the function, and log its title and duration in seconds."""
    started = time.monotonic()
    logger.info("%s: started", title)
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        logger.warning("%s: stopped by %s after %.1f s", title, type(error).__name__, time.monotonic() - started)
        raise
    logger.info("%s: finished in %.1f s", title, time.monotonic() - started)
    return result
