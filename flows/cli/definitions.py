"""The commands for definitions: check, format, fields, compile, overlaps, templates, new."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler import (
    PROJECT,
    DefinitionError,
    PartnerflowError,
    Workflow,
    project_vocabulary,
)
from compiler.sql import DEFAULT
from compiler.yaml_source import yaml_text
from flows.cli.common import (
    AsOf,
    Json,
    Paths,
    answer,
    app,
    definition_files,
    find_workflow,
    how_to_begin,
    out,
    print_errors,
    print_lines,
    read_as_of,
)
from flows.definitions.loader import Definitions, read_definitions
from flows.definitions.scaffold.create import WorkflowRequest
from flows.local_time import counted
from flows.settings import Settings, read_settings


@app.command(epilog="Example: partnerflow check workflows/few-clicks-14.yml")
def check(paths: Paths = None, as_json: Json = False) -> None:
    """Report each problem of the definitions, and what to do. Compares them with the published file and the ledger."""
    from flows.checks import check_definitions

    settings = read_settings()
    checked = check_definitions(settings, definition_files(paths))
    definitions, problems = checked.definitions, checked.problems
    if as_json:
        answer({"problems": [problem.as_json() for problem in problems]})
    elif not (problems or definitions.workflows or definitions.broken):
        print_lines(how_to_begin(settings.workflows))
    else:
        print_lines([str(problem) for problem in problems])
        valid = counted(len(definitions.workflows), "workflow is valid", "workflows are valid")
        broken = counted(len(definitions.broken), "is not", "are not")
        print_lines([f"{valid}, {broken}." if definitions.broken else f"{valid}."])
    sys.exit(1 if any(problem.severity == "error" for problem in definitions.problems) else 0)


@app.command("format", epilog="Example: partnerflow format workflows/few-clicks-14.yml")
def format_command(paths: Paths = None, as_json: Json = False) -> None:
    """Print the conditions and goals of the definitions in canonical form, in quotes where YAML needs them."""
    definitions = read_definitions(read_settings(), definition_files(paths))
    if as_json:
        answer({"workflows": [_canonical(one) for one in definitions.workflows]})
    else:
        for one in definitions.workflows:
            lines = [f"  - {yaml_text(str(condition))}" for condition in one.segment]
            print_lines([one.id, *lines, *([f"  goal: {yaml_text(str(one.goal))}"] if one.goal else [])])
    print_errors(definitions.broken.values())
    sys.exit(1 if definitions.broken else 0)


def _canonical(workflow: Workflow) -> dict[str, Any]:
    goal = {"goal": str(workflow.goal)} if workflow.goal else {}
    return {"workflow_id": workflow.id, "segment": [str(condition) for condition in workflow.segment], **goal}


@app.command(epilog="Example: partnerflow fields --json")
def fields(as_json: Json = False) -> None:
    """List the conditions that a segment can use, as declared in the yml files of the models."""
    found = [field.as_json() for field in project_vocabulary().fields]
    if as_json:
        answer({"fields": found})
    else:
        from flows.cli.output.fields import fields_table

        out.print(fields_table(found))


@app.command("compile", epilog="Example: partnerflow compile few-clicks-14 --dialect postgres")
def compile_command(
    workflow: Annotated[
        str | None, typer.Argument(help="A workflow's id, or a definition file; default: write the generated models.")
    ] = None,
    dialect: Annotated[str, typer.Option(help="The SQL dialect to write.")] = DEFAULT,
    check_only: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the generated models are out of date.")
    ] = False,
) -> None:
    """Print a workflow's SQL; without a workflow, write the generated dbt models of this checkout."""
    from compiler import compile_workflow, dialects

    if dialect not in dialects():
        raise typer.BadParameter(f"{dialect} is not a supported dialect. Supported are {', '.join(dialects())}.")
    if workflow is not None:
        chosen, compiler = find_workflow(workflow)
        print(compile_workflow(chosen, compiler, dialect), end="")
        return
    definitions = _valid_definitions()
    from flows.transform.generated_models import FOLDER, generated_files
    from flows.transform.project_copy import write_changed

    models = generated_files(definitions, dialect)
    folder = PROJECT / FOLDER
    stale = [name for name, text in models.items() if not _holds(folder / name, text)]
    if check_only and stale:
        raise PartnerflowError(f"Out of date: {', '.join(stale)}. Run `partnerflow compile` and commit these files.")
    if not check_only:
        write_changed(folder, models)
    print_lines([f"{len(definitions.active)} active workflows; {len(stale)} generated models changed."])


@app.command(epilog="Example: partnerflow overlaps revenue-1000")
def overlaps(
    workflow: Annotated[str | None, typer.Argument(help="Show only the results for this workflow.")] = None,
    bound: Annotated[
        bool, typer.Option("--bound", help="Show the most emails that one partner can get from all active workflows.")
    ] = False,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Show which workflows can reach the same partner in the same hour, and gaps and overlaps in sequences."""
    from compiler.analysis.overlap import overlaps as compare
    from compiler.analysis.sequences import find_sequences
    from flows.cli.output.overlaps import overlap_lines, overlaps_json

    definitions = read_definitions(read_settings())
    on = read_as_of(as_of).date()
    if bound:
        if workflow:
            raise typer.BadParameter("The bound is for all active workflows; leave the workflow out.")
        _print_bound(definitions, on, as_json)
        return
    chosen = definitions[workflow] if workflow else None
    found = compare(definitions.workflows, definitions.compiler, on, chosen.id if chosen else None)
    sequences = [
        one
        for one in find_sequences(definitions.workflows, definitions.compiler, on)
        if chosen is None or chosen.id in one.workflows
    ]
    if as_json:
        answer(overlaps_json(found, sequences))
    else:
        print_lines(overlap_lines(found, sequences))
    print_errors(definitions.broken.values())


def _print_bound(definitions: Definitions, on: date, as_json: bool) -> None:
    from flows.cli.output.overlaps import bound_lines
    from flows.preview.bound import email_bounds
    from flows.warehouse.program_names import read_program_names

    found = email_bounds(definitions.active, definitions.policy, definitions.compiler, on)
    if as_json:
        answer({"bounds": [one.as_json() for one in found]})
    else:
        print_lines(bound_lines(found, read_program_names(read_settings())))
    print_errors(definitions.broken.values())


@app.command("templates", epilog="Example: partnerflow templates")
def templates_command(as_json: Json = False) -> None:
    """List the templates of the help page with their purpose and their workflows."""
    from flows.cli.output.drafts import templates_table
    from flows.definitions.scaffold.templates import templates

    found = [one.as_json() for one in templates()]
    if as_json:
        answer({"templates": found})
    else:
        out.print(templates_table(found))


@app.command(epilog="Example: partnerflow new celebrate-a-first-sale --program 1000")
def new(
    template: Annotated[
        str | None, typer.Argument(help="A template's id; without it, write a workflow from scratch.")
    ] = None,
    program: Annotated[str, typer.Option(help="The program's id.")] = "",
    prefix: Annotated[str, typer.Option(help="A prefix for every id of the template.")] = "",
    term: Annotated[str | None, typer.Option(help="The template term, if the template needs one.")] = None,
    group: Annotated[str | None, typer.Option(help="The partner group, if the template needs one.")] = None,
    name: Annotated[str, typer.Option(help="From scratch: the workflow's name.")] = "",
    condition: Annotated[list[str] | None, typer.Option(help="From scratch: a condition; repeatable.")] = None,
    segment: Annotated[
        str | None, typer.Option(help="From scratch: a named segment; with --condition, a new one.")
    ] = None,
    message: Annotated[str, typer.Option(help="From scratch: an existing message, or a new name.")] = "",
    description: Annotated[str, typer.Option(help="From scratch: a description for colleagues.")] = "",
    workflow_id: Annotated[
        str | None, typer.Option("--id", help="From scratch: the id; default: made from the name.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the workflows of a template, or one workflow from scratch, as drafts. Asks for missing values."""
    from flows.cli.output.drafts import draft_lines
    from flows.definitions.scaffold.create import from_scratch, from_template

    settings = read_settings()
    filled = {key: value for key, value in (("term", term), ("group", group)) if value}
    request = WorkflowRequest(name, program, message, tuple(condition or ()), segment, description, workflow_id)
    if template is None:
        drafted = from_scratch(settings, _completed(settings, request))
    elif program:
        drafted = from_template(settings, template, program, filled, prefix)
    else:
        raise typer.BadParameter(
            "A template needs a program. Give its id, such as --program 1000.", param_hint="--program"
        )
    if as_json:
        answer(drafted.as_json())
    else:
        print_lines(draft_lines(drafted))


def _completed(settings: Settings, request: WorkflowRequest) -> WorkflowRequest:
    """Return the request, after asking for missing values if standard input is a terminal."""
    from flows.definitions.scaffold.prompts import missing_options, prompt_for_missing

    if not missing_options(request):
        return request
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            f"Missing: {', '.join(missing_options(request))}. Give these options, or run the command in a terminal."
        )
    return prompt_for_missing(
        settings, request, lambda question, default: typer.prompt(question, default).strip(), typer.echo
    )


def _valid_definitions() -> Definitions:
    definitions = read_definitions(read_settings())
    errors = [problem for problem in definitions.problems if problem.severity == "error"]
    if errors:
        raise DefinitionError(errors)
    return definitions


def _holds(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text
