"""Drafts are written all or none, and never over another file."""

from pathlib import Path

import pytest

from compiler import PartnerflowError
from flows.definitions.scaffold.drafts import write_drafts


def test_write_drafts_creates_folders_and_writes_definitions_last(tmp_path: Path):
    """A definition is never visible before the segment and the message that it uses."""
    files = {"a.yml": "a", "segments/s.yml": "s", "messages/m/body.txt": "ü"}
    written = write_drafts(tmp_path, files)
    assert [str(path.relative_to(tmp_path)) for path in written] == ["messages/m/body.txt", "segments/s.yml", "a.yml"]
    assert {str(path.relative_to(tmp_path)): path.read_text("utf-8") for path in tmp_path.rglob("*.*")} == files


def test_write_drafts_with_existing_file_writes_nothing(tmp_path: Path):
    """The error names the file, which keeps its content."""
    (tmp_path / "a.yml").write_text("mine")
    with pytest.raises(PartnerflowError, match=r"already has a\.yml\. Nothing was written"):
        write_drafts(tmp_path, {"a.yml": "a", "segments/s.yml": "s"})
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.yml", "mine")]


def test_write_drafts_never_replaces_a_file_that_appears_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another process may create the file after the check."""
    (tmp_path / "a.yml").write_text("theirs")
    monkeypatch.setattr("flows.definitions.scaffold.drafts.refuse_existing", lambda *_: None)
    with pytest.raises(PartnerflowError, match="Nothing was written"):
        write_drafts(tmp_path, {"a.yml": "a", "segments/s.yml": "s"})
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.yml", "theirs")]
