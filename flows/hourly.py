"""The hourly run as a Prefect flow: `flows.pipeline.run.run_hour` with each step as a task.

Start reading here. The functions of the run know nothing of Prefect, which only shows them. Nothing is cached, and no
step that claims or sends is retried: the ledger knows what is left to do, and the next run does it.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Failed

from compiler import PartnerflowError
from flows.clock import current_hour, read_hour
from flows.local_time import local_time
from flows.logs import configure_logging, logging_errors
from flows.permissions import write_privately
from flows.pipeline.run import Run, run_hour
from flows.pipeline.steps import run_step
from flows.pipeline.text import catch_up_lines, details, summary
from flows.settings import Settings, read_settings
from flows.warehouse.program_names import read_program_names

P = ParamSpec("P")
R = TypeVar("R")

RETRIED = frozenset(
    {
        "Check ledger integrity",
        "Read definitions",
        "Set evaluation hour and load events",
        "Find hours to catch up",
        "Run dbt build",
    }
)
"""Steps that claim, send and record nothing; Prefect retries them, for example while a database restarts."""

RETRY_DELAYS = [10.0, 60.0]
"""Seconds before the first and the second retry."""


FIRST_COLUMNS = ("as_of", "workflow_id", "status", "detail", "sent", "failed", "in_doubt", "recipients", "members")
"""The columns of the artifact `run-table` that come first; the others follow in the order of marts.workflow_runs."""


def run_name() -> str:
    """Return the name of the present flow run: its hour, with the name of the deployment's time zone."""
    as_of = flow_run.get_parameters().get("as_of")
    try:
        zone = read_settings().zone
        return local_time(read_hour(as_of) if as_of else scheduled_hour(zone), zone)
    except PartnerflowError:
        return f"{as_of or 'An hour'} (see its error)"


@flow(name="partnerflow-hourly", flow_run_name=run_name, retries=0, persist_result=False)
def hourly(as_of: str | None = None) -> dict[str, Any] | State[Any]:
    """Run one hour: the one of `as_of` (ISO 8601 with offset), or the one that the flow run is scheduled for.

    Returns the run as `partnerflow run --json` prints it. The flow run fails if a workflow is held or has an error,
    after all others are done; it is then named Partial if any of them is.
    """
    write_privately()
    settings = read_settings()
    configure_logging(settings.state_dir)
    with logging_errors():
        run = run_hour(settings, read_hour(as_of) if as_of else scheduled_hour(settings.zone), run_as_task)
    log_run(run, settings)
    create_artifacts(run, settings)
    return run.as_json() if run.ok else failed_state(run)


def scheduled_hour(zone: ZoneInfo) -> datetime:
    """Return the hour of the deployment's zone that this flow run is scheduled for, in UTC, even if it starts late."""
    return current_hour(zone, flow_run.get_scheduled_start_time())


def run_as_task(title: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a step as a Prefect task of that name (a flows.pipeline.steps.StepRunner)."""
    retries = len(RETRY_DELAYS) if title in RETRIED else 0

    @task(
        name=title,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=retries,
        retry_delay_seconds=RETRY_DELAYS[:retries],
    )
    def step() -> R:
        return run_step(title, function, *args, **kwargs)

    return step()


def log_run(run: Run, settings: Settings) -> None:
    """Write the hours that were caught up and one line per workflow to the log of the flow run."""
    logger = get_run_logger()
    for line in [
        *catch_up_lines(run.plan, read_program_names(settings).hour),
        *run.plan.notes,
        *map(summary, run.plan.workflows),
    ]:
        logger.info("%s", line)


def create_artifacts(run: Run, settings: Settings) -> None:
    """Show the run in Prefect as two artifacts: `run-table` with its rows, and `action-required`."""
    hour = read_program_names(settings).hour(run.plan.as_of)
    rows = [
        table_row({"as_of": local_time(one.plan.as_of, settings.zone), **asdict(row)})
        for one in (run, *reversed(run.catch_up))
        for row in one.plan.workflows
    ]
    create_table_artifact(rows, key="run-table", description=f"{run.run_id}, as of {hour}")
    paths = [f"Published: `{settings.published}`", f"Emails: `{settings.outbox}`"]
    paths = [f"[Report]({settings.report.absolute().as_uri()}): `{settings.report}`", *paths]
    lines = [f"# {hour}", *(actions_required(run) or ["No action is required."]), "", *paths]
    create_markdown_artifact(
        "\n\n".join(lines), key="action-required", description=f"Problems that need a person, as of {hour}"
    )


def table_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the run table with what a person looks for first."""
    return {**{name: row[name] for name in FIRST_COLUMNS}, **row}


def actions_required(run: Run) -> list[str]:
    """Return a Markdown list item per note, and per workflow with a detail, such as deliveries in doubt."""
    return [f"- {line}" for line in details(run.plan)]


def failed_state(run: Run) -> State[Any]:
    """Return the state of a flow run in which a workflow is not done."""
    some = any(workflow.status == "done" for workflow in run.plan.workflows)
    return Failed(name="Partial" if some else "Failed", message="\n".join(details(run.plan)))
