"""Atomic file writes: the old file or the new one, on disk before its name is."""

import os
from pathlib import Path

import pytest

from flows.atomic import write_atomic
from support.disk import record_disk


def test_content_and_name_are_synced_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A new folder first, the content before the rename, the folder after it; else a power cut could leave nothing."""
    record = record_disk(monkeypatch, tmp_path / "new")
    write_atomic(tmp_path / "new" / "file.txt", "Grüße\n")
    assert record == [
        "sync .",
        "sync new/.file.txt.part, 8 bytes",
        "rename .file.txt.part to file.txt",
        "sync new",
    ]
    assert [file.read_bytes() for file in (tmp_path / "new").iterdir()] == ["Grüße\n".encode()]


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A full disk: the old content is still there, and no temporary file beside it."""
    file = tmp_path / "file.txt"
    write_atomic(file, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(file, b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file.txt": b"old"}


def test_mode_applies_to_the_new_file(tmp_path: Path):
    """For files that nobody else may read."""
    write_atomic(tmp_path / "secret", b"x", mode=0o600)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
