"""The command line. Every command calls a plain function; none needs a server."""

import errno
import gc
import json
import signal
import sys

from compiler import PartnerflowError
from flows.cli import definitions, emails, ledger, operations, segments
from flows.cli.common import app, err

COMMANDS = (definitions, segments, operations, emails, ledger)
"""Importing them adds their commands to `app`."""

OBJECTS_BETWEEN_COLLECTIONS = 1_000_000
"""Importing dbt and reading its project makes millions of objects that stay: to look through them again after every 700
new ones, as Python does otherwise, takes a fifth of the time."""


def main() -> None:
    """Run the command line. An expected failure is one message on stderr and exit code 1.

    SIGTERM ends a run in order: what is in flight is finished and written down first.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except PartnerflowError as error:
        _end(str(error))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _end(f"The disk is full: {error}\nMake room, and run again: what is left is done then.")
    finally:
        gc.freeze()  # the process ends; to look through all modules once more before it does takes a second


def _end(message: str) -> None:
    if "--json" in sys.argv:
        print(json.dumps({"error": message}, ensure_ascii=False))
    err.print(message, markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)
