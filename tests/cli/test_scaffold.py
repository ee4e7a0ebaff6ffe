"""New workflows from templates or from scratch, and segments and messages that several workflows use."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

import flows.definitions.scaffold.drafts
from compiler import DefinitionError, PartnerflowError
from flows.definitions.loader import read_definitions
from flows.definitions.scaffold.create import WorkflowRequest, from_scratch, from_template
from flows.definitions.scaffold.prompts import prompt_for_missing
from flows.definitions.scaffold.templates import LIBRARY, template, templates
from flows.messages.loader import read_message
from flows.settings import CHECKOUT, Settings
from flows.warehouse.connection import open_warehouse
from support.cli import partnerflow

PAGE = {
    "automate-your-prospecting": (
        "Automate your prospecting",
        ("performance", "creator"),
        [
            ("email", ["Relationship Stage is any of New", "Last Transition Date is Today"]),
            ("email", ["Relationship Stage is any of Outreach", "Last Transition Date is 7 Days Ago"]),
            ("email", ["Relationship Stage is any of Outreach", "Last Transition Date is 14 Days Ago"]),
            ("accept application", ['Partner Template Term is any of "[your selected template term]"']),
            ("email", ["Relationship Stage is any of Joined", "Last Transition Date is Today"]),
        ],
    ),
    "unlock-the-power-of-top-creators": (
        "Unlock the power of top creators",
        ("creator",),
        [
            (
                "accept application",
                [
                    'Partner Group is any of "[your group of top creators]"',
                    "Contract Stage is any of Awaiting Advertiser Approval",
                    'Partner Template Term is any of "[your selected template term]"',
                ],
            )
        ],
    ),
    "welcome-and-kickstart": (
        "Welcome & kickstart a new partner",
        ("performance", "creator"),
        [
            ("email", ["Relationship Stage is any of Joined", "Last Transition Date is Today"]),
            ("email", ["Relationship Stage is any of Joined", "Last Transition Date is Yesterday"]),
        ],
    ),
    "celebrate-a-first-sale": (
        "Celebrate a partner's first sale",
        ("performance",),
        [
            (
                "email",
                [
                    "Relationship Stage is any of Joined",
                    "Last Transition Date is Last 30 Days",
                    "Performance Date Range is Last 30 Days",
                    "Revenue greater than 0",
                ],
            )
        ],
    ),
    "celebrate-top-performing-partners": (
        "Celebrate top-performing partners",
        ("performance",),
        [
            (
                "email",
                [
                    "Relationship Stage is any of Joined",
                    f"Last Transition Date is Last {days} Days",
                    f"Performance Date Range is Last {days} Days",
                    f"Revenue greater than {revenue}",
                ],
            )
            for days, revenue in ((30, 999), (60, 9999))
        ],
    ),
}
"""The five templates of the help page: name, program types, and (action, segment) of each of their workflows."""

PROGRAM = {"performance": "1000", "creator": "2000"}


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """An empty folder of workflows, and a warehouse with a program of each type and one of unknown type."""
    settings = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    settings.workflows.mkdir()
    with open_warehouse(settings.warehouse) as connection:
        connection.execute("CREATE SCHEMA raw; CREATE TABLE raw.programs (program_id VARCHAR, program_type VARCHAR)")
        connection.execute("INSERT INTO raw.programs VALUES ('1000', 'performance'), ('2000', 'creator'), ('3', NULL)")
    return settings


def files(settings: Settings) -> dict[str, str]:
    """Return path and text of every file in the folder of workflows."""
    folder = settings.workflows
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_templates_are_those_of_the_help_page(own: Settings):
    """They have its names, program types, workflows and segments, and the JSON has the keys of the contract."""
    found = partnerflow(own, "templates", "--json").json()["templates"]
    assert all(list(one) == ["id", "name", "description", "program_types", "workflows"] for one in found)
    assert {
        one["id"]: (
            one["name"],
            tuple(one["program_types"]),
            [(workflow["action"], workflow["segment"]) for workflow in one["workflows"]],
        )
        for one in found
    } == PAGE


@pytest.mark.parametrize("kind", PROGRAM)
@pytest.mark.parametrize("template_id", PAGE)
def test_template_writes_valid_drafts_for_its_program_types(own: Settings, template_id: str, kind: str):
    """For a program of another type it raises an error that names a suitable program, and writes nothing."""
    suits = kind in PAGE[template_id][1]
    filled = dict.fromkeys(template(template_id).placeholders, "Gold: 'A', B")
    if not suits:
        with pytest.raises(PartnerflowError, match=f"Program {PROGRAM[kind]} is a {kind} program") as caught:
            from_template(own, template_id, PROGRAM[kind], filled)
        assert f"Name one of {PROGRAM[PAGE[template_id][1][0]]}" in str(caught.value)
        assert files(own) == {}
        return
    drafted = from_template(own, template_id, PROGRAM[kind], filled)
    definitions = read_definitions(own)
    assert definitions.problems == drafted.warnings == ()
    assert len(definitions.workflows) == len(PAGE[template_id][2])
    assert {(one.status, one.program) for one in definitions.workflows} == {("draft", PROGRAM[kind])}
    for file in (own.workflows / "messages").glob("*/message.yml"):
        assert read_message(file.parent).version
    assert [name for name in files(own) if Path(name).name.startswith(".")] == []


def test_template_without_a_term_warns_of_the_placeholder(own: Settings):
    """The draft keeps the placeholder of the help page. A value that the template does not ask for raises an error."""
    drafted = from_template(own, "automate-your-prospecting", "2000", {})
    assert [problem.code for problem in drafted.warnings] == ["placeholder"]
    assert "Partner Template Term is any of [your selected template term]" in files(own)["prospecting-accept.yml"]
    with pytest.raises(PartnerflowError, match=r"does not use group\. Leave it out\."):
        from_template(own, "automate-your-prospecting", "2000", {"group": "Gold"}, "other-")


def test_template_with_prefixes_serves_two_programs(own: Settings):
    """Each prefix has its own workflow ids and messages."""
    for prefix, program in (("a-", "1000"), ("b-", "2000")):
        from_template(own, "welcome-and-kickstart", program, {}, prefix)
    found = {one.id: (one.program, one.action.message) for one in read_definitions(own).workflows}
    assert found == {
        f"{prefix}{name}": (program, f"{prefix}{name}")
        for prefix, program in (("a-", "1000"), ("b-", "2000"))
        for name in ("kickstart-welcome", "kickstart-assets")
    }


def test_template_accepts_unknown_type_but_not_unknown_program(own: Settings):
    """Without a warehouse, any program is accepted, since nothing is known of it."""
    assert from_template(own, "celebrate-a-first-sale", "3", {}).workflows == ("first-sale",)
    with pytest.raises(PartnerflowError, match=r"There is no program 1001\. Did you mean 1000"):
        from_template(own, "celebrate-a-first-sale", "1001", {}, "x-")
    own.warehouse.unlink()
    assert from_template(own, "celebrate-a-first-sale", "anything", {}, "y-").workflows == ("y-first-sale",)


def test_new_overwrites_no_file_and_then_writes_none(own: Settings):
    """One file of the template exists already, an edited message."""
    body = own.workflows / "messages" / "kickstart-assets" / "body.mjml"
    body.parent.mkdir(parents=True)
    body.write_text("Mine.")
    answer = partnerflow(own, "new", "welcome-and-kickstart", "--program", "1000")
    assert answer.code == 1
    assert "already has messages/kickstart-assets/body.mjml. Nothing was written." in " ".join(answer.stderr.split())
    assert files(own) == {"messages/kickstart-assets/body.mjml": "Mine."}


@pytest.mark.parametrize("at", [0, 3, 5])
def test_failed_write_leaves_no_file(own: Settings, monkeypatch: pytest.MonkeyPatch, at: int):
    """When the disk is full at the nth file, no draft, message or empty folder is left."""
    real, done = os.link, []

    def full(*arguments):
        done.append(arguments)
        if len(done) > at:
            raise OSError(28, "No space left on device")
        real(*arguments)

    monkeypatch.setattr(flows.definitions.scaffold.drafts.os, "link", full)
    with pytest.raises(PartnerflowError, match="Nothing was written into"):
        from_template(own, "welcome-and-kickstart", "1000", {})
    assert list(own.workflows.iterdir()) == []


def test_unknown_template_suggests_the_nearest(own: Settings):
    """The error names the most similar template."""
    answer = partnerflow(own, "new", "celebrate-first-sale", "--program", "1000")
    assert (answer.code, "Did you mean celebrate-a-first-sale?" in answer.stderr) == (1, True)


def test_workflow_from_scratch_is_a_valid_draft(own: Settings):
    """It has a new named segment with canonical sentences, and a new message."""
    answer = partnerflow(
        own, "new", "--name", "Quiet: 30 days", "--program", "1000", "--segment", "quiet", "--message", "help",
        "--condition", "relationship stage is any of joined", "--condition", "Last Transition Date is 30 days ago",
        "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.stderr
    assert answer.json()["workflows"] == ["quiet-30-days"]
    (workflow,) = read_definitions(own).workflows
    assert (workflow.name, workflow.status, workflow.program) == ("Quiet: 30 days", "draft", "1000")
    assert [str(one) for one in workflow.segment][1] == "Last Transition Date is 30 Days Ago"
    assert yaml.safe_load(files(own)["quiet-30-days.yml"])["segment"] == "quiet"
    assert read_message(own.workflows / "messages" / "help").sender_name is None


@pytest.mark.parametrize(
    ("workflow_request", "error"),
    [
        (WorkflowRequest("W", "1000", "m", ("Clicks less than 1",)), "can't be set to less than 1"),
        (WorkflowRequest("W", "1000", "m", ("Clicks les than 5",)), "'les than 5' is not valid"),
        (WorkflowRequest("W" * 51, "1000", "m", ("Clicks less than 5",)), "at most 50 characters"),
        (WorkflowRequest("W", "1000", "../m", ("Clicks less than 5",)), "is not a valid id"),
        (WorkflowRequest("W", "1000", "m", (), "nowhere"), "There is no segment nowhere"),
        (WorkflowRequest("W", "1000", "m", ("Clicks less than 5",), id="taken"), "Already used as an id: taken"),
        (WorkflowRequest("W", "9", "m", ("Clicks less than 5",)), "There is no program 9"),
    ],
)
def test_invalid_workflow_is_not_written(own: Settings, workflow_request: WorkflowRequest, error: str):
    """The error says what is wrong, and the folder does not change."""
    (own.workflows / "other.yml").write_text(
        'id: taken\nname: T\nprogram: "1000"\nsegment: [Clicks greater than 5]\naction: accept application\n'
    )
    before = files(own)
    with pytest.raises((PartnerflowError, DefinitionError), match=error):
        from_scratch(own, workflow_request)
    assert files(own) == before


def test_prompts_repeat_until_the_answer_is_valid(own: Settings):
    """An invalid answer prints its problem at once. Existing segments and messages are offered."""
    from_scratch(own, WorkflowRequest("First", "1000", "letter", ("Relationship Stage is any of New",), "prospects"))
    printed: list[str] = []
    questions: list[str] = []

    def person(*answers: str):
        left = iter(answers)

        def prompt(question: str, default: str) -> str:
            questions.append(question)
            return next(left) or default

        return prompt

    prompt = person(
        "", "x" * 51, "Second", "77", "2000", "", "Relationship is", "relationship stage is any of new", "", ""
    )
    workflow_request = prompt_for_missing(own, WorkflowRequest("", "", ""), prompt, printed.append)
    assert workflow_request == WorkflowRequest("Second", "2000", "second", ("Relationship Stage is any of New",))
    assert "1 to 50 characters" in printed[0]
    assert any("There is no program 77" in one for one in printed)
    assert any("Did you mean Relationship Stage?" in one for one in printed)
    again = prompt_for_missing(
        own, WorkflowRequest("Third", "", ""), person("1000", "prospects", "letter"), printed.append
    )
    assert (again.segment, again.message) == ("prospects", "letter")
    assert "Segment (prospects; empty for a new one)" in questions
    assert "Message (letter; or a new name)" in questions
    from_scratch(own, again)
    assert len(read_definitions(own).workflows) == 2


def test_missing_options_without_a_terminal_are_named(own: Settings):
    """The exit code is 2."""
    answer = partnerflow(own, "new", "--name", "X")
    assert answer.code == 2
    assert "--program, --message, --condition or --segment" in " ".join(answer.stderr.replace("│", " ").split())


def test_deleted_segment_or_message_names_its_users(own: Settings):
    """Every workflow that uses it has a problem, which names all of them and the most similar name."""
    from_scratch(own, WorkflowRequest("One", "1000", "letter", ("Relationship Stage is any of New",), "prospects"))
    from_scratch(own, WorkflowRequest("Two", "1000", "letter", segment="prospects"))
    from_scratch(own, WorkflowRequest("Three", "1000", "letter", ("Relationship Stage is any of Joined",)))
    segments = own.workflows / "segments"
    (segments / "prospects.yml").rename(segments / "prospect.yml")
    (own.workflows / "messages" / "letter").rename(own.workflows / "messages" / "letters")
    definitions = read_definitions(own)
    assert {Path(problem.path).stem: problem.message for problem in definitions.problems} == {
        "one": "There is no segment prospects, which one, two use.",
        "two": "There is no segment prospects, which one, two use.",
        "three": "There is no message letter.",
    }
    assert all("Did you mean" in problem.hint for problem in definitions.problems)
    assert "which one, two use" in definitions.broken["one"]


def test_wheel_contains_the_template_library(tmp_path: Path):
    """A wheel has every file of flows/definitions/scaffold/library/."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w"]
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "compiler", "flows"):
        (source / name).symlink_to(CHECKOUT / name)
    subprocess.run([*command, str(tmp_path), str(source)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {
        name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("flows/definitions/scaffold/library/")
    }
    assert held == {
        f"flows/definitions/scaffold/library/{path.relative_to(LIBRARY)}"
        for path in LIBRARY.rglob("*")
        if path.is_file()
    }
    assert len(templates()) == 5
