"""The history of contracts, snapshots.contract_history: precious, since it cannot be built again from the source.

Every run copies it to the published file, and `backup` to a file beside that of the ledger. A warehouse that has none,
because its file was deleted or its database is new, takes it back from there.
"""

import tempfile
from pathlib import Path

from compiler import PartnerflowError
from flows.atomic import write_atomic
from flows.warehouse.connection import Connection, has_table
from flows.warehouse.published import open_published

SCHEMA, NAME = "snapshots", "contract_history"


def history_backup(backup: Path) -> Path:
    """Return the file beside a backup of the ledger that has the history of contracts."""
    return backup.with_name(f"{backup.name}.{NAME}.parquet")


def restore_contract_history(connection: Connection, published: Path) -> None:
    """Copy the history of contracts from the published file into a warehouse that has none.

    Raises PartnerflowError if the published file cannot be read.
    """
    if not (published.exists() and _is_missing(connection)):
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{NAME}.parquet"
        try:
            found = export_contract_history(published, copy)
        except PartnerflowError as error:
            reason = str(error).partition("\n")[0]
            hint = (
                "The warehouse has no history of contracts, and this file may have the only one. Restore a backup with "
                "`partnerflow restore FILE --reason TEXT`, or move the file away to start without a history."
            )
            raise PartnerflowError(f"{reason} {hint}") from None
        if found:
            connection.create_from_parquet(SCHEMA, NAME, copy)


def import_contract_history(connection: Connection, file: Path) -> bool:
    """Create the history of contracts from a file in a warehouse that has none; return whether it was created.

    Raises PartnerflowError if the file is not valid.
    """
    if not (file.exists() and _is_missing(connection)):
        return False
    connection.create_from_parquet(SCHEMA, NAME, file)
    return True


def export_contract_history(published: Path, file: Path) -> bool:
    """Write the history of contracts in the published file to a Parquet file; return whether there is one.

    Raises PartnerflowError if the published file cannot be read.
    """
    if not published.exists():
        return False
    with tempfile.TemporaryDirectory() as folder, open_published(published) as connection:
        if not has_table(connection, SCHEMA, NAME):
            return False
        copy = Path(folder) / file.name
        connection.write_parquet(SCHEMA, NAME, copy)
        write_atomic(file, copy.read_bytes(), 0o600)
    return True


def _is_missing(connection: Connection) -> bool:
    return not has_table(connection, SCHEMA, NAME)
