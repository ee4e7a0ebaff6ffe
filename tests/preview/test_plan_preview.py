"""The preview of a plan: changes since the last run, a sample of partners, the forecast and the warnings."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

import flows.preview.plan_preview
from flows.cli.output.plan_preview import plan_preview_lines
from flows.definitions.diff import changes, save_snapshot
from flows.definitions.loader import read_definitions
from flows.pipeline.run import plan_only
from flows.plan.plan import Plan
from flows.preview.plan_preview import preview_plan
from flows.settings import CHECKOUT, Settings
from flows.warehouse.program_names import read_program_names
from support.states import HOUR

FORECAST = {
    "few-clicks-14": 3,
    "few-clicks-30": 1,
    "first-action-30": 2,
    "high-revenue-31-60": 1,
    "prospect-follow-up-14": 6,
    "prospect-follow-up-7": 7,
    "welcome": 1,
}
"""Number of partners that each workflow contacts in the seven days from an hour after the example's hour."""


@pytest.fixture
def saved(tmp_path: Path) -> Settings:
    """A copy of the sixteen workflows, saved as those of the last run."""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    (tmp_path / "var").mkdir()
    settings = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    save_snapshot(settings, read_definitions(settings))
    return settings


def edit(settings: Settings, workflow_id: str, old: str, new: str) -> None:
    """Replace text of a definition."""
    file = settings.workflows / f"{workflow_id}.yml"
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new))


def found_changes(settings: Settings) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the kind and the description of each change, by workflow."""
    found = changes(settings, read_definitions(settings))
    return {one.workflow_id: (one.what, one.description) for one in found}


def test_changes_ignore_spelling_and_comments(saved: Settings):
    """Letter case, spaces and comments are not changes. Before the first run every active workflow is new."""
    edit(saved, "welcome", "Relationship Stage is any of Joined", "relationship stage IS any of  joined  # comment")
    assert found_changes(saved) == {}
    (saved.state_dir / "definitions.json").unlink()
    assert {what for what, _ in found_changes(saved).values()} == {"new"}
    assert len(found_changes(saved)) == 16


def test_changes_are_described_in_words(saved: Settings):
    """A workflow is new, changed, activated, paused or gone; drafts are ignored."""
    edit(saved, "few-clicks-14", "Clicks less than 100", "Clicks less than 50")
    edit(saved, "few-clicks-14", "Last Transition Date Is 14 Days Ago", "Last Transition Date Is 15 Days Ago")
    edit(saved, "welcome", "  - Last Transition Date is Today\n", "  - Partner Group is any of Gold\n")
    edit(saved, "revenue-1000", "status: active", "status: paused")
    (saved.workflows / "revenue-10000.yml").unlink()
    shutil.copy(saved.workflows / "few-clicks-60.yml", saved.workflows / "mine.yml")
    shutil.copy(saved.workflows / "few-clicks-60.yml", saved.workflows / "draft.yml")
    edit(saved, "draft", "status: active", "status: draft")
    few = (
        "Last Transition Date is 14 Days Ago → Last Transition Date is 15 Days Ago",
        "Clicks less than 100 → Clicks less than 50",
    )
    found = found_changes(saved)
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
    save_snapshot(saved, read_definitions(saved))
    assert found_changes(saved) == {}
    edit(saved, "draft", "status: draft", "status: active")
    edit(saved, "revenue-1000", "status: paused", "status: active")
    edit(saved, "revenue-1000", "email: revenue-1000", "email: welcome")
    assert found_changes(saved) == {
        "draft": ("activated", ()),
        "revenue-1000": ("activated", ("action was 'email revenue-1000', is 'email welcome'",)),
    }


def test_change_of_a_named_segment_is_one_of_each_workflow_that_uses_it(saved: Settings):
    """Directly or through another segment; a snapshot of before there were any is still valid."""
    (saved.workflows / "segments").mkdir()
    (saved.workflows / "segments" / "idle.yml").write_text("[Clicks less than 5]")
    (saved.workflows / "segments" / "asleep.yml").write_text("[Segment is any of idle]")
    edit(saved, "welcome", "segment:\n", "segment:\n  - Segment is none of asleep\n")
    edit(saved, "few-clicks-14", "segment:\n", "segment:\n  - Segment is any of idle\n")
    snapshot = saved.state_dir / "definitions.json"
    older = json.loads(snapshot.read_text())
    snapshot.write_text(
        json.dumps({name: {k: v for k, v in one.items() if k != "segments"} for name, one in older.items()})
    )
    assert {name: what for name, (what, _) in found_changes(saved).items()} == {
        "few-clicks-14": "changed",
        "welcome": "changed",
    }
    save_snapshot(saved, read_definitions(saved))
    assert found_changes(saved) == {}
    (saved.workflows / "segments" / "idle.yml").write_text("[Clicks is 0]")
    expected = ("changed", ("segment idle: no longer: Clicks less than 5", "segment idle: now also: Clicks is 0"))
    assert found_changes(saved) == {"few-clicks-14": expected, "welcome": expected}


def test_invalid_definition_is_compared_once_valid_again(saved: Settings):
    """A run with an invalid definition keeps the saved version."""
    edit(saved, "welcome", "segment:", "segmnt:")
    save_snapshot(saved, read_definitions(saved))
    assert found_changes(saved) == {}
    edit(saved, "welcome", "segmnt:", "segment:")
    assert found_changes(saved) == {}


@pytest.mark.long
def test_preview_of_a_widened_segment_warns_and_forecasts(copied: Settings, monkeypatch: pytest.MonkeyPatch):
    """`welcome` is widened an hour after the example's run.

    The preview has its first partners, one email, the forecast, and a warning that it contacts many partners.
    """
    settings = copied
    edit(settings, "welcome", "Last Transition Date is Today", "Last Transition Date Is Last 30 Days")
    plan = plan_only(settings, HOUR + timedelta(hours=1))
    monkeypatch.setattr(flows.preview.plan_preview, "MANY", 10)
    found = preview_plan(settings, read_definitions(settings), plan, days=7)
    assert [(one.workflow_id, one.what) for one in found.changes] == [("welcome", "changed")]
    assert (len(found.samples["welcome"]), found.email["workflow_id"]) == (5, "prospect-follow-up-7")
    assert "invitation" in found.email["subject"]
    assert found.forecast == FORECAST
    recipients = {row.workflow_id: row.recipients for row in plan.workflows}["welcome"]
    assert recipients > 10
    hint = "check its segment."
    assert found.warnings == (f"welcome is changed and contacts {recipients} partners at once; {hint}",)
    programs = read_program_names(settings)
    lines = plan_preview_lines(found, programs)
    assert "    Last Transition Date is Today → Last Transition Date is Last 30 Days" in lines
    counts = ", ".join(f"{name} {partners}" for name, partners in FORECAST.items())
    assert f"Contacts expected in the next 7 days: {counts}." in lines
    assert ("welcome", "1000", "21005032") in found.marks.superseded
    assert ("welcome", "21005024", "few-clicks-14") in {
        (one.workflow_id, one.partner_id, one.earlier_id) for one in found.marks.recent
    }
    (again,) = [line for line in lines if "in because a new contract superseded an old one" in line]
    assert again.startswith("welcome: ")
    (recent,) = [line for line in lines if line.startswith("welcome: ") and "of another workflow" in line]
    assert "few-clicks-14 at 2026-03-20 14:00 EDT" in recent
    quiet = preview_plan(settings, read_definitions(settings), plan, days=0)
    assert (quiet.forecast, quiet.limit_breaches) == ({}, ())
    assert not any("days after" in line for line in plan_preview_lines(quiet, programs))
    assert forecasts_of_a_named_segment(settings, plan) == [FORECAST["welcome"], 14]


def forecasts_of_a_named_segment(settings: Settings, plan: Plan) -> list[int]:
    """Return the forecasts for `welcome` with a segment file, before and after a change of the file."""
    edit(settings, "welcome", "Last Transition Date Is Last 30 Days", "Segment is any of recent")
    file = settings.workflows / "segments" / "recent.yml"
    file.parent.mkdir(exist_ok=True)
    forecasts = []
    for window in ("is Last 30 Days", "is 20 Days Ago"):
        file.write_text(f"- Relationship Stage is any of Joined\n- Last Transition Date {window}\n")
        forecasts.append(preview_plan(settings, read_definitions(settings), plan, days=7).forecast.get("welcome", 0))
    return forecasts
