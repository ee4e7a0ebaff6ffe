"""The one state folder of a warehouse, for an engine that has no lock to keep runs of two state folders apart.

raw.state_folder has one row, about the folder whose run came first. The folder has the same id in a file, so that it
may be moved. A run locks its folder, so no two runs are at work on the warehouse.
"""

import socket
from pathlib import Path
from uuid import uuid4

from sqlglot import exp

from compiler import PartnerflowError
from compiler.sql.dialect import table
from compiler.sql.single_statement import literal_rows
from flows.atomic import write_atomic
from flows.warehouse.engine import Connection
from flows.warehouse.errors import NotBuilt

FILE = "state_id"
"""The file of the state folder that has its id."""


def claim_warehouse(connection: Connection, state_dir: Path) -> None:
    """Record that the warehouse is that of this state folder. Raises PartnerflowError if it is another one's."""
    own = _id_of(state_dir)
    found = _owner(connection)
    if found is None:
        _create(connection, (own, str(state_dir), socket.gethostname()))
        found = _owner(connection)
    if found is None or found[0] != own:
        _, folder, host = found or ("", "another folder", "another host")
        raise PartnerflowError(
            f"The tables of the warehouse are those of the state folder {folder} on {host}, whose run came first. "
            "Run there, or give this state folder a catalog of its own. If that folder is gone, run "
            "`DROP TABLE raw.state_folder` on the engine, and then this command again."
        )


def _id_of(state_dir: Path) -> str:
    """Return the id of a state folder, which it gets when it is first asked for."""
    file = state_dir / FILE
    if not file.exists():
        write_atomic(file, uuid4().hex, 0o600)
    return file.read_text(encoding="utf-8").strip()


def _owner(connection: Connection) -> tuple[str, str, str] | None:
    """Return the id, path and host of the state folder that the warehouse belongs to; None before the first run."""
    try:
        row = connection.execute("SELECT state_id, folder, host FROM raw.state_folder").fetchone()
    except NotBuilt:
        return None
    return (row[0], row[1], row[2]) if row else None


def _create(connection: Connection, row: tuple[str, str, str]) -> None:
    """Create the table with its row in one statement: of two runs at once, one creates it."""
    connection.execute(exp.Create(this=exp.to_table("raw"), kind="SCHEMA", exists=True))
    rows = literal_rows([row], "state_id", "folder", "host")
    connection.execute(exp.Create(this=table("raw.state_folder"), kind="TABLE", exists=True, expression=rows))
