"""The command line. Every command calls a plain function; none needs a server."""

import errno
import json
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from compiler import PartnerflowError
from flows.cli import definitions, deliveries, emails, ledger, operations, segments, studio, workflows
from flows.cli.common import app, print_errors
from flows.logs import configure_logging, logging_errors
from flows.permissions import write_privately
from flows.settings import read_settings

COMMANDS = (workflows, definitions, segments, operations, emails, deliveries, ledger, studio)
"""The modules whose import adds their commands to `app`."""

WRITE_CHECKOUT = ("activate", "compile", "new", "pause", "studio")
"""The commands that write definitions and models, which others may read; all others write private files."""


def main() -> None:
    """Run the command line. An expected error is printed as one message on stderr, with exit code 1.

    SIGTERM ends a run in an orderly way: emails that are being sent are finished and recorded first.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names in letters that the terminal's encoding lacks
    try:
        _check_arguments(sys.argv)
        with logging_errors():
            app()
    except PartnerflowError as error:
        _exit_with(str(error))
    except OSError as error:
        _exit_with(_system_error(error))


def _check_arguments(arguments: Sequence[str]) -> None:
    """Exit with code 2 when an argument has bytes that are not text, which no database or file of ours could keep."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            print_errors([f"{argument} is not valid UTF-8 text."])
            sys.exit(2)


def _system_error(error: OSError) -> str:
    """Return what the operating system refused, and what to do."""
    if error.errno == errno.ENOSPC:
        return f"The disk is full: {error}\nFree some space and run again; the next run does what is left."
    where = error.filename2 or error.filename
    what = f"{where} cannot be used: {error.strerror}." if where else f"The system refuses it: {error}."
    return f"{what} Correct the path or its permissions, and run the command again."


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # slow to import

        print(f"partnerflow {version('partnerflow')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also print the log to stderr.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Send the email workflows of partner programs from a data warehouse."""
    if context.invoked_subcommand not in WRITE_CHECKOUT:
        write_privately()
    try:
        settings = read_settings()
    except PartnerflowError:
        return  # the command reports it; without settings there is no state folder to log to
    configure_logging(settings.state_dir, verbose)


def _exit_with(message: str) -> None:
    if "--json" in sys.argv:
        print(json.dumps({"error": message}, ensure_ascii=False))
    print_errors([message])
    sys.exit(1)
