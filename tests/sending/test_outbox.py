"""The outbox: a file is complete and on disk before its delivery is recorded as sent."""

from pathlib import Path

import pytest

from flows.messages.envelope import OutgoingMessage
from flows.sending.transports.outbox import FileTransport
from support.disk import record_disk


def test_file_and_folder_are_synced_before_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The content is synced before `sending` and the name before `sent`, so that a power cut loses no email."""
    outbox = FileTransport(tmp_path / "outbox", ".eml")
    record = record_disk(monkeypatch, tmp_path / "outbox")
    send = outbox.prepare(OutgoingMessage("d", b"Hello\r\n"))
    assert record == ["sync outbox/.d.eml.part, 7 bytes"]
    assert send().state == "sent"
    assert record[1:] == ["rename .d.eml.part to d.eml", "sync outbox"]
    assert (tmp_path / "outbox" / "d.eml").read_bytes() == b"Hello\r\n"


def test_existing_file_was_delivered(tmp_path: Path):
    """A ledger restored from a backup may not have the result. The file stays as it is."""
    outbox = FileTransport(tmp_path / "outbox", ".eml")
    outbox.prepare(OutgoingMessage("d", b"Hello\r\n"))()
    assert outbox.prepare(OutgoingMessage("d", b"Again\r\n"))().state == "sent"
    assert [file.read_bytes() for file in outbox.folder.iterdir()] == [b"Hello\r\n"]
