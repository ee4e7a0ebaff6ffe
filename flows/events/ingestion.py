"""Load the landing folder into raw.email_events, each payload once."""

from collections.abc import Iterator
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path

import pandas

from compiler import PartnerflowError
from flows.events.landing import RawPayload, merge_files, payload_files, read_payloads
from flows.warehouse.connection import Connection, transaction
from flows.warehouse.raw_tables import ensure_raw_table, replace_raw_table

COLUMNS = ["event_id", "provider", "received_at", "payload", "_loaded_at"]

BATCH_BYTES = 100_000_000
"""Bytes of the files that are read at once."""


def load_events(connection: Connection, folder: Path) -> int:
    """Load the files that are not loaded yet, and return the number of new payloads.

    Creates raw.email_events if needed. Rows and file names are written in one transaction: after a crash before its
    commit, the files are loaded again. Raises PartnerflowError when a file cannot be read.
    """
    known = _ingested_files(connection)
    files = _sizes(folder, payload_files(folder))
    fresh = [folder / name for name, size in files.items() if known.get(name) != size]
    if not fresh:
        return 0
    with transaction(connection):
        new = sum(_insert(connection, folder, batch) for batch in _batches(fresh))
        _save_ingested_files(connection, known | _sizes(folder, fresh))
    merged = merge_files(folder, fresh)
    with transaction(connection):
        loaded = known.keys() | files.keys() | _sizes(folder, [merged] if merged else []).keys()
        there = _sizes(folder, payload_files(folder))
        _save_ingested_files(connection, {name: size for name, size in there.items() if name in loaded})
    return new


def _ingested_files(connection: Connection) -> dict[str, int]:
    """Return the loaded files and their sizes; a file whose size has changed since is loaded again."""
    for name in ("email_events", "ingested_files"):
        ensure_raw_table(connection, name)
    return dict(connection.execute("SELECT file, bytes FROM raw.ingested_files").fetchall())


def _save_ingested_files(connection: Connection, files: dict[str, int]) -> None:
    replace_raw_table(connection, "ingested_files", pandas.DataFrame(list(files.items()), columns=["file", "bytes"]))


def _sizes(folder: Path, files: list[Path]) -> dict[str, int]:
    return {str(file.relative_to(folder)): file.stat().st_size for file in files}


def _batches(files: list[Path]) -> Iterator[list[Path]]:
    """Yield the files in batches of about BATCH_BYTES, which bounds the memory for filling a new warehouse."""
    batch: list[Path] = []
    size = 0
    for file in files:
        batch.append(file)
        size += file.stat().st_size
        if size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _insert(connection: Connection, folder: Path, files: list[Path]) -> int:
    rows = [(*astuple(one), _now()) for file in files for one in _read(folder, file)]
    frame = pandas.DataFrame(rows, columns=COLUMNS, dtype=object).drop_duplicates("event_id")
    replace_raw_table(connection, "email_events_staged", frame)
    before = _count(connection)
    connection.execute("""
        INSERT INTO raw.email_events (event_id, provider, received_at, payload, _loaded_at)
        SELECT event_id, provider, received_at, payload, _loaded_at FROM raw.email_events_staged AS staged
        WHERE NOT EXISTS (SELECT 1 FROM raw.email_events AS known WHERE known.event_id = staged.event_id)""")
    connection.execute("DELETE FROM raw.email_events_staged")
    return _count(connection) - before


def _count(connection: Connection) -> int:
    ((count,),) = connection.execute("SELECT count(*) FROM raw.email_events").fetchall()
    return int(count)


def _read(folder: Path, file: Path) -> list[RawPayload]:
    try:
        return list(read_payloads(folder, file))
    except OSError as error:
        hint = "It may contain unsubscribes, so nothing is sent until it is read. Fix its permissions, or move it away."
        raise PartnerflowError(f"{file} cannot be read: {error.strerror}. {hint}") from None


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
