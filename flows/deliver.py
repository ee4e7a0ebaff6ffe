"""Deliver: hand a message over, in two steps, of which only the second cannot be taken back.

`prepare` does everything that may fail and may be done again; the function that it returns does the irrevocable step.
The ledger says `sending` between the two. A sender that can tell afterwards what became of a delivery says so in
`finish`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Sender(Protocol):
    """Whatever takes messages: the outbox here, a mail server, an endpoint that accepts applications."""

    def prepare(self, delivery_id: str, content: bytes) -> Callable[[], None]:
        """Make ready, and return what sends."""

    def finish(self, delivery_id: str) -> bool:
        """After a crash between the two steps: complete the delivery, or know that it was completed. False: unknown."""


class FileSender:
    """Delivers into a folder, one file a delivery: `<delivery id><suffix>`, whole or not at all.

    The file is written and synced under a temporary name first; renaming it is the delivery. So a crash never leaves a
    doubt: while the temporary name is there, the delivery has not happened.
    """

    def __init__(self, folder: Path, suffix: str):
        self.folder, self.suffix = folder, suffix
        folder.mkdir(parents=True, exist_ok=True)

    def prepare(self, delivery_id: str, content: bytes) -> Callable[[], None]:
        """Write the file under its temporary name. Raises OSError, for example when the disk is full."""
        temporary = self._temporary(delivery_id)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return lambda: self._deliver(delivery_id)

    def finish(self, delivery_id: str) -> bool:
        """Complete a delivery that a crash has interrupted."""
        if self._temporary(delivery_id).exists():
            self._deliver(delivery_id)
        return (self.folder / f"{delivery_id}{self.suffix}").exists()

    def _temporary(self, delivery_id: str) -> Path:
        return self.folder / f".{delivery_id}{self.suffix}.part"

    def _deliver(self, delivery_id: str) -> None:
        self._temporary(delivery_id).replace(self.folder / f"{delivery_id}{self.suffix}")
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
