"""The editors in a real browser: problems while typing, the live count, previews, keys alone, and accessibility."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import pytest

from flows.definitions.loader import read_definitions
from flows.preview.preview import preview
from flows.settings import Settings
from support.accessibility import looks, overflow, violations
from support.browser import chromium
from support.example_members import MEMBERS
from support.example_workflows import copy_workflows
from support.states import copy_state
from support.studio_server import served

pytestmark = pytest.mark.long

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture(scope="module")
def settings(example, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account after its run, with a copy of the workflows."""
    folder = tmp_path_factory.mktemp("browser")
    copy_workflows(folder / "workflows")
    state = copy_state(example[0].state_dir, folder / "var")
    return example[0].model_copy(update={"state_dir": state, "workflows": folder / "workflows"})


@pytest.fixture(scope="module")
def page(settings: Settings) -> Iterator[Any]:
    """A page of the studio, on which any error of a script or of the policy fails the test."""
    with served(settings) as session, chromium() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on("console", lambda one: errors.append(one.text) if is_error(one) else None)
        opened.goto(session.address)
        yield opened
        assert errors == []


def is_error(message: Any) -> bool:
    """Return whether the console has an error; that a look was replaced by a newer one is none."""
    return message.type == "error" and not message.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))


def open_editor(page: Any, workflow: str, what: str = "segment") -> None:
    """Open an editor, and wait for its first look."""
    page.goto(urljoin(page.url, f"/workflows/{workflow}/{what}"))
    page.wait_for_selector("#live .big" if what == "segment" else "#seen .subject")


def text(settings: Settings, name: str) -> str:
    """Return the text of a definition."""
    return (settings.workflows / f"{name}.yml").read_text()


def press_tab_until(page: Any, name: str) -> None:
    """Press the tab key until the control with this text has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text() == name:
            return
    pytest.fail(f"{name} cannot be reached by the tab key")


def background(page: Any) -> str:
    """Return the color behind the email in its frame."""
    found: str = (
        page.frame_locator("#seen iframe").locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    )
    return found


def test_live_count_follows_the_controls_and_the_sentence(page, settings):
    """The number is that of the run; a changed number of days changes the sentence and the count."""
    open_editor(page, "revenue-1000")
    assert page.inner_text("#live .big b") == f"{len(MEMBERS['revenue-1000'])}"
    page.fill("#first-3", "100000000")
    expect(page.locator("#live .big b")).to_have_text("0")
    assert page.input_value("#sentence-3") == "Revenue greater than 100000000"
    page.fill("#sentence-3", "revenue greater than 999")
    page.press("#sentence-3", "Tab")
    expect(page.locator("#first-3")).to_have_value("999")
    expect(page.locator("#live .big b")).to_have_text(f"{len(MEMBERS['revenue-1000'])}")
    expect(page.locator("#sentence-3")).to_have_value("Revenue greater than 999")


def test_count_is_shown_whatever_the_page_loads_meanwhile(page, settings):
    """Only a newer check replaces a check: the look at the next days, which starts meanwhile, does not."""
    held: list[Any] = []
    open_editor(page, "revenue-1000")
    page.route("**/check", lambda route: held.append(route))
    with page.expect_request("**/check"):
        page.fill("#first-3", "100000000")
    expect(page.get_by_text("Looking at the next days")).to_have_count(0)
    held[-1].continue_()
    expect(page.locator("#live .big b")).to_have_text("0")
    page.unroute("**/check")


def test_problem_appears_at_its_row_while_one_types_and_goes(page, settings):
    """With the remedy; the other rows have none."""
    open_editor(page, "few-clicks-14")
    page.fill("#first-3", "1")
    page.wait_for_selector("#problems-3 .error")
    assert "Clicks can't be set to less than 1." in page.inner_text("#problems-3")
    assert "Clicks less than 100" in page.inner_text("#problems-3 .hint")
    assert page.locator("#problems-0 li").count() == 0
    page.fill("#first-3", "50")
    page.wait_for_selector("#problems-3 .error", state="detached")
    page.wait_for_selector("#live .big")


def test_a_value_is_searched_and_chosen(page, settings):
    """The account's own groups, names and terms are offered."""
    open_editor(page, "welcome")
    page.select_option("#add", "Partner Name")
    page.click("button[value=add]")
    page.wait_for_selector("#search-2")
    page.fill("#search-2", "quiet")
    page.wait_for_selector("#values-2 >> text=Quiet Creek")
    page.check("#values-2 label:has-text('Quiet Creek') input")
    expect(page.locator("#sentence-2")).to_have_value("Partner Name is any of Quiet Creek")


def test_a_row_is_added_filled_and_saved_with_keys_alone(page, settings):
    """Tab, arrows, space and Enter reach every control, and the focus stays where one works."""
    before = text(settings, "welcome")
    open_editor(page, "welcome")
    page.focus("#add")
    page.keyboard.type("Contract Stage")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#sentence-2")
    expect(page.locator("#label-2")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.focus("#remove-1")
    page.keyboard.press("Enter")
    page.wait_for_selector("#sentence-2", state="detached")
    page.focus("#value-1-0")
    page.keyboard.press("Space")
    expect(page.locator("#sentence-1")).to_have_value("Contract Stage is any of Select All")
    expect(page.locator("#value-1-0")).to_be_focused()
    page.focus("#save_as")
    page.keyboard.press("Enter")
    page.wait_for_selector("button:has-text('Write this')")
    assert text(settings, "welcome") == before
    press_tab_until(page, "Write this")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflows/welcome")
    assert "  - Contract Stage is any of Select All\n" in text(settings, "welcome")
    (settings.workflows / "welcome.yml").write_text(before)


def test_why_and_what_comes_are_shown(page, settings):
    """A partner's reasons on a click, the outlook and the overlapping workflows by themselves."""
    open_editor(page, "revenue-1000")
    expect(page.locator("#live .ahead")).to_contain_text("Revenue milestone: 10,000 in 60 days")
    expect(page.locator("#live .coming-days")).to_contain_text("in the next 7 days")
    page.click("#live .partners button >> nth=0")
    page.wait_for_selector("#why .reasons")
    assert "is in the segment" in page.inner_text("#why")
    page.fill("#hour", "2026-02-01T14:00")
    definitions = read_definitions(settings)
    hour = datetime(2026, 2, 1, 19, tzinfo=UTC)
    then = preview(settings, definitions["revenue-1000"], definitions.compiler, hour)
    assert len(then.members) != len(MEMBERS["revenue-1000"])
    expect(page.locator("#live .big b")).to_have_text(f"{len(then.members)}")


def test_email_is_previewed_in_every_look_and_sent_as_a_test(page, settings):
    """Another language, dark colors, a phone, the text; a variable goes to the cursor."""
    open_editor(page, "first-action-30", "email")
    light, shown = background(page), page.get_attribute("#seen iframe", "src")
    page.check("input[name=scheme][value=dark]")
    page.wait_for_selector(f"#seen iframe:not([src='{shown}'])")
    expect(page.frame_locator("#seen iframe").locator("body")).not_to_have_css("background-color", light)
    page.check("input[name=width][value=phone]")
    page.wait_for_selector("#seen .phone iframe")
    page.check("input[name=show][value=de]")
    page.wait_for_selector("#seen .subject >> text=Glückwunsch")
    page.click("#subject-de")
    page.keyboard.press("End")
    page.click("button[data-insert='{{ partner.name }}']")
    assert page.input_value("#subject-de").endswith("{{ partner.name }}")
    page.wait_for_selector("#seen .subject >> text=Sample Partner")
    page.fill("#to", "me@example.org")
    page.click("text=Send test email")
    page.wait_for_selector("#sent >> text=Sent to me@example.org")


def test_email_is_shown_as_the_chosen_partner_gets_it(page, settings):
    """With its name, and in its language unless another one is chosen."""
    open_editor(page, "first-action-30", "email")
    page.fill("#partner", "21006062")
    page.wait_for_selector("#seen .subject >> text=Glückwunsch zum ersten Verkauf mit Northwind Outdoor")
    page.check("input[name=show][value=en]")
    page.wait_for_selector("#seen .subject >> text=Congratulations on your first sale with Northwind Outdoor")
    page.fill("#partner", "nobody at all")
    page.wait_for_selector("#seen .bad >> text=There is no partner 'nobody at all'")


def test_email_with_a_problem_shows_it_at_its_field(page, settings):
    """With the line of the body."""
    open_editor(page, "first-action-30", "email")
    page.fill("#mjml-en", "{{ partner.nmae }}")
    page.wait_for_selector("#at-mjml-en .error")
    assert "partner.nmae is undefined" in page.inner_text("#at-mjml-en")


@pytest.mark.long
@pytest.mark.parametrize("what", ["segment", "email"])
def test_pages_have_no_violation_of_axe(page, settings, what: str):
    """Labels, names, contrast, landmarks, and no page wider than its window; in every look."""
    open_editor(page, "first-action-30", what)
    for look in looks(page):
        assert (violations(page), overflow(page)) == ([], 0), look
