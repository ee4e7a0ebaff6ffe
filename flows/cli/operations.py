"""The commands that operate partnerflow: run, plan, serve, doctor, load-example."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.cli.common import (
    AsOf,
    Json,
    answer,
    app,
    err,
    how_to_begin,
    out,
    print_lines,
    read_as_of,
    read_catch_up,
)
from flows.definitions.loader import read_definitions
from flows.settings import read_settings

CatchUp = Annotated[
    str | None,
    typer.Option(
        "--catch-up",
        metavar="POLICY",
        help="Override `missed_hours` of all workflows: skip, or send up to 3 days late (1 to 31 days).",
    ),
]


@app.command(epilog="Example: partnerflow run --as-of 2026-03-20T14:00:00-04:00")
def run(
    as_of: AsOf = None,
    catch_up: CatchUp = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Rebuild all tables, not only those that are out of date.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run one hour: contact the partners in each workflow's segment that it has not contacted before."""
    from flows.cli.output.progress import Progress
    from flows.cli.output.run import run_table
    from flows.pipeline.run import run_hour
    from flows.pipeline.text import catch_up_lines, details
    from flows.warehouse.program_names import read_program_names

    settings = read_settings()
    steps = Progress(err)
    done = run_hour(settings, read_as_of(as_of), steps, read_catch_up(catch_up), steps.report, full_refresh)
    if as_json:
        answer(done.as_json())
    else:
        programs = read_program_names(settings)
        print_lines([f"Run {done.run_id} as of {programs.hour(done.plan.as_of)}"])
        out.print(run_table(done.plan, [one.plan for one in done.catch_up], sending=True))
        print_lines([*catch_up_lines(done.plan, programs.hour), *details(done.plan)])
        print_lines([f"Emails: {settings.outbox}", f"Published file: {settings.published}"])
        print_lines([] if done.plan.workflows else how_to_begin(settings.workflows))
    sys.exit(0 if done.ok else 1)


@app.command(epilog="Example: partnerflow plan --as-of 2026-03-20T14:00:00-04:00")
def plan(
    as_of: AsOf = None,
    catch_up: CatchUp = None,
    days: Annotated[int, typer.Option(min=0, max=60, help="Number of days to look ahead.")] = 7,
    as_json: Json = False,
) -> None:
    """Show what a run would do and what has changed. Builds the tables as a run does; sends nothing."""
    from flows.cli.output.plan_preview import plan_preview_lines
    from flows.cli.output.progress import Progress
    from flows.cli.output.run import run_table
    from flows.pipeline.run import plan_only
    from flows.pipeline.text import catch_up_lines, details
    from flows.preview.plan_preview import preview_plan
    from flows.warehouse.program_names import read_program_names

    settings = read_settings()
    steps = Progress(err)
    planned = plan_only(settings, read_as_of(as_of), steps, read_catch_up(catch_up), steps.report)
    ahead = preview_plan(settings, read_definitions(settings), planned, days)
    if as_json:
        answer({**planned.as_json(), **ahead.as_json()})
    else:
        programs = read_program_names(settings)
        print_lines([f"Plan as of {programs.hour(planned.as_of)}"])
        out.print(run_table(planned, planned.catch_up, sending=False))
        print_lines([*catch_up_lines(planned, programs.hour), *details(planned), *plan_preview_lines(ahead, programs)])
        print_lines([] if planned.workflows else how_to_begin(settings.workflows))
    sys.exit(0 if all(workflow.status == "done" for workflow in planned.workflows) else 1)


@app.command(epilog="Example: partnerflow serve --timezone America/New_York")
def serve(
    timezone: Annotated[
        str | None, typer.Option(help="IANA time zone whose hours are run; default: PARTNERFLOW_TIMEZONE.")
    ] = None,
    port: Annotated[
        int,
        typer.Option(min=1, max=65535, help="Port on 127.0.0.1 for the Prefect server, if PREFECT_API_URL is not set."),
    ] = 4200,
) -> None:
    """Run every hour, on the hour, as a Prefect deployment of this host."""
    from flows.orchestration.serve import serve_hourly

    serve_hourly(read_settings(), timezone, port)


@app.command(epilog="Example: partnerflow doctor --json")
def doctor(
    notify: Annotated[
        bool, typer.Option("--notify", help="Send a notice if there has been no run for too long (docs/notices.md).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check this installation, and say what to do about each problem. Changes nothing."""
    from flows.cli.output.findings import finding_lines
    from flows.doctor import run_checks
    from flows.notices.notify import notify_of_silence

    now = datetime.now(UTC)
    if notify:
        notify_of_silence(read_settings(), now)
    findings = run_checks(now)
    if as_json:
        answer({"findings": [finding.as_json() for finding in findings]})
    else:
        for line in finding_lines(findings):
            out.print(line, soft_wrap=True)
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


@app.command("load-example", epilog="Example: partnerflow load-example && partnerflow run --as-of 2026-03-20T18:00Z")
def load_example_command() -> None:
    """Load the example account of seeds/ into the raw tables."""
    from flows.warehouse.connection import open_warehouse, transaction
    from flows.warehouse.example import load_example

    settings = read_settings()
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        counts = load_example(connection)
    print_lines([f"Loaded {sum(counts.values()):,} rows into {len(counts)} raw tables of {settings.warehouse}"])
