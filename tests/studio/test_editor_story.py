"""A person makes the workflows of two examples in a browser, activates them, and sees what was sent."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from compiler import Workflow
from flows.definitions.loader import read_definitions
from flows.report.workflow_list import list_workflows
from flows.settings import CHECKOUT, Settings
from support.browser import chromium
from support.cli import command_line, environment
from support.states import HOUR, with_example
from support.studio_server import served

pytestmark = pytest.mark.long

expect = pytest.importorskip("playwright.sync_api").expect

PAIRS = {
    "prospecting-invite": "prospect-invite",
    "prospecting-follow-up-7": "prospect-follow-up-7",
    "prospecting-follow-up-14": "prospect-follow-up-14",
    "prospecting-accept": "accept-applications",
    "prospecting-welcome": "prospect-welcome",
    "milestone-1000": "revenue-1000",
    "milestone-10000": "revenue-10000",
}
"""The workflows that the person makes, and the committed ones that they equal."""

BODY = "<mj-text><p>Hi {{ partner.name }}, this is our own text.</p></mj-text>"


@pytest.fixture
def empty(settings: Settings, tmp_path: Path) -> Settings:
    """The example account before its first run, with a workflows folder without workflows."""
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "programs.yml").write_text((CHECKOUT / "workflows" / "programs.yml").read_text())
    return with_example(settings.model_copy(update={"workflows": folder}))


@pytest.fixture
def page(empty: Settings) -> Iterator[Any]:
    """A page of the studio."""
    with served(empty) as session, chromium() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(20_000)
        opened.goto(session.address)
        yield opened


def go(page: Any, path: str) -> None:
    """Open a page of the studio."""
    page.goto(urljoin(page.url, path))


def confirm(page: Any) -> None:
    """Write the change that is shown."""
    page.click("form.actions button.primary")
    page.wait_for_selector("h1")
    assert page.locator("text=Nothing was written").count() == 0


def make_chain(page: Any) -> None:
    """Make the chain of the first example from its template."""
    go(page, "/create")
    page.click("a[href*='automate-your-prospecting']")
    page.select_option("#program", "2000")
    page.fill("#term", "Creator Standard Terms")
    page.click("text=Show the drafts")
    confirm(page)


def make_milestone(page: Any, name: str, days: str, revenue: str) -> None:
    """Make a workflow of the sixth example from scratch, and its segment row by row."""
    go(page, "/create/scratch")
    page.fill("#name", name)
    page.select_option("#program", "1000")
    page.fill("#sentences", "Relationship Stage is any of Joined")
    page.fill("#new_message", name.lower().replace(" ", "-"))
    page.click("text=Show the draft")
    confirm(page)
    page.click("text=Edit the segment")
    for row, (label, words, entry) in enumerate(
        [
            ("Last Transition Date", "is Last {first} Days", days),
            ("Performance Date Range", "is Last {first} Days", days),
            ("Revenue", "greater than {first}", revenue),
        ],
        start=1,
    ):
        page.select_option("#add", label)
        page.click("button[value=add]")
        page.select_option(f"#words-{row}", words)
        page.wait_for_selector(f"#first-{row}")
        page.fill(f"#first-{row}", entry)
        expect(page.locator(f"#sentence-{row}")).to_have_value(re.compile(rf"\b{entry}\b"))
    page.click("text=Show the change")
    confirm(page)


def write_email(page: Any, workflow: str) -> None:
    """Replace the text of a scaffold by one's own."""
    go(page, f"/workflows/{workflow}/email")
    page.fill("#mjml-en", BODY)
    page.wait_for_selector("#seen .subject")
    page.click("text=Show the change")
    confirm(page)


def canonical(workflow: Workflow) -> tuple[str, list[str], bool]:
    """Return the program, the sentences that `format` prints, and whether the workflow sends an email."""
    return workflow.program, [str(one) for one in workflow.segment], str(workflow.action) == "email"


def test_examples_made_in_the_page_are_the_committed_ones_and_run(page, empty: Settings):
    """Seven workflows: made, activated, run, reported, by clicks and keys alone."""
    make_chain(page)
    make_milestone(page, "Milestone 1000", "30", "999")
    make_milestone(page, "Milestone 10000", "60", "9999")
    made, committed = read_definitions(empty), read_definitions(Settings(workflows=CHECKOUT / "workflows"))
    assert {one: canonical(made[one]) for one in PAIRS} == {
        one: canonical(committed[its]) for one, its in PAIRS.items()
    }
    for one in PAIRS:
        if str(made[one].action) == "email":
            write_email(page, one)
    go(page, "/")
    for one in PAIRS:
        page.check(f"input[name=workflow][value='{one}']")
    page.click("button[value=activate]")
    confirm(page)
    assert {one.status for one in read_definitions(empty).workflows} == {"active"}
    command = command_line(empty, "run", "--as-of", HOUR.isoformat())
    run = subprocess.run(command, env=environment(empty), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    go(page, "/")
    listed = {one.workflow_id: one for one in list_workflows(empty)}
    assert listed["milestone-1000"].sent and listed["prospecting-invite"].sent
    for one in PAIRS:
        row = page.locator("tr", has=page.locator(f"input[name=workflow][value='{one}']"))
        assert f"{listed[one].last_run.members}" in row.inner_text()
    go(page, "/workflows/milestone-1000/segment")
    expect(page.locator("#live .big b")).to_have_text(f"{listed['milestone-1000'].last_run.members}")
    go(page, "/report")
    report = page.frame_locator("iframe")
    expect(report.locator("#list tbody tr")).to_have_count(len(PAIRS))
    for one in PAIRS:
        row = report.locator("#list tbody tr", has=report.locator(f"a[href='#w-{one}']"))
        assert row.locator("td").nth(2).inner_text().split()[0] == f"{listed[one].sent:,}", one
    emails = sum(listed[one].sent or 0 for one in PAIRS if listed[one].action == "email")
    assert report.locator(".tiles dd").all_inner_texts()[:2] == [f"{len(PAIRS)}", f"{emails:,}"]
