"""One run at a time per state folder: a lock that the operating system releases when the process dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler import PartnerflowError


@contextmanager
def state_lock(state: Path) -> Iterator[None]:
    """Lock the state folder for this process. Raises PartnerflowError at once when another process has locked it."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "run.lock").open("a+", encoding="utf-8") as file:
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
