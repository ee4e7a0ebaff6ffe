"""Load what has landed into raw.email_events: each payload once, however often it is found."""

from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path

import pandas

from flows.landing import landed_files, merge, read_landed
from flows.raw_tables import append_raw_rows, ensure_raw_table
from flows.warehouse import Connection, transaction

COLUMNS = ["event_id", "provider", "received_at", "payload", "_loaded_at"]


def load_events(connection: Connection, folder: Path) -> int:
    """Load the files of the landing folder that are not loaded yet, and return how many payloads were new.

    Makes raw.email_events where it is missing. The rows and the names of their files are one transaction; a crash
    before its end loads them again, one after it does no harm.
    """
    for name in ("email_events", "landed_files"):
        ensure_raw_table(connection, name)
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


def _remember(connection: Connection, folder: Path, files: list[Path]) -> None:
    """A file that grows after it was loaded, because it was loaded while somebody wrote it, is read again."""
    rows = [(_name(folder, file), file.stat().st_size, _now()) for file in files]
    names = [name for name, _, _ in rows]
    connection.execute("DELETE FROM raw.landed_files WHERE file IN (SELECT UNNEST(?))", [names])
    append_raw_rows(connection, "landed_files", pandas.DataFrame(rows, columns=["file", "bytes", "_loaded_at"]))


def _insert(connection: Connection, folder: Path, files: list[Path]) -> int:
    landed = {one.event_id: one for file in files for one in read_landed(folder, file)}
    query = "SELECT event_id FROM raw.email_events WHERE event_id IN (SELECT UNNEST(?))"
    known = {event_id for (event_id,) in connection.execute(query, [list(landed)]).fetchall()}
    rows = [(*astuple(one), _now()) for event_id, one in landed.items() if event_id not in known]
    if rows:
        append_raw_rows(connection, "email_events", pandas.DataFrame(rows, columns=COLUMNS, dtype=object))
    return len(rows)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
