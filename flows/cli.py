"""The command line. Every command calls a plain function; none needs a server.

What starts slowly (dbt, Prefect) is imported by the commands that use it, so that the others answer at once.
"""

import json
import signal
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import compiler
from compiler import (
    PROJECT,
    DefinitionError,
    PartnerflowError,
    compile_workflow,
    dialects,
    project_vocabulary,
)
from flows.definitions import Definitions, read_definitions
from flows.evaluations import current_hour, read_hour
from flows.known import read_known
from flows.settings import read_settings

app = typer.Typer(
    help="Email workflows for partner programs, run from a data warehouse.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
out = Console(soft_wrap=False)
err = Console(stderr=True)

AsOf = Annotated[str | None, typer.Option("--as-of", metavar="T", help="ISO timestamp with offset; else this hour.")]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="Definition files or folders of them.")]


def main() -> None:
    """Run the command line. An expected failure is one message on stderr and exit code 1.

    SIGTERM ends a run in order: what is in flight is finished and written down first.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except PartnerflowError as error:
        if "--json" in sys.argv:
            print(json.dumps({"error": str(error)}, ensure_ascii=False))
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


@app.command(epilog="Example: partnerflow run --as-of 2026-03-20T14:00:00-04:00")
def run(as_of: AsOf = None, as_json: Json = False) -> None:
    """One hourly run: contact everybody who is in a segment and was not contacted by its workflow before."""
    from flows.report import Progress, details, run_table
    from flows.run import run_hour

    settings = read_settings()
    done = run_hour(settings, _hour(as_of), Progress(err))
    if as_json:
        _answer(done.as_json())
    else:
        out.print(run_table(done.plan, f"Run {done.run_id} as of {done.plan.as_of:%Y-%m-%d %H:%M} UTC", sending=True))
        _lines(details(done.plan))
        _lines([f"Emails: {settings.outbox}", f"To query: {settings.published}"])
    sys.exit(0 if done.ok else 1)


@app.command(epilog="Example: partnerflow plan --as-of 2026-03-20T14:00:00-04:00")
def plan(
    as_of: AsOf = None,
    days: Annotated[int, typer.Option(min=0, max=60, help="How many days to look ahead.")] = 7,
    as_json: Json = False,
) -> None:
    """What a run would do and what has changed, before anything is sent; builds the facts, as a run does."""
    from flows.outlook import outlook
    from flows.report import Progress, details, run_table
    from flows.report_outlook import outlook_lines
    from flows.run import plan_only

    settings = read_settings()
    planned = plan_only(settings, _hour(as_of), Progress(err))
    ahead = outlook(settings, read_definitions(settings), planned, days)
    if as_json:
        _answer({**planned.as_json(), **ahead.as_json()})
    else:
        out.print(run_table(planned, f"Plan as of {planned.as_of:%Y-%m-%d %H:%M} UTC", sending=False))
        _lines([*details(planned), *outlook_lines(ahead)])
    sys.exit(0 if all(workflow.status == "done" for workflow in planned.workflows) else 1)


@app.command(epilog="Example: partnerflow check workflows/few-clicks-14.yml")
def check(paths: Paths = None, as_json: Json = False) -> None:
    """Find every problem of the definitions: place, caret, remedy. Knows the account once a run has published it."""
    from flows.check_messages import with_messages

    settings = read_settings()
    definitions = read_definitions(settings, paths or (), read_known(settings.published))
    definitions = with_messages(definitions, settings, only_used=bool(paths))
    if as_json:
        _answer({"problems": [problem.as_json() for problem in definitions.problems]})
    else:
        _lines([str(problem) for problem in definitions.problems])
        counted = f"{len(definitions.workflows)} workflows are sound"
        _lines([f"{counted}, {len(definitions.broken)} are not." if definitions.broken else f"{counted}."])
    sys.exit(1 if any(problem.severity == "error" for problem in definitions.problems) else 0)


@app.command("format", epilog="Example: partnerflow format workflows/few-clicks-14.yml")
def format_command(paths: Paths = None, as_json: Json = False) -> None:
    """Print the canonical sentences of the definitions."""
    definitions = read_definitions(read_settings(), paths or ())
    sentences = {one.id: compiler.format(one.segment) for one in definitions.workflows}
    if as_json:
        _answer({"workflows": [{"workflow_id": name, "segment": segment} for name, segment in sentences.items()]})
    else:
        _lines([line for name, segment in sentences.items() for line in (name, *(f"  - {one}" for one in segment))])
    _lines_to_stderr(definitions.broken.values())
    sys.exit(1 if definitions.broken else 0)


@app.command(epilog="Example: partnerflow fields --json")
def fields(as_json: Json = False) -> None:
    """The conditions that a segment may use, as the models' yml declares them."""
    found = [field.as_json() for field in project_vocabulary().fields]
    if as_json:
        _answer({"fields": found})
    else:
        from flows.report import fields_table

        out.print(fields_table(found))


@app.command("compile", epilog="Example: partnerflow compile few-clicks-14 --dialect postgres")
def compile_command(
    workflow: Annotated[str | None, typer.Argument(help="A workflow's id or file; else the generated models.")] = None,
    dialect: Annotated[str, typer.Option(help="The SQL dialect to write.")] = "duckdb",
    check_only: Annotated[
        bool, typer.Option("--check", help="Fail when the generated models are out of date.")
    ] = False,
) -> None:
    """Print a workflow's SQL; without a workflow, write the generated dbt models of this checkout."""
    if dialect not in dialects():
        raise typer.BadParameter(f"There is no dialect {dialect}. The dialects are {', '.join(dialects())}.")
    definitions = _sound_definitions() if workflow is None else None
    if definitions is None:
        chosen, compiler = _workflow(workflow)
        print(compile_workflow(chosen, compiler, dialect), end="")
        return
    from flows.build import generated_files, write_models

    models = generated_files(definitions, dialect)
    folder = PROJECT / "models" / "segments"
    stale = [name for name, text in models.items() if not _holds(folder / name, text)]
    if check_only and stale:
        raise PartnerflowError(f"Out of date: {', '.join(stale)}. Run `partnerflow compile` and commit what it writes.")
    if not check_only:
        write_models(PROJECT, models)
    _lines([f"{len(definitions.active)} active workflows; {len(stale)} generated models changed."])


@app.command(epilog="Example: partnerflow preview few-clicks-14 --as-of 2026-03-20T14:00:00-04:00")
def preview(
    workflow: Annotated[str, typer.Argument(help="A workflow's id, or a definition file.")],
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Who is in a segment, from the facts as last built; sends and keeps nothing."""
    from flows.preview import preview as look
    from flows.report import members_table

    chosen, compiler = _workflow(workflow)
    seen = look(read_settings(), chosen, compiler, _hour(as_of))
    if as_json:
        _answer(seen.as_json())
    else:
        out.print(members_table(chosen.id, seen))


@app.command(epilog="Example: partnerflow explain few-clicks-14 21005016 --as-of 2026-03-20T14:00:00-04:00")
def explain(
    workflow: Annotated[str, typer.Argument(help="A workflow's id, or a definition file.")],
    partner: Annotated[str, typer.Argument(help="A partner's id.")],
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Why a partner is in a segment or not: each condition, what is the case, and when that changes."""
    from flows.explain import explain as look
    from flows.report import explanation_lines

    chosen, compiler = _workflow(workflow)
    found = look(read_settings(), chosen, partner, compiler, _hour(as_of))
    if as_json:
        _answer(found.as_json())
    else:
        for line in explanation_lines(found):
            out.print(line, soft_wrap=True)


@app.command(epilog="Example: partnerflow deliveries --state in_doubt")
def deliveries(
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only those of this workflow.")] = None,
    as_json: Json = False,
) -> None:
    """What became of each delivery, and why, as the ledger has it."""
    from flows.deliveries import as_json as one_as_json
    from flows.deliveries import deliveries_table, list_deliveries

    with _ledger() as ledger:
        found = list_deliveries(ledger, state, workflow)
    if as_json:
        _answer({"deliveries": [one_as_json(one) for one in found]})
    else:
        out.print(deliveries_table(found))


@app.command(epilog='Example: partnerflow settle 3f2a9c01 --as sent --reason "The partner has answered it"')
def settle(
    delivery: Annotated[str, typer.Argument(help="A delivery's id or Message-ID, or how it begins.")],
    state: Annotated[str, typer.Option("--as", help="sent, failed, or pending: to be tried again.")],
    reason: Annotated[str, typer.Option(help="How you know it; the ledger keeps it.")],
    by: Annotated[str | None, typer.Option(help="Who says so; else your user name.")] = None,
    as_json: Json = False,
) -> None:
    """Say what became of a delivery that is in doubt, or let one that was certainly not delivered be tried again."""
    from getpass import getuser

    from flows.deliveries import as_json as one_as_json
    from flows.settle import settle_by_person

    with _ledger() as ledger:
        settled = settle_by_person(ledger, delivery, state, reason, by or getuser())
    if as_json:
        _answer(one_as_json(settled))
    else:
        _lines([f"{settled.delivery_id} is {settled.state}."])


@app.command(epilog='Example: partnerflow suppress ann@example.com --reason "Asked us by telephone"')
def suppress(
    address: Annotated[str | None, typer.Argument(help="The address; without one, all that are suppressed.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only for this workflow; else for all.")] = None,
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it.")] = "by hand",
    remove: Annotated[bool, typer.Option("--remove", help="Lift it instead.")] = False,
    as_json: Json = False,
) -> None:
    """Write to an address no more, whatever the workflow, or lift that; without an address, list them."""
    from flows.suppress import suppress_by_person, suppressions_table

    with _ledger() as ledger:
        found = suppress_by_person(ledger, address, workflow, reason, remove)
    if as_json:
        _answer({"suppressions": [one.as_json() for one in found]})
    else:
        out.print(suppressions_table(found))


@app.command("templates", epilog="Example: partnerflow templates")
def templates_command(as_json: Json = False) -> None:
    """The templates of the help page: what each is for, and its chained workflows."""
    from flows.report_drafts import templates_table
    from flows.templates import templates

    found = [one.as_json() for one in templates()]
    if as_json:
        _answer({"templates": found})
    else:
        out.print(templates_table(found))


@app.command(epilog="Example: partnerflow new celebrate-a-first-sale --program 1000")
def new(
    template: Annotated[
        str | None, typer.Argument(help="A template's id; without it, a workflow from scratch.")
    ] = None,
    program: Annotated[str, typer.Option(help="The program's id.")] = "",
    prefix: Annotated[str, typer.Option(help="Goes before every id of a template.")] = "",
    term: Annotated[str | None, typer.Option(help="The template term that a template asks for.")] = None,
    group: Annotated[str | None, typer.Option(help="The partner group that a template asks for.")] = None,
    name: Annotated[str, typer.Option(help="From scratch: the workflow's name.")] = "",
    condition: Annotated[
        list[str] | None, typer.Option(help="From scratch: a condition; give it several times.")
    ] = None,
    segment: Annotated[str | None, typer.Option(help="A named segment; with conditions, a new one.")] = None,
    message: Annotated[str, typer.Option(help="From scratch: a message that exists, or a new name.")] = "",
    description: Annotated[str, typer.Option(help="From scratch: for colleagues.")] = "",
    workflow_id: Annotated[
        str | None, typer.Option("--id", help="From scratch: the id; else made of the name.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a template's workflows, or one from scratch, as drafts; asks for what is left out."""
    from flows.new import Wish, from_scratch, from_template
    from flows.report_drafts import draft_lines

    settings = read_settings()
    filled = {key: value for key, value in (("term", term), ("group", group)) if value}
    wish = Wish(name, program, message, tuple(condition or ()), segment, description, workflow_id)
    if template is None:
        drafted = from_scratch(settings, _completed(settings, wish))
    elif program:
        drafted = from_template(settings, template, program, filled, prefix)
    else:
        raise typer.BadParameter("Say for which program: --program 1000.", param_hint="--program")
    if as_json:
        _answer(drafted.as_json())
    else:
        _lines(draft_lines(drafted))


@app.command(epilog="Example: partnerflow overlaps revenue-1000")
def overlaps(
    workflow: Annotated[str | None, typer.Argument(help="Only what concerns this workflow.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Which workflows can reach one partner in one hour, and where a chain has a gap or a double."""
    from compiler.chains import chains
    from compiler.overlap import overlaps as compare
    from flows.report_overlaps import overlap_lines, overlaps_json

    definitions = read_definitions(read_settings())
    chosen = definitions[workflow] if workflow else None
    on = _hour(as_of).date()
    found = compare(definitions.workflows, definitions.compiler, on, chosen and chosen.id)
    linked = [
        one
        for one in chains(definitions.workflows, definitions.compiler, on)
        if chosen is None or chosen.id in one.workflows
    ]
    if as_json:
        _answer(overlaps_json(found, linked))
    else:
        _lines(overlap_lines(found, linked))
    _lines_to_stderr(definitions.broken.values())


@app.command("test-send", epilog="Example: partnerflow test-send welcome --to me@example.com --partner 21005016")
def test_send(
    workflow: Annotated[str, typer.Argument(help="A workflow's id, or a definition file.")],
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="Your own address.")],
    partner: Annotated[str | None, typer.Option(help="The partner who would read it; else a sample.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Send a workflow's email to your own address, marked as a test; nobody counts as contacted."""
    from flows.trial import send_test

    chosen, _ = _workflow(workflow)
    sent = send_test(read_settings(), chosen, to, partner, _hour(as_of))
    if as_json:
        _answer(sent)
    else:
        reader = f"partner {partner}" if partner else "a sample partner"
        _lines([f"A test of {chosen.id} as {reader} reads it ({sent['language']}): {sent['delivered_to']}"])


@app.command(epilog="Example: partnerflow simulate --from 2026-02-20 --to 2026-03-20")
def simulate(
    first: Annotated[str, typer.Option("--from", metavar="D", help="The first local date.")],
    last: Annotated[str, typer.Option("--to", metavar="D", help="The last local date.")],
    workflow: Annotated[
        list[str] | None, typer.Option("--workflow", metavar="W", help="An id or file; else all active ones.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Who would have been contacted by what, hour by hour over some days; sends and keeps nothing."""
    from flows.report_simulation import simulation_lines, simulation_table
    from flows.simulate import simulate as replay

    definitions = read_definitions(read_settings())
    chosen = [_workflow(name)[0] for name in workflow] if workflow else definitions.active
    found = replay(read_settings(), chosen, definitions.compiler, _day(first, "--from"), _day(last, "--to"))
    if as_json:
        _answer(found.as_json())
    else:
        out.print(simulation_table(found))
        _lines(simulation_lines(found))


@app.command(epilog="Example: partnerflow history few-clicks-14 --from 2026-03-01 --to 2026-03-20")
def history(
    workflow: Annotated[list[str], typer.Argument(help="Ids or files of workflows, of any status.")],
    first: Annotated[str, typer.Option("--from", metavar="D", help="The first local date.")],
    last: Annotated[str, typer.Option("--to", metavar="D", help="The last local date.")],
    as_json: Json = False,
) -> None:
    """Who entered and left a segment, and when, hour by hour over some days; from the facts as last built."""
    from flows.history import history as look
    from flows.report_simulation import stay_lines

    definitions = read_definitions(read_settings())
    chosen = [_workflow(name)[0] for name in workflow]
    found = look(read_settings(), chosen, definitions.compiler, _day(first, "--from"), _day(last, "--to"))
    if as_json:
        _answer({"history": [one.as_json() for one in found]})
    else:
        _lines(stay_lines(found))


@app.command("load-example", epilog="Example: partnerflow load-example && partnerflow run --as-of 2026-03-20T18:00Z")
def load_example_command() -> None:
    """Fill the raw tables with the example account of seeds/."""
    from flows.example import load_example
    from flows.warehouse import open_warehouse, transaction

    settings = read_settings()
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        counts = load_example(connection)
    _lines([f"Loaded {sum(counts.values()):,} rows into {len(counts)} raw tables of {settings.warehouse}"])


@app.command(epilog="Example: partnerflow serve --timezone America/New_York")
def serve(
    timezone: Annotated[str, typer.Option(help="The zone in which the top of the hour is meant.")] = "UTC",
    port: Annotated[int, typer.Option(help="Where on 127.0.0.1 to start a Prefect server if none is set.")] = 4200,
) -> None:
    """Run every hour, on the hour, as a Prefect deployment of this host."""
    from flows.serve import serve_hourly

    serve_hourly(read_settings(), timezone, port)


@app.command(epilog="Example: partnerflow report --html report.html")
def report(
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page into this file.")] = None,
    show_addresses: Annotated[bool, typer.Option("--show-addresses", help="Mask no address on the page.")] = False,
    as_json: Json = False,
) -> None:
    """Opens, clicks and bounces a workflow, as last published; on a page with --html."""
    from flows.report import workflow_report_table
    from flows.report_data import read_report

    settings = read_settings()
    data = read_report(settings.published)
    if html is not None:
        from flows.report_page import report_file

        report_file(settings, html, show_addresses)
    if as_json:
        _answer(data.as_json())
    elif html is not None:
        _lines([f"Wrote {html}"])
    else:
        out.print(workflow_report_table(data))


@app.command(epilog="Example: partnerflow receive --host 127.0.0.1 --port 8025")
def receive(
    host: Annotated[str, typer.Option(help="Where to listen; a proxy before it does TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port.")] = 8025,
) -> None:
    """The small web receiver of provider events and unsubscribes; writes into the landing folder and nothing else."""
    from flows.receive import receive as serve_receiver
    from flows.receiver_settings import read_receiver_settings

    serve_receiver(read_settings().landing, read_receiver_settings(), host, port)


@app.command(epilog="Example: partnerflow doctor --json")
def doctor(as_json: Json = False) -> None:
    """What is wrong with this installation, and what to do about it. Changes nothing."""
    from flows.doctor import examine
    from flows.report import finding_lines

    findings = examine(datetime.now(UTC))
    if as_json:
        _answer({"findings": [finding.as_json() for finding in findings]})
    else:
        for line in finding_lines(findings):
            out.print(line, soft_wrap=True)
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


def _ledger():
    """The ledger of the settings, closed at the end."""
    from contextlib import closing

    from flows.ledger import Ledger

    return closing(Ledger(read_settings().ledger))


def _hour(text: str | None):
    try:
        return read_hour(text) if text else current_hour()
    except PartnerflowError as error:
        raise typer.BadParameter(str(error), param_hint="--as-of") from None


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date such as 2026-03-20.", param_hint=option) from None


def _workflow(name: str):
    """The workflow with this id, or defined in this file, and the compiler of the project."""
    path = Path(name)
    is_file = path.suffix in (".yml", ".yaml")
    definitions = read_definitions(read_settings(), [path] if is_file else ())
    if not is_file:
        return definitions[name], definitions.compiler
    if definitions.broken:
        raise DefinitionError([problem for problem in definitions.problems if problem.severity == "error"])
    return definitions.workflows[0], definitions.compiler


def _completed(settings, wish):
    """The wish, asked for where it is not whole and a person is there to answer."""
    from flows.ask import ask, missing

    if not missing(wish):
        return wish
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"Say {', '.join(missing(wish))}; or run it in a terminal, and you are asked.")
    return ask(settings, wish, lambda question, default: typer.prompt(question, default).strip(), typer.echo)


def _sound_definitions() -> Definitions:
    definitions = read_definitions(read_settings())
    errors = [problem for problem in definitions.problems if problem.severity == "error"]
    if errors:
        raise DefinitionError(errors)
    return definitions


def _holds(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text


def _answer(document: dict) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _lines_to_stderr(lines: Iterable[str]) -> None:
    for line in lines:
        err.print(line, markup=False, highlight=False, soft_wrap=True)


def _lines(lines: list[str]) -> None:
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
