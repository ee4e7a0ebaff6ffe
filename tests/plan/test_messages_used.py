"""The messages that the active workflows use."""

from pathlib import Path

from flows.definitions.loader import read_definitions
from flows.plan import messages_used
from flows.settings import Settings
from support.example_workflows import copy_workflows


def test_message_of_several_workflows_is_read_once(tmp_path: Path, monkeypatch):
    """A thousand workflows may use one; each of them has it."""
    settings = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    copy_workflows(settings.workflows)
    read, check = [], messages_used.check_message
    for name in ("first", "second"):
        (settings.workflows / f"{name}.yml").write_text(
            f'name: {name}\nprogram: "1000"\nstatus: active\nsegment:\n  - Relationship Stage is any of Joined\n'
            "action: {email: welcome}\n"
        )
    monkeypatch.setattr(messages_used, "check_message", lambda folder: read.append(folder.name) or check(folder))
    found = messages_used.read_messages(settings, read_definitions(settings)).usable
    assert read.count("welcome") == 1
    assert found["first"] == found["second"]
