"""The commands that look after the ledger: back it up, and bring a restored one up to what is remembered of it."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.common import Json, answer, app, print_lines
from flows.settings import read_settings


@app.command(epilog="Example: partnerflow backup /backups/ledger.db")
def backup(file: Annotated[Path, typer.Argument(help="Where to; what is there is replaced.")]) -> None:
    """Copy the ledger into a file, checked and whole, while runs go on."""
    from flows.ledger.recovery.backup import back_up

    settings = read_settings()
    back_up(settings.ledger, file)
    print_lines([f"Wrote {file}"])


@app.command(epilog='Example: partnerflow restore /backups/ledger.db --reason "The disk was replaced"')
def restore(
    file: Annotated[Path | None, typer.Argument(help="A backup; without one, the ledger stays where it is.")] = None,
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it.")] = "",
    by: Annotated[str | None, typer.Option(help="Who says so; else your user name.")] = None,
    as_json: Json = False,
) -> None:
    """Put a backup in the ledger's place, and into it the contacts that are remembered elsewhere; sends nothing."""
    from getpass import getuser

    from flows.ledger.delivery import utc_now
    from flows.ledger.ledger import Ledger
    from flows.ledger.recovery.backup import put_in_place
    from flows.ledger.recovery.restore import check_reason
    from flows.ledger.recovery.restore import restore as bring_up
    from flows.state_lock import state_lock

    settings = read_settings()
    check_reason(reason)
    with state_lock(settings.var):
        aside = put_in_place(file, settings.ledger, utc_now()) if file else None
        with closing(Ledger(settings.ledger)) as ledger:
            done = bring_up(ledger, settings.warehouse, settings.published, by or getuser(), reason)
    if as_json:
        answer(done.as_json() | {"replaced": str(aside) if aside else None})
        return
    print_lines(
        [
            f"Put back: {done.deliveries:,} deliveries, {done.suppressions:,} suppressions, {done.runs:,} runs' rows.",
            *([f"{done.settled:,} deliveries are again where they were."] if done.settled else []),
            *([f"{done.doubted:,} that were unsent are in doubt."] if done.doubted else []),
            *([f"The ledger that was there is {aside}"] if aside else []),
        ]
    )
