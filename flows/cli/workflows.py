"""The commands about workflows as a whole: list, activate, pause; and the values that their conditions can have."""

from typing import Annotated

import typer

from flows.cli.common import Json, answer, app, how_to_begin, out, print_lines
from flows.definitions.loader import read_definitions
from flows.settings import read_settings

Names = Annotated[list[str], typer.Argument(metavar="WORKFLOW...", help="Ids of workflows, or their files.")]
Chain = Annotated[bool, typer.Option("--chain", help="Also all other workflows of their chains, as `new` wrote them.")]


@app.command("list", epilog="Example: partnerflow list")
def list_command(as_json: Json = False) -> None:
    """List all workflows, drafts too: status, last run, members, and how much they have sent."""
    from flows.cli.output.workflows import workflows_lines, workflows_table
    from flows.report.workflow_list import list_workflows
    from flows.warehouse.program_names import read_program_names

    settings = read_settings()
    found = list_workflows(settings)
    if as_json:
        answer({"workflows": [one.as_json() for one in found]})
    elif found:
        out.print(workflows_table(found, read_program_names(settings)))
        print_lines(workflows_lines(found))
    else:
        print_lines(how_to_begin(settings.workflows))


@app.command(epilog="Example: partnerflow activate welcome")
def activate(workflows: Names, chain: Chain = False, as_json: Json = False) -> None:
    """Set `status: active` in the files of workflows, all or none; refuses what `check` refuses."""
    from flows.activation import set_status
    from flows.cli.output.workflows import status_lines

    changed = set_status(read_settings(), workflows, "active", chain)
    if as_json:
        answer(changed.as_json())
    else:
        print_lines([*status_lines(changed), "`partnerflow plan` shows whom the next run writes to."])


@app.command(epilog="Example: partnerflow pause welcome")
def pause(workflows: Names, chain: Chain = False, as_json: Json = False) -> None:
    """Set `status: paused` in the files of workflows, all or none; refuses what `check` refuses."""
    from flows.activation import set_status
    from flows.cli.output.workflows import status_lines

    changed = set_status(read_settings(), workflows, "paused", chain)
    if as_json:
        answer(changed.as_json())
    else:
        print_lines(status_lines(changed))


@app.command(epilog='Example: partnerflow values "Partner Group" gold')
def values(
    label: Annotated[str, typer.Argument(help="A condition, as `fields` lists them.")],
    text: Annotated[str, typer.Argument(help="Only values with this text in them.")] = "",
    as_json: Json = False,
) -> None:
    """List the values that a condition can have in this account, and how many partners have each."""
    from flows.cli.output.workflows import values_lines, values_table
    from flows.preview.values import find_values
    from flows.warehouse.program_names import read_program_names

    settings = read_settings()
    found = find_values(settings, read_definitions(settings), label, text)
    if as_json:
        answer(found.as_json())
        return
    if found.values:
        out.print(values_table(found, read_program_names(settings)))
    print_lines(values_lines(found, text))
