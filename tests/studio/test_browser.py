"""The studio in a real browser: what a person does with mouse or keyboard, and how its pages look."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings
from support.accessibility import looks, overflow, violations
from support.browser import chromium
from support.cli import command_line, environment
from support.example_workflows import copy_workflows
from support.states import HOUR, copy_state

pytestmark = [pytest.mark.long, pytest.mark.engine("duckdb", "the pages are the same on every engine")]


@dataclass
class Studio:
    """A studio that runs as the command does, and a browser. `said` is what its pages wrote to the console."""

    settings: Settings
    address: str
    browser: Any
    said: list[str]

    def open(self, path: str = "/") -> Any:
        """Return a new window, as of another person, at a page."""
        page = self.browser.new_context().new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: self._hear(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.goto(self.address)
        if path != "/":
            page.goto(self.address.partition("/?")[0] + path)
        return page

    def _hear(self, text: str) -> None:
        """Keep what a page says, except that it was refused as it should be."""
        if "the server responded with a status of 4" not in text:
            self.said.append(text)

    def text(self, name: str) -> str:
        """Return the text of a definition as it is on disk."""
        return (self.settings.workflows / f"{name}.yml").read_text()


@pytest.fixture(scope="module")
def studio(example, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The command on a copy of the example account after its run. In the end it stops at Ctrl-C."""
    folder: Path = tmp_path_factory.mktemp("studio")
    state = copy_state(example[0].state_dir, folder / "var")
    settings = example[0].model_copy(update={"state_dir": state, "workflows": copy_workflows(folder / "workflows")})
    command = command_line(settings, "studio", "--port", "0", "--no-open", "--as-of", HOUR.isoformat())
    process = subprocess.Popen(command, env=environment(settings), stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "The studio is open to this computer only, until you press Ctrl-C:\n"
    address = process.stdout.readline().strip()
    with chromium() as browser:
        one = Studio(settings, address, browser, [])
        yield one
        assert one.said == []
    process.send_signal(signal.SIGINT)
    assert (process.wait(20), process.stdout.read().splitlines()[-1]) == (0, "The studio has stopped.")
    shutil.rmtree(folder)


def tab_to(page: Any, name: str) -> None:
    """Press Tab until what has the focus has this name (its label or its text)."""
    script = """() => { const one = document.activeElement;
        return (one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent || '').trim() }"""
    seen = []
    for _ in range(120):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(script))
        if seen[-1] == name:
            return
    raise AssertionError(f"Tab does not reach {name!r}, only {seen}")


def test_workflows_are_found_paused_and_shown_so(studio: Studio):
    """Typing filters the list at once; the diff is seen before the file changes."""
    page = studio.open()
    page.get_by_label("Find").fill("90 days")
    page.get_by_text("1 of 16 workflows").wait_for()
    page.get_by_label("Choose Few clicks after 90 days: last call").check()
    page.get_by_role("button", name="Pause").click()
    assert page.locator("del").inner_text() == "− status: active"
    assert "status: active" in studio.text("few-clicks-90")
    assert violations(page) == []
    page.get_by_role("button", name="Write this").click()
    page.get_by_role("heading", name="Few clicks after 90 days: last call paused").wait_for()
    assert "status: paused" in studio.text("few-clicks-90")


def test_list_follows_what_others_do_unless_workflows_are_being_chosen(studio: Studio):
    """It is loaded again every 30 seconds, here at once."""
    page, file, requests = studio.open(), studio.settings.workflows / "first-action-30.yml", []
    page.on("request", lambda request: requests.append(request.url))
    row = page.locator("tr", has_text="First action: first 30 days")
    row.get_by_role("checkbox").check()
    file.write_text(file.read_text().replace("status: active", "status: paused"))
    page.evaluate("htmx.trigger(document.body, 'refresh')")
    page.wait_for_timeout(100)
    assert requests == []
    row.get_by_role("checkbox").uncheck()
    row.get_by_role("checkbox").blur()
    page.evaluate("htmx.trigger(document.body, 'refresh')")
    row.get_by_text("paused").wait_for()


def test_prospecting_template_is_created_with_the_keyboard_alone(studio: Studio):
    """From the list to five drafts, each control reached by Tab; the terms of the account are offered."""
    page = studio.open()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab_to(page, "Create workflow")
    page.keyboard.press("Enter")
    page.wait_for_url("**/create")
    tab_to(page, "Use this template: Automate your prospecting")
    page.keyboard.press("Enter")
    page.wait_for_url("**/automate-your-prospecting")
    tab_to(page, "Partner Template Term")
    assert "Northwind Standard Terms" in page.locator("#term-values option").evaluate_all(
        "all => all.map((one) => one.value)"
    )
    page.keyboard.type("Northwind Standard Terms")
    assert page.locator("#program option").evaluate_all("all => all.map((one) => one.disabled)") == [False, False]
    tab_to(page, "Prefix of the ids")
    page.keyboard.type("spring-")
    tab_to(page, "Show the drafts")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Create 5 workflows").wait_for()
    assert violations(page) == []
    tab_to(page, "Write these 13 files")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflows/spring-prospecting-invite")
    tab_to(page, "and the rest of its chain (4)")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+Tab")
    tab_to(page, "Activate")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Nothing was changed").wait_for()
    assert page.get_by_role("link", name="Edit the email of").count() == 4
    assert violations(page) == []
    assert "Partner Template Term is any of Northwind Standard Terms" in studio.text("spring-prospecting-accept")
    assert len(list(studio.settings.workflows.glob("spring-*.yml"))) == 5


def test_template_is_offered_to_programs_of_its_type_only(studio: Studio):
    """Program 2000 is a creator program; this template is for performance programs."""
    page = studio.open("/create/template/celebrate-a-first-sale")
    disabled = page.locator("#program option[disabled]")
    assert [one.strip() for one in disabled.all_inner_texts()] == ["Lumen Creator Collective (2000), creator"]


def test_activation_says_whom_the_next_run_would_write_to(studio: Studio):
    """Before it is written: a copy writes to as many as the original has written to in its run."""
    page = studio.open("/create/copy?workflow=few-clicks-14")
    page.get_by_label("Name of the copy").fill("Few clicks again")
    page.get_by_role("button", name="Show the draft").click()
    page.get_by_role("button", name="Write this").click()
    page.get_by_role("button", name="Activate").click()
    page.get_by_text("Would write to 6 now and 3 more in the next 7 days").wait_for()
    page.get_by_text("The next run is as of 2026-03-20 15:00 EDT").wait_for()
    assert "status: draft" in studio.text("few-clicks-again")
    page.get_by_role("button", name="Write this").click()
    page.get_by_role("heading", name="Few clicks again active").wait_for()
    page.goto(page.url.partition("/workflows")[0] + "/outlook?workflow=few-clicks-14")
    assert "Would write to 0 now" in page.inner_text("body")


def test_second_of_two_people_is_stopped_and_keeps_the_text(studio: Studio):
    """Both have opened the same page; the second save shows the difference."""
    first, second = (studio.open("/workflows/welcome") for _ in range(2))
    for page, name in ((first, "Welcome, first"), (second, "Welcome, second")):
        page.get_by_label("Name", exact=True).fill(name)
        page.locator("section", has=page.get_by_role("heading", name="About")).get_by_role("button").click()
        if page is first:
            page.get_by_role("button", name="Write this").click()
            page.get_by_role("heading", name="Welcome, first").wait_for()
    second.get_by_role("heading", name="Somebody has changed this file meanwhile").wait_for()
    assert violations(second) == []
    assert "Welcome, first" in second.locator("del").inner_text()
    assert second.get_by_label("Name", exact=True).input_value() == "Welcome, second"
    assert "name: Welcome, first" in studio.text("welcome")


def test_partner_and_report_have_the_numbers_of_the_commands(studio: Studio):
    """A partner by a part of its name; the published report in a frame that can run its own script only."""
    page = studio.open("/partners")
    page.get_by_label("Find a partner").fill("quiet cre")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Quiet Creek").wait_for()
    assert page.locator(".facts li", has_text="Few clicks after 14 days").locator(".yes").count() == 1
    page.goto(page.url.partition("/partners")[0] + "/report?workflow=few-clicks-14")
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="Few clicks after 14 days").wait_for()
    assert page.frames[1].evaluate("self.origin") == "null"


HOLD = """
import duckdb, sys
from pathlib import Path
from flows.state_lock import state_lock
with state_lock(Path(sys.argv[1])):
    writing = duckdb.connect(f"{sys.argv[1]}/warehouse.duckdb")
    print("held", flush=True)
    sys.stdin.read()
"""
"""A program that holds what a run holds, until its input ends."""


def test_run_that_goes_on_is_neither_waited_for_nor_held_up(studio: Studio):
    """Lists, partners and previews read the published file; another process has the state and the warehouse."""
    command = [sys.executable, "-c", HOLD, str(studio.settings.state_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
        assert held.stdout and held.stdout.readline() == "held\n"
        page = studio.open("/workflows/few-clicks-30")
        page.get_by_text("Would write to 0 now").wait_for()
        page.goto(studio.address.partition("/?")[0] + "/partners?q=Quiet+Creek")
        assert page.locator(".facts .yes").count() > 0
        page.goto(studio.address.partition("/?")[0] + "/create/template/celebrate-a-first-sale")
        assert page.locator("#program option[disabled]").count() == 1
        held.stdin.close()
    assert held.returncode == 0


PAGES = [
    "/", "/workflows/few-clicks-14", "/create", "/create/template/automate-your-prospecting", "/create/scratch",
    "/create/application", "/create/copy?workflow=few-clicks-14", "/partners?q=Quiet+Creek", "/report", "/nowhere",
    "/segments", "/segments/seen", "/settings", "/settings/contact_policy.yml",
]  # fmt: skip
"""The pages whose look is tested here; tests/studio/test_editor_browser.py has the editors."""


def test_every_page_is_accessible_and_fits_on_phone_and_desktop(studio: Studio):
    """axe finds nothing in light and dark, and nothing is wider than the window."""
    page = studio.open()
    found = {}
    segments = studio.settings.workflows / "segments"
    segments.mkdir()
    (segments / "seen.yml").write_text("- Relationship Stage is any of Joined\n- Clicks less than 1\n")
    for path in PAGES:
        loads_parts = path.startswith(("/workflows", "/segments/"))
        wait_until = "networkidle" if loads_parts else "load"
        page.goto(studio.address.partition("/?")[0] + path, wait_until=wait_until)
        found |= {(path, look): (overflow(page), violations(page)) for look in looks(page)}
    assert found == {key: (0, []) for key in found}
