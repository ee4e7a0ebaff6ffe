"""A studio on a folder of three workflows, of which nothing has been run."""

from pathlib import Path

import pytest

from flows.settings import Settings
from support.studio import Client, write_message

DEFINITION = """\
name: {name}   # ours
program: "1000"
status: {status}
segment:
  - Relationship Stage is any of Joined
  - Last Transition Date is 7 Days Ago  # a week
action:
  email: hello
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workflows folder with an active, a draft and an invalid workflow."""
    folder = tmp_path / "workflows"
    write_message(folder, "hello")
    for name, status in (("sends", "active"), ("later", "draft")):
        (folder / f"{name}.yml").write_text(DEFINITION.format(name=name.title(), status=status))
    (folder / "wrong.yml").write_text("name: Wrong\nsegment: [\n")
    return folder


@pytest.fixture
def client(folder: Path) -> Client:
    """A client of the studio."""
    return Client(Settings(state_dir=folder.parent / "var", workflows=folder))
