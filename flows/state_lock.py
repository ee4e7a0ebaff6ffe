"""One run at a time: a lock that the operating system takes back from a process that dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler import PartnerflowError


@contextmanager
def exclusive(var: Path) -> Iterator[None]:
    """Hold the state folder for this process. Raises PartnerflowError at once when another run holds it."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "run.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise PartnerflowError(
                f"Another run works on {var} (process {holder}). Wait for it to end; a second is refused, not queued."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
