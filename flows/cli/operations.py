"""The commands of whoever runs it: one hour, every hour, and what is wrong."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.cli.common import AsOf, Json, answer, app, err, out, print_lines, read_as_of, read_missed
from flows.definitions.loader import read_definitions
from flows.settings import read_settings

Missed = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS", help="What to do with missed hours this once: skip, or send up to 3 days late (1 to 31 days)."
    ),
]


@app.command(epilog="Example: partnerflow run --as-of 2026-03-20T14:00:00-04:00")
def run(as_of: AsOf = None, missed: Missed = None, as_json: Json = False) -> None:
    """One hourly run: contact everybody who is in a segment and was not contacted by its workflow before."""
    from flows.cli.output.terminal import Progress, details, late_lines, run_table
    from flows.pipeline.run import run_hour

    settings = read_settings()
    done = run_hour(settings, read_as_of(as_of), Progress(err), read_missed(missed))
    if as_json:
        answer(done.as_json())
    else:
        out.print(run_table(done.plan, f"Run {done.run_id} as of {done.plan.as_of:%Y-%m-%d %H:%M} UTC", sending=True))
        print_lines([*late_lines(done.plan), *details(done.plan)])
        print_lines([f"Emails: {settings.outbox}", f"To query: {settings.published}"])
    sys.exit(0 if done.ok else 1)


@app.command(epilog="Example: partnerflow plan --as-of 2026-03-20T14:00:00-04:00")
def plan(
    as_of: AsOf = None,
    missed: Missed = None,
    days: Annotated[int, typer.Option(min=0, max=60, help="How many days to look ahead.")] = 7,
    as_json: Json = False,
) -> None:
    """What a run would do and what has changed, before anything is sent; builds the facts, as a run does."""
    from flows.cli.output.plan_preview import outlook_lines
    from flows.cli.output.terminal import Progress, details, late_lines, run_table
    from flows.pipeline.run import plan_only
    from flows.preview.plan_preview import outlook

    settings = read_settings()
    planned = plan_only(settings, read_as_of(as_of), Progress(err), read_missed(missed))
    ahead = outlook(settings, read_definitions(settings), planned, days)
    if as_json:
        answer({**planned.as_json(), **ahead.as_json()})
    else:
        out.print(run_table(planned, f"Plan as of {planned.as_of:%Y-%m-%d %H:%M} UTC", sending=False))
        print_lines([*late_lines(planned), *details(planned), *outlook_lines(ahead)])
    sys.exit(0 if all(workflow.status == "done" for workflow in planned.workflows) else 1)


@app.command(epilog="Example: partnerflow serve --timezone America/New_York")
def serve(
    timezone: Annotated[str, typer.Option(help="The zone in which the top of the hour is meant.")] = "UTC",
    port: Annotated[int, typer.Option(help="Where on 127.0.0.1 to start a Prefect server if none is set.")] = 4200,
) -> None:
    """Run every hour, on the hour, as a Prefect deployment of this host."""
    from flows.orchestration.serve import serve_hourly

    serve_hourly(read_settings(), timezone, port)


@app.command(epilog="Example: partnerflow doctor --json")
def doctor(as_json: Json = False) -> None:
    """What is wrong with this installation, and what to do about it. Changes nothing."""
    from flows.cli.output.terminal import finding_lines
    from flows.doctor import examine

    findings = examine(datetime.now(UTC))
    if as_json:
        answer({"findings": [finding.as_json() for finding in findings]})
    else:
        for line in finding_lines(findings):
            out.print(line, soft_wrap=True)
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


@app.command("load-example", epilog="Example: partnerflow load-example && partnerflow run --as-of 2026-03-20T18:00Z")
def load_example_command() -> None:
    """Fill the raw tables with the example account of seeds/."""
    from flows.warehouse.connection import open_warehouse, transaction
    from flows.warehouse.example import load_example

    settings = read_settings()
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        counts = load_example(connection)
    print_lines([f"Loaded {sum(counts.values()):,} rows into {len(counts)} raw tables of {settings.warehouse}"])
