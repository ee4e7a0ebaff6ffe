"""A plan says what has changed since the last run, who is new, what is to come, and what is worth a look."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

import flows.preview.plan_preview
from flows.cli.output.plan_preview import plan_preview_lines
from flows.definitions.diff import changes, save_snapshot
from flows.definitions.loader import read_definitions
from flows.pipeline.run import plan_only
from flows.preview.plan_preview import preview_plan
from flows.settings import CHECKOUT, Settings
from support.example_members import MEMBERS
from support.states import HOUR


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """The sixteen workflows in a folder of their own, remembered as those of the last run."""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    (tmp_path / "var").mkdir()
    settings = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    save_snapshot(settings, read_definitions(settings))
    return settings


def edit(settings: Settings, workflow_id: str, old: str, new: str) -> None:
    """Change a definition."""
    file = settings.workflows / f"{workflow_id}.yml"
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new))


def told(settings: Settings) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What has changed, by workflow."""
    found = changes(settings, read_definitions(settings))
    return {one.workflow_id: (one.what, one.description) for one in found}


def test_nothing_has_changed_when_nothing_has(own: Settings):
    """Other spelling and comments are no change; before the first run every active workflow is new."""
    edit(own, "welcome", "Relationship Stage is any of Joined", "relationship stage IS any of  joined  # comment")
    assert told(own) == {}
    (own.state_dir / "definitions.json").unlink()
    assert {what for what, _ in told(own).values()} == {"new"}
    assert len(told(own)) == 16


def test_changes_are_told_in_words(own: Settings):
    """New, changed, activated, paused and gone; drafts are no matter."""
    edit(own, "few-clicks-14", "Clicks less than 100", "Clicks less than 50")
    edit(own, "few-clicks-14", "Last Transition Date Is 14 Days Ago", "Last Transition Date Is 15 Days Ago")
    edit(own, "welcome", "  - Last Transition Date is Today\n", "  - Partner Group is any of Gold\n")
    edit(own, "revenue-1000", "status: active", "status: paused")
    (own.workflows / "revenue-10000.yml").unlink()
    shutil.copy(own.workflows / "few-clicks-60.yml", own.workflows / "mine.yml")
    shutil.copy(own.workflows / "few-clicks-60.yml", own.workflows / "draft.yml")
    edit(own, "draft", "status: active", "status: draft")
    few = (
        "Last Transition Date is 14 Days Ago → Last Transition Date is 15 Days Ago",
        "Clicks less than 100 → Clicks less than 50",
    )
    found = told(own)
    assert found.pop("mine")[0] == "new"
    assert found == {
        "few-clicks-14": ("changed", few),
        "welcome": (
            "changed",
            ("no longer: Last Transition Date is Today", "now also: Partner Group is any of Gold"),
        ),
        "revenue-1000": ("paused", ("is paused now",)),
        "revenue-10000": ("gone", ()),
    }
    save_snapshot(own, read_definitions(own))
    assert told(own) == {}
    edit(own, "draft", "status: draft", "status: active")
    edit(own, "revenue-1000", "status: paused", "status: active")
    edit(own, "revenue-1000", "email: revenue-1000", "email: welcome")
    assert told(own) == {
        "draft": ("activated", ()),
        "revenue-1000": ("activated", ("action was 'email revenue-1000', is 'email welcome'",)),
    }


def test_a_definition_that_is_broken_for_now_is_compared_when_it_is_mended(own: Settings):
    """A run in between does not forget it."""
    edit(own, "welcome", "segment:", "segmnt:")
    save_snapshot(own, read_definitions(own))
    assert told(own) == {}
    edit(own, "welcome", "segmnt:", "segment:")
    assert told(own) == {}


def test_the_outlook_of_an_edit(copied: Settings, monkeypatch: pytest.MonkeyPatch):
    """The example account an hour after its run, the welcome widened: who is new, one email, the days to come, and a
    warning, because it reaches many."""
    settings = copied
    edit(settings, "welcome", "Last Transition Date is Today", "Last Transition Date Is Last 30 Days")
    plan = plan_only(settings, HOUR + timedelta(hours=1))
    monkeypatch.setattr(flows.preview.plan_preview, "MANY", 10)
    found = preview_plan(settings, read_definitions(settings), plan, days=7)
    assert [(one.workflow_id, one.what) for one in found.changes] == [("welcome", "changed")]
    assert (len(found.samples["welcome"]), found.email["workflow_id"]) == (5, "prospect-follow-up-7")
    assert "invitation" in found.email["subject"]
    assert found.forecast["prospect-follow-up-7"] >= len(MEMBERS["prospect-invite"])
    (warning,) = found.warnings
    assert warning.startswith("welcome is changed and contacts ")
    lines = plan_preview_lines(found)
    assert "    Last Transition Date is Today → Last Transition Date is Last 30 Days" in lines
    assert any(line.startswith("The 7 days after bring") and "prospect-follow-up-7 " in line for line in lines)
    quiet = preview_plan(settings, read_definitions(settings), plan, days=0)
    assert (quiet.forecast, quiet.limit_breaches) == ({}, ())
    assert not any("days after" in line for line in plan_preview_lines(quiet))
