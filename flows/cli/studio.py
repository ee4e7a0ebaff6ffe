"""The command studio: a local web page over the same files."""

from typing import Annotated

import typer

from flows.cli.common import AsOf, app, print_lines, read_as_of
from flows.settings import read_settings


@app.command(epilog="Example: partnerflow studio --port 8765")
def studio(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for a free one.")] = 8765,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser; print the address only.")] = False,
    as_of: AsOf = None,
) -> None:
    """Serve a local page to see, create, edit and activate workflows; it writes the same files."""
    from flows.studio.serve import serve_studio

    hour = read_as_of(as_of) if as_of else None
    serve_studio(read_settings(), port, lambda line: print_lines([line]), hour, not no_open)
