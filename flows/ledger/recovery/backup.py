"""Backup: copy a SQLite ledger while runs write to it, and put such a copy in its place."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from compiler import PartnerflowError
from flows.atomic import make_folder, rename_synced, sync

SIDE_FILES = ("-wal", "-shm")
"""Suffixes of the files that SQLite keeps beside an open file, or one whose process was killed."""


def back_up(ledger: Path | str, target: Path) -> None:
    """Copy the ledger as of one moment, while runs go on. `target` is a complete and checked file, or unchanged.

    Raises PartnerflowError if the ledger is missing or damaged, or the copy cannot be written.
    """
    if not isinstance(ledger, Path):
        raise PartnerflowError(
            "The ledger is a PostgreSQL database. Back it up with pg_dump; that works during a run, too."
        )
    if not ledger.exists():
        raise PartnerflowError(
            f"The ledger {ledger} does not exist, so there is nothing to back up. Check PARTNERFLOW_VAR."
        )
    if target.resolve() == ledger.resolve():
        raise PartnerflowError("The backup would replace the ledger. Name another file, on another disk.")
    _copy(ledger, target)


def put_in_place(backup: Path, ledger: Path | str, now: datetime) -> Path | None:
    """Replace the ledger by a copy of the backup. Return the new name of the former ledger; None if there was none.

    Call it while holding the lock of the state folder. Raises PartnerflowError, and changes nothing, if the backup is
    not a ledger or the ledger cannot be replaced.
    """
    if not isinstance(ledger, Path):
        raise PartnerflowError("The ledger is in PostgreSQL. Use pg_restore, then `restore` without a FILE.")
    if not backup.is_file():
        raise PartnerflowError(f"The backup {backup} does not exist. Name an existing file.")
    copied = ledger.with_name(f".{ledger.name}.restored")
    _copy(backup, copied)
    try:
        former = _set_aside(ledger, now)
        rename_synced(copied, ledger)
    except OSError as error:
        copied.unlink(missing_ok=True)
        hint = "Correct the permissions of it and of its folder, and restore again."
        raise PartnerflowError(f"{error.filename} cannot be replaced: {error.strerror}. {hint}") from None
    return former


def _copy(source: Path, target: Path) -> None:
    """Copy a ledger to a temporary file, readable by its owner only; check it, sync it and rename it."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        make_folder(target.parent)
        temporary.unlink(missing_ok=True)
        temporary.touch(mode=0o600)
        with closing(_open(source)) as reader, closing(_open(temporary)) as writer:
            reader.backup(writer)
            writer.execute("PRAGMA journal_mode = DELETE")  # one file, without a write-ahead log beside it
            _check(writer, source)
        sync(temporary)
        rename_synced(temporary, target)
    except (sqlite3.Error, OSError) as error:
        raise PartnerflowError(f"{source} cannot be copied to {target}: {error}. Nothing was replaced.") from None
    finally:
        temporary.unlink(missing_ok=True)


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)


def _check(copy: sqlite3.Connection, source: Path) -> None:
    (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise PartnerflowError(f"{source} is damaged: {found}. Nothing was replaced.")
    if not copy.execute("SELECT count(*) FROM sqlite_master WHERE name = 'contact'").fetchone()[0]:
        raise PartnerflowError(
            f"{source} is not a ledger. Nothing was replaced. Name a file that `partnerflow backup` wrote."
        )


def _set_aside(ledger: Path, now: datetime) -> Path | None:
    """Rename the ledger with its side files: SQLite would apply a log that is left behind to the next file."""
    former = ledger.with_name(f"{ledger.name}.before-{now:%Y%m%dT%H%M%SZ}")
    for suffix in (*SIDE_FILES, ""):
        file = ledger.with_name(ledger.name + suffix)
        if file.exists():
            file.replace(former.with_name(former.name + suffix))
    return former if former.exists() else None
