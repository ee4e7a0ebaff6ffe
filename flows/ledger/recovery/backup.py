"""Backup: a copy of a SQLite ledger, made while runs work, and a copy put in the ledger's place."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from compiler import PartnerflowError
from flows.atomic import rename_synced, sync

SIDES = ("-wal", "-shm")
"""What SQLite keeps beside a file that is open, or was when its process died."""


def back_up(ledger: Path | str, target: Path) -> None:
    """Copy the ledger as it is at one moment; runs go on meanwhile. The file is there whole, checked, or not at all.

    Raises PartnerflowError when there is no ledger, it is damaged, or the copy cannot be written.
    """
    if not isinstance(ledger, Path):
        raise PartnerflowError("The ledger is a PostgreSQL database: back it up with pg_dump; runs go on.")
    if not ledger.exists():
        raise PartnerflowError(f"There is no ledger {ledger}: nobody has been contacted by this state.")
    if target.resolve() == ledger.resolve():
        raise PartnerflowError("A backup beside itself is none. Name another file, on another disk.")
    _copy(ledger, target)


def put_in_place(backup: Path, ledger: Path | str, now: datetime) -> Path | None:
    """Make a copy of the backup the ledger. What was there is kept under the name that is returned; None: nothing was.

    To be called with the lock of the state. Raises PartnerflowError, and changes nothing, when the backup is no ledger.
    """
    if not isinstance(ledger, Path):
        raise PartnerflowError("The ledger is in PostgreSQL: use pg_restore, then `restore` without a FILE.")
    if not backup.is_file():
        raise PartnerflowError(f"There is no file {backup}.")
    fresh = ledger.with_name(f".{ledger.name}.restored")
    _copy(backup, fresh)
    aside = _set_aside(ledger, now)
    rename_synced(fresh, ledger)
    return aside


def _copy(source: Path, target: Path) -> None:
    """A whole copy of a ledger, written under a temporary name, checked, synced and renamed."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with closing(_opened(source)) as reader, closing(_opened(part)) as writer:
            reader.backup(writer)
            writer.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            _check(writer, source)
        sync(part)
        rename_synced(part, target)
    except (sqlite3.Error, OSError) as error:
        raise PartnerflowError(f"{source} cannot be copied to {target}: {error}. Nothing was replaced.") from None
    finally:
        part.unlink(missing_ok=True)


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)


def _check(copy: sqlite3.Connection, source: Path) -> None:
    (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise PartnerflowError(f"{source} is damaged: {found}. Nothing was replaced.")
    if not copy.execute("SELECT count(*) FROM sqlite_master WHERE name = 'contact'").fetchone()[0]:
        raise PartnerflowError(f"{source} is no ledger. Nothing was replaced.")


def _set_aside(ledger: Path, now: datetime) -> Path | None:
    """Rename the ledger and what is beside it; a log that were left would be taken for that of the next file."""
    aside = ledger.with_name(f"{ledger.name}.before-{now:%Y%m%dT%H%M%SZ}")
    for side in (*SIDES, ""):
        file = ledger.with_name(ledger.name + side)
        if file.exists():
            file.replace(aside.with_name(aside.name + side))
    return aside if aside.exists() else None
