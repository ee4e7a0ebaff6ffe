"""The hourly flow: flows.pipeline.run.run_hour with every step a Prefect task.

Prefect is a skin over plain functions. Nothing is cached by it, and nothing around sending is retried: the ledger says
what is left to do, and the next hour does it.
"""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import asdict
from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.states import Failed, State

from flows.cli.output.terminal import details, late_lines, summary
from flows.clock import current_hour, read_hour
from flows.pipeline.run import Run, run_hour
from flows.settings import Settings, read_settings

LONG = 5.0
"""Seconds after which, and between which, a step shows how far it is."""

RETRIED = {
    "Ask what is remembered",
    "Read the definitions",
    "Ask for the hour",
    "Look for missed hours",
    "Build the facts",
}
"""Steps that claim, send and record nothing: a database that is away for a moment does not cost the hour."""


@flow(name="partnerflow-hourly", retries=0, persist_result=False)
def hourly(as_of: str | None = None) -> dict | State:
    """One hourly run as of `as_of` (ISO with offset), or of the hour it was scheduled for.

    Answers with the run as `partnerflow run --json` does. Fails when a workflow is held or has an error, after the
    others are done; its state is named Partial when there are any.
    """
    settings = read_settings()
    run = run_hour(settings, read_hour(as_of) if as_of else scheduled_hour(), Tasks())
    logger = get_run_logger()
    for line in [*late_lines(run.plan), *map(summary, run.plan.workflows)]:
        logger.info("%s", line)
    show(run, settings)
    if not run.ok:
        some = any(workflow.status == "done" for workflow in run.plan.workflows)
        return Failed(name="Partial" if some else "Failed", message="\n".join(details(run.plan)))
    return run.as_json()


def show(run: Run, settings: Settings) -> None:
    """Keep the run in Prefect as artifacts: the run table, and what waits for a person."""
    hour = f"{run.plan.as_of:%Y-%m-%d %H:%M} UTC"
    create_table_artifact(
        [
            {"as_of": f"{one.plan.as_of:%Y-%m-%d %H:%M}", **asdict(row)}
            for one in (*run.late, run)
            for row in one.plan.workflows
        ],
        key="run-table",
        description=f"{run.run_id}, as of {hour}",
    )
    waiting = [f"- {line}" for line in details(run.plan)]
    waiting += [
        f"- {workflow.workflow_id}: {workflow.in_doubt} in doubt; see `partnerflow deliveries --state in_doubt`"
        for workflow in run.plan.workflows
        if workflow.in_doubt
    ]
    places = [f"Published: `{settings.published}`", f"Emails: `{settings.outbox}`"]
    lines = [f"# {hour}", *(waiting or ["Nothing waits for a person."]), "", *places]
    create_markdown_artifact(
        "\n".join(lines), key="action-required", description=f"What waits for a person, as of {hour}"
    )


class Tasks:
    """A `step` that makes a Prefect task of each step of the story; of a long one an artifact shows how far it is."""

    def __init__(self) -> None:
        self._long = LongStep("")

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Carry out a step as a task of that name."""
        retries = {"retries": 2, "retry_delay_seconds": [10, 60]} if title in RETRIED else {"retries": 0}

        @task(name=title, cache_policy=NO_CACHE, persist_result=False, log_prints=False, **retries)
        def step() -> Any:
            self._long = LongStep(title)
            return function(*arguments)

        return step()

    def report(self, done: int, total: int) -> None:
        """How far the step at work is."""
        self._long.report(done, total)


class LongStep:
    """The artifact `progress` of the task that it is made in, shown once it has worked for LONG seconds."""

    def __init__(self, title: str):
        self._title, self._next, self._artifact = title, time.monotonic() + LONG, None
        self._context, self._turn = copy_context(), threading.Lock()

    def report(self, done: int, total: int) -> None:
        """So many done; shown no oftener than every LONG seconds, by whichever thread comes then."""
        if time.monotonic() >= self._next and self._turn.acquire(blocking=False):
            try:
                self._context.run(self._show, 100 * done / max(total, 1))
                self._next = time.monotonic() + LONG
            finally:
                self._turn.release()

    def _show(self, percent: float) -> None:
        if self._artifact is None:
            self._artifact = create_progress_artifact(percent, key="progress", description=self._title)
        else:
            update_progress_artifact(self._artifact, percent)


def scheduled_hour() -> datetime:
    """The hour this flow run was scheduled for, in UTC, however late it begins."""
    scheduled = flow_run.get_scheduled_start_time()
    return scheduled.replace(minute=0, second=0, microsecond=0) if scheduled else current_hour()
