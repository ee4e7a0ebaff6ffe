"""What the commands share: the application, options, and how they answer."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compiler import DefinitionError, MissedHours, PartnerflowError, parse_missed_hours
from flows.clock import current_hour, read_hour
from flows.definitions.loader import read_definitions
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


def read_as_of(text: str | None):
    """The hour that --as-of names, or the current one."""
    try:
        return read_hour(text) if text else current_hour()
    except PartnerflowError as error:
        raise typer.BadParameter(str(error), param_hint="--as-of") from None


def read_missed(text: str | None) -> MissedHours | None:
    """What --missed says, in the words of a definition's `missed_hours`."""
    try:
        return None if text is None else parse_missed_hours(text)
    except PartnerflowError as error:
        raise typer.BadParameter(str(error), param_hint="--missed") from None


def find_workflow(name: str):
    """The workflow with this id, or defined in this file, and the compiler of the project."""
    path = Path(name)
    is_file = path.suffix in (".yml", ".yaml")
    definitions = read_definitions(read_settings(), [path] if is_file else ())
    if not is_file:
        return definitions[name], definitions.compiler
    if definitions.broken:
        raise DefinitionError([problem for problem in definitions.problems if problem.severity == "error"])
    return definitions.workflows[0], definitions.compiler


def answer(document: dict) -> None:
    """Print one JSON document."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def print_errors(lines: Iterable[str]) -> None:
    """Print lines to stderr."""
    for line in lines:
        err.print(line, markup=False, highlight=False, soft_wrap=True)


def print_lines(lines: list[str]) -> None:
    """Print lines as they are: no markup, no wrapping."""
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
