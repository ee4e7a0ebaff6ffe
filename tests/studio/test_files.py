"""A change is written only while the files are as they were when it was made, and nowhere else."""

from pathlib import Path

import pytest

from compiler import PartnerflowError
from flows.studio.files import Changed, Edit, version_of_edits, write


def test_change_of_a_file_that_has_changed_is_not_written(tmp_path: Path):
    """Nor are the others that belong to it, also if a file is new or gone."""
    one, other = tmp_path / "one.yml", tmp_path / "other.yml"
    one.write_text("a\n")
    other.write_text("b\n")
    for stale in (Edit(other, "before\n", "c\n"), Edit(other, None, "c\n"), Edit(tmp_path / "gone.yml", "a\n", None)):
        with pytest.raises(Changed):
            write(tmp_path, [Edit(one, "a\n", "changed\n"), stale], 0o022)
        assert (one.read_text(), other.read_text()) == ("a\n", "b\n")


def test_change_outside_the_folder_is_not_written(tmp_path: Path):
    """Whatever has made its path."""
    folder = tmp_path / "workflows"
    folder.mkdir()
    for path in (tmp_path / "x.yml", folder / ".." / "x.yml", folder / "messages" / ".." / ".." / "x.yml"):
        with pytest.raises(PartnerflowError, match="Nothing was written"):
            write(folder, [Edit(path, None, "x\n")], 0o022)
    assert sorted(tmp_path.iterdir()) == [folder]


def test_link_stays_when_its_file_is_changed(tmp_path: Path):
    """The file that it points to is replaced."""
    (tmp_path / "real").write_text("a\n")
    (tmp_path / "link.yml").symlink_to("real")
    write(tmp_path, [Edit(tmp_path / "link.yml", "a\n", "b\n")], 0o022)
    assert (tmp_path / "link.yml").is_symlink() and (tmp_path / "real").read_text() == "b\n"


def test_version_of_a_change_differs_for_every_difference(tmp_path: Path):
    """In any file, before or after, and whether there is one; the order of the files does not matter."""
    file, other = tmp_path / "a", tmp_path / "b"
    edits = [
        Edit(file, "x", "y"),
        Edit(file, "x", None),
        Edit(file, None, "y"),
        Edit(file, "", "y"),
        Edit(other, "x", "y"),
    ]
    assert len({version_of_edits([one]) for one in edits}) == len(edits)
    assert version_of_edits(edits[3:]) == version_of_edits(reversed(edits[3:]))
