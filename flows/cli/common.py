"""What all commands share: the application, common options, and output."""

import json
import os
from collections.abc import Iterable
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from compiler import DefinitionError, MissedHours, PartnerflowError, Workflow, parse_missed_hours
from flows.cli.output.wrap import coloured, wrapped
from flows.clock import current_hour, read_day, read_hour
from flows.definitions.loader import read_definitions
from flows.settings import read_settings

if TYPE_CHECKING:
    from compiler import Compiler
    from flows.ledger.ledger import Ledger

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

out = Console(soft_wrap=False)

err = Console(stderr=True)


AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="T", help="An ISO 8601 timestamp with an offset; default: the current hour."),
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH]...", help="Workflows: ids, definition files, or folders with definition files."),
]


def read_as_of(text: str | None) -> datetime:
    """Return the hour that --as-of gives, or the current hour of the deployment's time zone; in UTC."""
    if text is None:
        return current_hour(read_settings().zone)
    try:
        return read_hour(text)
    except PartnerflowError as error:
        raise typer.BadParameter(str(error), param_hint="--as-of") from None


def read_date(text: str | None, option: str) -> date | None:
    """Return the date that an option gives; None without it."""
    try:
        return None if text is None else read_day(text)
    except PartnerflowError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def read_catch_up(text: str | None) -> MissedHours | None:
    """Return the policy that --catch-up gives, in the syntax of `missed_hours` in a definition."""
    try:
        return None if text is None else parse_missed_hours(text)
    except PartnerflowError as error:
        raise typer.BadParameter(str(error), param_hint="--catch-up") from None


def definition_files(names: Iterable[Path] | None) -> list[Path]:
    """Return the files that paths or ids of workflows name. What is neither is left as it is, for its error."""
    settings = read_settings()
    by_id = {file.stem: file for file in settings.workflows.glob("*.y*ml")}
    return [by_id.get(str(name), name) if not name.exists() else name for name in names or ()]


def how_to_begin(folder: Path) -> list[str]:
    """Return what to do with an empty folder of workflows."""
    return [
        f"There are no workflows in {folder} yet.",
        "`partnerflow templates` lists those of the help page; `partnerflow new TEMPLATE --program ID` writes them as "
        "drafts, and `partnerflow new` asks for one of your own.",
    ]


def find_workflow(name: str) -> tuple[Workflow, "Compiler"]:
    """Return the workflow with this id, or the one that the file with this name defines, and the project's compiler."""
    path = Path(name)
    is_file = path.suffix in (".yml", ".yaml")
    if is_file and path.is_dir():
        raise PartnerflowError(f"{path} is a folder. Name one definition file, or the id of a workflow.")
    definitions = read_definitions(read_settings(), [path] if is_file else ())
    if not is_file:
        return definitions[name], definitions.compiler
    if definitions.broken:
        raise DefinitionError([problem for problem in definitions.problems if problem.severity == "error"])
    return definitions.workflows[0], definitions.compiler


def open_ledger() -> "closing[Ledger]":
    """Return the ledger of the settings, closed at the end of a `with` block."""
    from flows.ledger.ledger import Ledger

    return closing(Ledger(read_settings().ledger))


def answer(document: dict[str, Any]) -> None:
    """Print one JSON document."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def print_errors(lines: Iterable[str]) -> None:
    """Print lines to stderr, as `print_lines` does."""
    _print(err, lines)


def print_lines(lines: Iterable[str | Text]) -> None:
    """Print lines without markup, wrapped at the width of a terminal, and as they are where nobody looks at them."""
    _print(out, lines)


def _print(console: Console, lines: Iterable[str | Text]) -> None:
    is_looked_at = console.is_terminal or "COLUMNS" in os.environ
    shown = map(coloured, lines)
    for line in wrapped(shown, console.width) if is_looked_at else shown:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
