"""The outbox: deliveries as files in a folder, the default."""

from collections.abc import Callable
from pathlib import Path

from flows.atomic import rename_synced, write_synced
from flows.ledger.delivery import Verdict
from flows.messages.envelope import Parcel


class FileSender:
    """Delivers into a folder, one file a delivery: `<delivery id><suffix>`, whole or not at all.

    The file is written and synced under a temporary name first; renaming it is the delivery. So a crash never leaves a
    doubt: while the temporary name is there, the delivery has not happened. Sender and session in one.
    """

    connections = 1
    is_ready = True

    def __init__(self, folder: Path, suffix: str):
        self.folder, self.suffix = folder, suffix
        folder.mkdir(parents=True, exist_ok=True)

    def session(self) -> "FileSender":
        """Itself: a folder has no connection."""
        return self

    def close(self) -> None:
        """Nothing is open."""

    def prepare(self, parcel: Parcel) -> Callable[[], Verdict]:
        """Write the file under its temporary name. Raises OSError, for example when the disk is full.

        One that is there already was delivered, whatever the ledger says: it may have been restored from a backup.
        """
        if self._final(parcel.delivery_id).exists():
            return lambda: Verdict("sent", "The file was there already.")
        write_synced(self._temporary(parcel.delivery_id), parcel.content)
        return lambda: self._deliver(parcel.delivery_id)

    def recall(self, delivery_id: str, make: Callable[[], Parcel]) -> Verdict | None:
        """Complete a delivery that a crash has interrupted, if it was begun in this folder."""
        if self._temporary(delivery_id).exists():
            return self._deliver(delivery_id)
        return Verdict("sent") if self._final(delivery_id).exists() else None

    def _temporary(self, delivery_id: str) -> Path:
        return self.folder / f".{delivery_id}{self.suffix}.part"

    def _final(self, delivery_id: str) -> Path:
        return self.folder / f"{delivery_id}{self.suffix}"

    def _deliver(self, delivery_id: str) -> Verdict:
        rename_synced(self._temporary(delivery_id), self._final(delivery_id))
        return Verdict("sent")
