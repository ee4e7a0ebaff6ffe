"""Load what has landed into raw.email_events: each payload once, however often it is found."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas

from flows.landing import landed_files, merge, read_landed
from flows.raw_tables import CREATE
from flows.warehouse import has_table, transaction

COLUMNS = ["event_id", "provider", "received_at", "payload", "_loaded_at"]


def load_events(connection: duckdb.DuckDBPyConnection, folder: Path) -> int:
    """Load the files of the landing folder that are not loaded yet, and return how many payloads were new.

    Makes raw.email_events where it is missing. The rows and the names of their files are one transaction; a crash
    before its end loads them again, one after it does no harm.
    """
    for name in ("email_events", "landed_files"):
        if not has_table(connection, "raw", name):
            connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
            connection.execute(CREATE[name])
    known = dict(connection.execute("SELECT file, bytes FROM raw.landed_files").fetchall())
    fresh = [file for file in landed_files(folder) if known.get(_name(folder, file)) != file.stat().st_size]
    if not fresh:
        return 0
    with transaction(connection):
        new = _insert(connection, folder, fresh)
        _remember(connection, folder, fresh)
    merged = merge(folder, fresh)
    if merged:
        _remember(connection, folder, [merged])
    return new


def _name(folder: Path, file: Path) -> str:
    return str(file.relative_to(folder))


def _remember(connection: duckdb.DuckDBPyConnection, folder: Path, files: list[Path]) -> None:
    """A file that grows after it was loaded, because it was loaded while somebody wrote it, is read again."""
    names, sizes = [_name(folder, file) for file in files], [file.stat().st_size for file in files]
    connection.execute("DELETE FROM raw.landed_files WHERE list_contains(?, file)", [names])
    connection.execute("INSERT INTO raw.landed_files SELECT unnest(?), unnest(?), ?", [names, sizes, _now()])


def _insert(connection: duckdb.DuckDBPyConnection, folder: Path, files: list[Path]) -> int:
    rows = [
        (one.event_id, one.provider, one.received_at, one.payload, _now())
        for file in files
        for one in read_landed(folder, file)
    ]
    landed = pandas.DataFrame(rows, columns=COLUMNS, dtype=object)
    landed = landed.drop_duplicates("event_id")
    (new,) = connection.execute("""
        INSERT INTO raw.email_events BY NAME
        SELECT landed.* FROM landed
        WHERE NOT EXISTS (SELECT 1 FROM raw.email_events AS known WHERE known.event_id = landed.event_id)""").fetchone()
    return new


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
