"""The commands that maintain the ledger: backup and restore."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from compiler import PartnerflowError
from flows.cli.common import Json, answer, app, print_lines
from flows.settings import Settings, read_settings


@app.command(epilog="Example: partnerflow backup /backups/ledger.db")
def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The file to write; an existing file is replaced.")],
) -> None:
    """Copy the ledger and the history of contracts, and check the copy; works during a run."""
    from flows.ledger.recovery.backup import back_up
    from flows.warehouse.contract_history import export_contract_history, history_backup

    settings = read_settings()
    back_up(settings.ledger, file)
    print_lines([f"Wrote {file}"])
    if export_contract_history(settings.published, history_backup(file)):
        print_lines([f"Wrote {history_backup(file)}"])


@app.command(epilog='Example: partnerflow restore /backups/ledger.db --reason "The disk was replaced"')
def restore(
    file: Annotated[Path | None, typer.Argument(help="A backup; without one, the current ledger is kept.")] = None,
    reason: Annotated[str, typer.Option(help="The reason; kept in the log.")] = "",
    by: Annotated[str | None, typer.Option(help="Who has decided this; default: your user name.")] = None,
    as_json: Json = False,
) -> None:
    """Restore a backup, and re-import later contacts from the warehouse and the published file. Sends nothing.

    The history of contracts beside the backup is restored where the warehouse and the published file have none.
    """
    from getpass import getuser

    from flows.ledger.delivery import utc_now
    from flows.ledger.ledger import Ledger
    from flows.ledger.recovery.backup import put_in_place
    from flows.ledger.recovery.restore import check_reason
    from flows.ledger.recovery.restore import restore as import_replicas
    from flows.state_lock import state_lock

    settings = read_settings()
    check_reason(reason)
    with state_lock(settings.state_dir):
        former = put_in_place(file, settings.ledger, utc_now()) if file else None
        has_history = _restore_history(settings, file) if file else False
        with closing(Ledger(settings.ledger)) as ledger:
            done = import_replicas(ledger, settings.warehouse, settings.published, by or getuser(), reason)
    if as_json:
        answer(done.as_json() | {"replaced": str(former) if former else None})
        return
    print_lines(
        [
            f"Re-imported {done.deliveries:,} deliveries, {done.suppressions:,} suppressions, {done.runs:,} runs.",
            *([f"Restored the later states of {done.settled:,} deliveries."] if done.settled else []),
            *([f"{done.doubted:,} unsent deliveries are now in doubt."] if done.doubted else []),
            *(["The history of contracts is restored."] if has_history else []),
            *([f"The former ledger is now {former}"] if former else []),
        ]
    )


def _restore_history(settings: Settings, backup: Path) -> bool:
    """Restore the history of contracts beside a backup; return whether that was necessary and possible."""
    from flows.warehouse.connection import open_warehouse
    from flows.warehouse.contract_history import history_backup, import_contract_history, restore_contract_history

    with open_warehouse(settings.warehouse) as connection:
        try:
            restore_contract_history(connection, settings.published)
        except PartnerflowError:  # the published file is damaged
            if not history_backup(backup).exists():
                raise
        return import_contract_history(connection, history_backup(backup))
