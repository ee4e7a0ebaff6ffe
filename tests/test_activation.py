"""`activate` and `pause` set the status in the files, all or none, and refuse what `check` refuses."""

import os
from pathlib import Path

import pytest

from flows.definitions.loader import read_definitions
from flows.definitions.scaffold.templates import template
from flows.settings import Settings
from support.cli import partnerflow
from support.example_workflows import copy_workflows


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """A state without a warehouse, with a copy of the example workflows."""
    copy_workflows(tmp_path / "workflows")
    return Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")


def statuses(settings: Settings, *names: str) -> list[str]:
    """Return the status of these workflows as their files have it."""
    definitions = read_definitions(settings)
    return [definitions[name].status for name in names]


def test_pause_and_activate_change_one_line_of_each_file(own: Settings):
    """Ids and files name workflows; the text comes back as it was, and so do the permissions."""
    file = own.workflows / "few-clicks-14.yml"
    before, names = file.read_bytes(), ("few-clicks-14", str(own.workflows / "welcome.yml"))
    file.chmod(0o640)
    os.umask(0o077)
    done = partnerflow(own, "pause", *names, "--json")
    assert [(one["workflow_id"], one["was"], one["status"]) for one in done.json()["workflows"]] == [
        ("few-clicks-14", "active", "paused"), ("welcome", "active", "paused"),
    ]  # fmt: skip
    assert statuses(own, "few-clicks-14", "welcome", "few-clicks-30") == ["paused", "paused", "active"]
    assert file.read_bytes() == before.replace(b"status: active", b"status: paused")
    again = partnerflow(own, "activate", *names)
    assert (again.code, file.read_bytes(), file.stat().st_mode & 0o777) == (0, before, 0o640)
    assert again.stdout.startswith(f"few-clicks-14 is active (was paused): {file}\n")
    assert partnerflow(own, "activate", *names).stdout.startswith(f"few-clicks-14 is active already: {file}\n")


def test_activate_refuses_what_check_refuses_and_changes_nothing(own: Settings):
    """A template's text is an error of an active workflow only; the valid workflow beside it stays a draft, too."""
    for name, text in template("welcome-and-kickstart").files("1000", {}, "new-").items():
        (own.workflows / name).parent.mkdir(parents=True, exist_ok=True)
        (own.workflows / name).write_text(text)
    ids = [name.removesuffix(".yml") for name in template("welcome-and-kickstart").files("1000", {}, "new-")]
    draft = next(one for one in ids if "/" not in one)
    assert partnerflow(own, "check").code == 0
    partnerflow(own, "pause", "welcome")
    refused = partnerflow(own, "activate", "welcome", draft)
    assert (refused.code, refused.stdout) == (1, "")
    assert "Nothing was changed." in refused.stderr
    assert ": error: " in refused.stderr
    assert statuses(own, "welcome", draft) == ["paused", "draft"]
    assert "There is no workflow nobody." in partnerflow(own, "activate", "welcome", "nobody").stderr
    assert statuses(own, "welcome") == ["paused"]


def test_whole_chain_is_set_at_once(own: Settings):
    """`--chain` names all workflows that `new` wrote from the template with the same prefix."""
    chain = [f"eu-{one}" for one in template("celebrate-top-performing-partners").about.workflows]
    for name, text in template("celebrate-top-performing-partners").files("1000", {}, "eu-").items():
        (own.workflows / name).parent.mkdir(parents=True, exist_ok=True)
        (own.workflows / name).write_text(text)
    done = partnerflow(own, "pause", chain[-1], "--chain")
    assert done.code == 0
    assert statuses(own, *chain) == ["paused"] * len(chain)
