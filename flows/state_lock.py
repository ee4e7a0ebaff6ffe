"""One run at a time per state folder: a lock that the operating system releases when the process dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from compiler import PartnerflowError


@contextmanager
def state_lock(state: Path) -> Iterator[None]:
    """Lock the state folder for this process.

    Raises PartnerflowError at once when another process has locked it, and when the lock file cannot be written.
    """
    with _open(state / "run.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise PartnerflowError(
                f"Another run is using {state} (process {holder}). Wait until it ends; a second run is not queued."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _open(file: Path) -> TextIO:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("a+", encoding="utf-8")
    except OSError as error:
        hint = "Move it away, or correct its permissions; a run creates it again."
        raise PartnerflowError(f"{error.filename} cannot be opened: {error.strerror}. {hint}") from None
