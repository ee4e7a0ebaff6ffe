"""Who can read what a command writes."""

import os
import stat
from pathlib import Path

import pytest

from flows.settings import Settings
from support.cli import partnerflow
from support.states import HOUR


def mode(path: Path) -> int:
    """Return the permissions of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.long
def test_state_is_private_but_for_what_is_published(tmp_path: Path):
    """Folders are 0700 and files 0600 after a run; others can read the two published files, but not write them."""
    state = Settings(state_dir=tmp_path / "var", workflows=Settings().workflows)
    assert partnerflow(state, "load-example").code == 0
    assert partnerflow(state, "run", "--as-of", HOUR.isoformat()).code == 0
    published = state.state_dir / "published"
    inner = [path for path in state.state_dir.rglob("*") if published not in (path, *path.parents)]
    assert {mode(path) for path in (state.state_dir, *inner) if path.is_dir()} == {0o700}
    assert {mode(path) for path in inner if path.is_file()} == {0o600}
    assert {path.name: mode(path) for path in (published, *published.iterdir())} == {
        "published": 0o755, "partnerflow.duckdb": 0o444, "report.html": 0o644,
    }  # fmt: skip


def test_definitions_are_written_with_the_permissions_of_the_user(tmp_path: Path):
    """A colleague can read a definition that `new` writes."""
    os.umask(0o022)
    state = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    state.workflows.mkdir()
    assert partnerflow(state, "new", "celebrate-a-first-sale", "--program", "1000").code == 0
    written = [path for path in state.workflows.rglob("*") if path.is_file()]
    assert written and {mode(path) for path in written} == {0o644}
