"""The command line. Every command calls a plain function; none needs a server."""

import gc

NEW_OBJECTS = 50_000
"""New objects after which Python looks for garbage; its default is 700.

Imports, and dbt when it reads the project, make several hundred thousand objects that stay. To search them again and
again takes a fifth of the time of a short command.
"""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(NEW_OBJECTS)
    from flows.cli.application import run  # imports what all commands need

    run()
