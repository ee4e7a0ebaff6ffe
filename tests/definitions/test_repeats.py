"""Workflows that repeat one that has sent, and chains of which a part is active."""

from pathlib import Path

import pytest

from flows.definitions.diff import save_snapshot
from flows.definitions.loader import read_definitions
from flows.definitions.repeats import find_repeats
from flows.definitions.scaffold.create import from_template
from flows.plan.plan import Plan, Recipient
from flows.preview.plan_preview import preview_plan
from flows.settings import Settings
from support.cli import partnerflow
from support.example_workflows import copy_workflows
from support.ledgers import delivery, opened
from support.states import HOUR


@pytest.fixture
def saved(tmp_path: Path) -> Settings:
    """A copy of the sixteen workflows, saved as those of the last run."""
    copy_workflows(tmp_path / "workflows")
    settings = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    save_snapshot(settings, read_definitions(settings))
    return settings


def copy(settings: Settings, source: str, target: str, old: str = "", new: str = "") -> None:
    """Copy a definition under another name, with some text replaced."""
    text = (settings.workflows / f"{source}.yml").read_text()
    (settings.workflows / f"{target}.yml").write_text(text.replace(old, new))


def repeats(settings: Settings, *contacted: str) -> list[tuple[str, str, bool]]:
    """Return what is found when these workflows have contacted somebody."""
    found = find_repeats(settings, read_definitions(settings), contacted)
    return [(one.workflow_id, one.earlier_id, one.is_renamed) for one in found]


def test_new_workflow_with_segment_and_message_of_another_repeats_it(saved: Settings):
    """The order of the conditions makes no difference; another program, segment or message does."""
    copy(saved, "welcome", "again", "  - Relationship Stage is any of Joined\n", "")
    with (saved.workflows / "again.yml").open("a") as file:
        file.write("recipients: all\n")
    text = (saved.workflows / "again.yml").read_text()
    (saved.workflows / "again.yml").write_text(
        text.replace("is Today\n", "is Today\n  - Relationship Stage is any of Joined\n")
    )
    copy(saved, "welcome", "elsewhere", '"1000"', '"2000"')
    copy(saved, "welcome", "later", "is Today", "is Yesterday")
    copy(saved, "welcome", "other", "email: welcome", "email: first-action")
    copy(saved, "accept-applications", "accept-again")
    assert repeats(saved, "welcome", "accept-applications") == [("again", "welcome", False)]
    assert repeats(saved, "welcome", "again") == []
    assert repeats(saved) == []


def test_file_that_looks_renamed_repeats_the_one_that_is_gone(saved: Settings):
    """It is recognized by its segment, or by its name when the segment was edited, also after further runs."""
    (saved.workflows / "welcome.yml").rename(saved.workflows / "hello.yml")
    copy(saved, "revenue-1000", "milestone", "999", "499")
    (saved.workflows / "revenue-1000.yml").unlink()
    expected = [("hello", "welcome", True), ("milestone", "revenue-1000", True)]
    assert repeats(saved, "welcome") == expected
    kept = {name: (saved.workflows / name).rename(saved.state_dir / name) for name in ("hello.yml", "milestone.yml")}
    save_snapshot(saved, read_definitions(saved))
    save_snapshot(saved, read_definitions(saved))
    for name, file in kept.items():
        file.rename(saved.workflows / name)
    assert repeats(saved, "welcome") == expected
    text = (saved.workflows / "hello.yml").read_text()
    (saved.workflows / "hello.yml").write_text(f"id: welcome\n{text}")
    assert repeats(saved, "welcome") == expected[1:]


def test_check_says_what_a_new_workflow_repeats(saved: Settings):
    """It reads the ledger; without one, only a renamed file can be seen. A path limits the answer to its file."""
    copy(saved, "welcome", "again")
    (saved.workflows / "few-clicks-90.yml").rename(saved.workflows / "last-call.yml")

    def warned(*paths: str) -> dict[str, str]:
        problems = partnerflow(saved, "check", "--json", *paths).json()["problems"]
        assert {one["severity"] for one in problems} <= {"warning"}
        return {Path(one["path"]).stem: f"{one['code']}: {one['message']} {one['hint']}" for one in problems}

    assert [name for name, text in warned().items() if "renamed-file" in text] == ["last-call"]
    with opened(saved.ledger) as ledger:
        ledger.claim([delivery(one, f"{one}@x.example", "welcome") for one in "abc"], {})
    found = warned()
    assert list(found) == ["again", "last-call"]
    assert "again has the segment and the message of welcome, which has sent it." in found["again"]
    assert "It has contacted 3 partners." in found["again"]
    assert "last-call looks like few-clicks-90 under another name. Write `id: few-clicks-90`" in found["last-call"]
    assert list(warned(str(saved.workflows / "again.yml"))) == ["again"]
    saved.ledger.write_bytes(b"no ledger" * 1000)
    assert "cannot be used as the ledger" in warned()["ledger"]


def test_plan_counts_who_had_the_message_before(example, tmp_path: Path):
    """The warning names the earlier workflow; the ledger's mirror has its partners."""
    settings = example[0].model_copy(update={"workflows": tmp_path / "workflows"})
    copy_workflows(settings.workflows)
    copy(settings, "welcome", "again")
    had = [one for one in example[1].plan.recipients if one.workflow_id == "welcome"]
    fresh = Recipient(**vars(had[0]) | {"partner_id": "new"})
    recipients = [Recipient(**vars(one) | {"workflow_id": "again"}) for one in (*had, fresh)]
    plan = Plan(HOUR, (), tuple(recipients), messages={"again": example[1].plan.messages["welcome"]})
    (warning,) = preview_plan(settings, read_definitions(settings), plan, days=0).warnings
    assert f"{len(had)} of these {len(had) + 1} had this message from welcome." in warning


def test_half_activated_chain_names_its_workflows(tmp_path: Path):
    """A chain is one template with one prefix. All drafts, all active and paused ones are not warned of."""
    own = Settings(state_dir=tmp_path / "var", workflows=tmp_path)
    from_template(own, "automate-your-prospecting", "2000", {"term": "Gold"})
    for prefix in ("a-", "b-"):
        from_template(own, "welcome-and-kickstart", "1000", {}, prefix)

    def set_status(name: str, status: str) -> None:
        file = tmp_path / f"{name}.yml"
        file.write_text(file.read_text().replace("status: draft", f"status: {status}"))

    def warned() -> list[tuple[str, str]]:
        problems = partnerflow(own, "check", "--json").json()["problems"]
        chains = [one for one in problems if one["code"] == "half-activated-chain"]
        return [(Path(one["path"]).stem, one["message"]) for one in chains]

    set_status("a-kickstart-welcome", "active")
    set_status("a-kickstart-assets", "active")
    assert warned() == []
    set_status("prospecting-invite", "active")
    set_status("prospecting-welcome", "active")
    set_status("prospecting-follow-up-14", "paused")
    set_status("b-kickstart-assets", "active")
    assert warned() == [
        (
            "b-kickstart-assets",
            "The chain welcome-and-kickstart is half activated: b-kickstart-assets is active, b-kickstart-welcome is "
            "not.",
        ),
        (
            "prospecting-invite",
            "The chain automate-your-prospecting is half activated: prospecting-invite, prospecting-welcome are "
            "active, prospecting-follow-up-7, prospecting-accept are not.",
        ),
    ]
