"""Load the landing folder into raw.email_events, each payload once.

What cannot be read is listed in raw.unreadable_payloads for as long as its file stays as it is.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple
from datetime import UTC, datetime
from pathlib import Path

import pandas

from compiler import PartnerflowError
from flows.atomic import write_atomic
from flows.events.landing import LandedFile, RawPayload, landed_files
from flows.events.payload_reader import WHOLE, Unreadable, read_payloads
from flows.warehouse.connection import Connection, transaction
from flows.warehouse.raw_tables import create_raw_table, raw_columns, replace_raw_table

BATCH_BYTES = 100_000_000
"""Bytes of the files that are read at once."""

MERGE_BELOW = 10_000_000
"""Bytes below which a file is merged with others."""


def load_events(connection: Connection, folder: Path) -> int:
    """Load the files that are not loaded yet, and return the number of new payloads.

    Creates the raw tables if needed. Rows and file names are written in one transaction: after a crash before its
    commit, the files are loaded again. Raises PartnerflowError when the system does not let a file be read.
    """
    known = _ingested_files(connection)
    files = _landed_files(folder)
    fresh = [file for file in files if known.get(file.name) != file.size]
    if not fresh and known.keys() == {file.name for file in files}:
        return 0
    with transaction(connection):
        before = _count(connection)
        unreadable = [one for batch in _batches(fresh) for one in _load(connection, batch)]
        new = _count(connection) - before
        unchanged = {file.name for file in files}.difference(file.name for file in fresh)
        _save_unreadable(connection, unchanged, unreadable)
        _save_ingested_files(connection, files)
    incomplete = {one.file for one in unreadable}
    if merged := _merge(folder, [file for file in fresh if file.name not in incomplete]):
        with transaction(connection):
            loaded = {file.name for file in files} | {merged}
            _save_ingested_files(connection, [file for file in _landed_files(folder) if file.name in loaded])
    return new


def _landed_files(folder: Path) -> list[LandedFile]:
    try:
        return landed_files(folder)
    except OSError as error:
        raise _unreadable(error.filename, error) from None


def _ingested_files(connection: Connection) -> dict[str, int]:
    """Return the loaded files and their sizes; a file whose size has changed since is loaded again."""
    present = connection.columns("raw")
    for name in ("email_events", "ingested_files", "unreadable_payloads"):
        if name not in present:
            create_raw_table(connection, name)
    return dict(connection.execute("SELECT file, bytes FROM raw.ingested_files").fetchall())


def _save_ingested_files(connection: Connection, files: Sequence[LandedFile]) -> None:
    """Save the sizes that the files had when they were found: what was added since is loaded by the next run."""
    rows = [(file.name, file.size) for file in files]
    replace_raw_table(connection, "ingested_files", pandas.DataFrame(rows, columns=["file", "bytes"]))


def _save_unreadable(connection: Connection, unchanged: set[str], found: Sequence[Unreadable]) -> None:
    """Replace the list by what was found, and what is known of the unchanged files."""
    columns = list(raw_columns("unreadable_payloads"))
    known = connection.execute("SELECT file, lines, provider, reason, read_at FROM raw.unreadable_payloads").fetchall()
    rows = [row for row in known if row[0] in unchanged] + [(*astuple(one), _now()) for one in found]
    frame = pandas.DataFrame(rows, columns=columns).astype(object)
    replace_raw_table(connection, "unreadable_payloads", frame)


def _batches(files: Sequence[LandedFile]) -> Iterator[list[LandedFile]]:
    """Yield the files in batches of about BATCH_BYTES, which bounds the memory for filling a new warehouse."""
    batch: list[LandedFile] = []
    size = 0
    for file in files:
        batch.append(file)
        size += file.size
        if size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _load(connection: Connection, files: Sequence[LandedFile]) -> list[Unreadable]:
    """Insert the payloads of the files, and return what cannot be read, each place once."""
    found = [one for file in files for one in _read(file)]
    rows = [(*astuple(one), _now()) for one in found if isinstance(one, RawPayload)]
    frame = pandas.DataFrame(rows, columns=list(raw_columns("email_events")), dtype=object).drop_duplicates("event_id")
    replace_raw_table(connection, "email_events_staged", frame)
    connection.execute("""
        INSERT INTO raw.email_events (event_id, provider, received_at, payload, _loaded_at)
        SELECT event_id, provider, received_at, payload, _loaded_at FROM raw.email_events_staged AS staged
        WHERE NOT EXISTS (SELECT 1 FROM raw.email_events AS known WHERE known.event_id = staged.event_id)""")
    connection.execute("DELETE FROM raw.email_events_staged")
    return list(dict.fromkeys(one for one in found if isinstance(one, Unreadable)))


def _count(connection: Connection) -> int:
    ((count,),) = connection.execute("SELECT count(*) FROM raw.email_events").fetchall()
    return int(count)


def _read(file: LandedFile) -> list[RawPayload | Unreadable]:
    try:
        return list(read_payloads(file))
    except FileNotFoundError:
        return [Unreadable(file.name, WHOLE, file.provider, "it was removed while it was being loaded")]
    except OSError as error:
        raise _unreadable(file.path, error) from None


def _unreadable(path: Path | str, error: OSError) -> PartnerflowError:
    hint = "It may contain unsubscribes, so nothing is sent until it is read. Fix its permissions, or move it away."
    return PartnerflowError(f"{path} cannot be read: {error.strerror}. {hint}")


def _merge(folder: Path, files: Sequence[LandedFile]) -> str | None:
    """Merge the receiver's small files among `files`, which are loaded, and return the new file's name, if any.

    A crash can leave payloads in both the old and the new file, but loses none.
    """
    small = [one for one in files if one.is_of_receiver and one.path.suffix == ".jsonl" and one.size < MERGE_BELOW]
    if len(small) < 2:
        return None
    payloads = [one for file in small for one in read_payloads(file) if isinstance(one, RawPayload)]
    merged = folder / f"merged-{small[-1].path.name}"
    write_atomic(merged, "".join(json.dumps(asdict(one)) + "\n" for one in payloads))
    for file in small:
        file.path.unlink(missing_ok=True)
    return merged.name


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
