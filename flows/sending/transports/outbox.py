"""The outbox, the default transport: each delivery is a file of a folder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from flows.atomic import make_folder, rename_synced, write_synced
from flows.ledger.delivery import SendResult
from flows.messages.envelope import OutgoingMessage
from flows.sending.transport import Send


class FileTransport:
    """Writes one complete file per delivery, `<delivery id><suffix>`; transport and connection in one.

    The content is written and synced under a temporary name; renaming the file is the delivery. So a crash leaves no
    doubt: while the temporary name exists, the delivery has not happened.
    """

    max_connections = 1
    is_ready = True

    def __init__(self, folder: Path, suffix: str):
        self.folder, self.suffix = folder, suffix
        make_folder(folder)

    def open_connection(self) -> "FileTransport":
        """Return itself: a folder needs no connection."""
        return self

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def prepare(self, message: OutgoingMessage) -> Send:
        """Write the file under its temporary name. Raises OSError, for example when the disk is full.

        A file that exists was delivered even if the ledger does not know: the ledger may be a restored backup.
        """
        if self._file(message.delivery_id).exists():
            return lambda: SendResult("sent", "The file already existed.")
        write_synced(self._temporary(message.delivery_id), message.content)
        return partial(self._deliver, message.delivery_id)

    def reconcile(self, delivery_id: str, render: Callable[[], OutgoingMessage]) -> SendResult | None:
        """Complete a delivery to this folder that a crash interrupted; None when no file of it exists."""
        if self._temporary(delivery_id).exists():
            return self._deliver(delivery_id)
        return SendResult("sent") if self._file(delivery_id).exists() else None

    def _temporary(self, delivery_id: str) -> Path:
        return self.folder / f".{delivery_id}{self.suffix}.part"

    def _file(self, delivery_id: str) -> Path:
        return self.folder / f"{delivery_id}{self.suffix}"

    def _deliver(self, delivery_id: str) -> SendResult:
        rename_synced(self._temporary(delivery_id), self._file(delivery_id))
        return SendResult("sent")
