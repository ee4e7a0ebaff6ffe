"""Load what has landed into raw.email_events: each payload once, however often it is found."""

from collections.abc import Collection, Iterator
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path

import pandas

from compiler import PartnerflowError
from flows.landing import Landed, landed_files, merge, read_landed
from flows.raw_tables import append_raw_rows, ensure_raw_table
from flows.warehouse import Connection, transaction

BATCH = 100_000_000
"""Bytes that are read at once."""


def load_events(connection: Connection, folder: Path) -> int:
    """Load the files of the landing folder that are not loaded yet, and return how many payloads were new.

    Makes raw.email_events where it is missing. The rows and the names of their files are one transaction; a crash
    before its end loads them again, one after it does no harm. Raises PartnerflowError when a file cannot be read.
    """
    for name in ("email_events", "landed_files"):
        ensure_raw_table(connection, name)
    known = dict(connection.execute("SELECT file, bytes FROM raw.landed_files").fetchall())
    files = landed_files(folder)
    fresh = [file for file in files if known.get(_name(folder, file)) != file.stat().st_size]
    with transaction(connection):
        new = sum(_insert(connection, folder, batch) for batch in _batches(fresh))
        _remember(connection, folder, fresh)
    merged = merge(folder, fresh)
    with transaction(connection):
        _remember(connection, folder, [merged] if merged else [])
        _forget(connection, known.keys() - {_name(folder, file) for file in landed_files(folder)})
    return new


def _batches(files: list[Path]) -> Iterator[list[Path]]:
    """The files in batches of about BATCH bytes, so that a warehouse is filled anew in little memory."""
    batch, size = [], 0
    for file in files:
        batch.append(file)
        size += file.stat().st_size
        if size > BATCH:
            yield batch
            batch, size = [], 0
    yield batch


def _name(folder: Path, file: Path) -> str:
    return str(file.relative_to(folder))


def _remember(connection: Connection, folder: Path, files: list[Path]) -> None:
    """A file that grows after it was loaded, because it was loaded while somebody wrote it, is read again."""
    rows = [(_name(folder, file), file.stat().st_size, _now()) for file in files]
    _forget(connection, [name for name, _, _ in rows])
    if rows:
        append_raw_rows(connection, "landed_files", pandas.DataFrame(rows))


def _forget(connection: Connection, names: Collection[str]) -> None:
    connection.execute("DELETE FROM raw.landed_files WHERE file IN (SELECT UNNEST(?))", [list(names)])


def _insert(connection: Connection, folder: Path, files: list[Path]) -> int:
    landed = {one.event_id: one for file in files for one in _read(folder, file)}
    query = "SELECT event_id FROM raw.email_events WHERE event_id IN (SELECT UNNEST(?))"
    known = {event_id for (event_id,) in connection.execute(query, [list(landed)]).fetchall()}
    new = [(*astuple(one), _now()) for event_id, one in landed.items() if event_id not in known]
    if new:
        append_raw_rows(connection, "email_events", pandas.DataFrame(new))
    return len(new)


def _read(folder: Path, file: Path) -> list[Landed]:
    try:
        return list(read_landed(folder, file))
    except OSError as error:
        hint = (
            "It may say who has unsubscribed, so nothing is sent before it is read. Make it readable, or move it away."
        )
        raise PartnerflowError(f"{file} cannot be read: {error.strerror}. {hint}") from None


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
