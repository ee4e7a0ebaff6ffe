"""The report shows the numbers of the marts: in the terminal, as JSON, and on a page in a real browser."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flows.addresses import mask_address
from flows.definitions.loader import Definitions
from flows.pipeline.run import run_hour
from flows.progress import ProgressCallback
from flows.report.chart import weekly_chart
from flows.report.page import outcome, report_file
from flows.report.templates import ENVIRONMENT
from flows.settings import Settings
from flows.transform.build import BuildResult
from support.accessibility import violations
from support.browser import chromium
from support.cli import partnerflow
from support.published import HOUR, delivery, lift, partner, publish_rows, run, total, week
from support.states import with_example

EVIL = '<img src=x onerror="document.title=1">{{ 7 * 7 }}</script><script>document.title=2</script>'
MONDAY = date(2026, 3, 16)
FOOTER = "{{ program.name }}, {{ program.postal_address }}, {{ today.date }} {{ unsubscribe_link }}"
MJML = f"<mjml><mj-body><mj-section><mj-column><mj-text>{FOOTER}</mj-text></mj-column></mj-section></mj-body></mjml>"
WORKFLOW = """\
name: {name}
program: "1000"
status: {status}
segment:
  - Relationship Stage is any of Joined
  - Last Transition Date is {days} Days Ago
action:
  email: {message}
"""
GOAL = {
    "goal": "Actions greater than 0 within 14 days", "goal_partners": 1200, "goal_complete": 1000, "goal_reached": 400,
    "goal_rate": 0.4, "goal_revenue": 12345.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A state with four workflows: one that works, one whose names are markup, one held, one whose file is deleted."""
    folder = tmp_path_factory.mktemp("reported")
    settings = Settings(state_dir=folder / "var", workflows=folder / "workflows")
    message = settings.workflows / "messages" / "hello"
    message.mkdir(parents=True)
    subject = json.dumps("Hello " + EVIL.replace("{{ 7 * 7 }}", ""))
    (message / "message.yml").write_text(f"subject: {subject}\ntranslations: {{de: {{subject: Hallo}}}}\n")
    (message / "body.de.txt").write_text("Guten Tag {{ partner.name }}")
    (message / "body.txt").write_text("Hi {{ partner.name }} <b>& all</b>")
    html = settings.workflows / "messages" / "html"
    html.mkdir()
    (html / "message.yml").write_text("subject: In HTML\n")
    (html / "body.txt").write_text(FOOTER)
    (html / "body.mjml").write_text(MJML)
    (settings.workflows / "programs.yml").write_text('"1000": {postal_address: "1 Trail Road, Portland"}\n')
    for name, title, status, days in [
        ("good", "Good news", "active", 7), ("evil", EVIL[:49], "paused", 14), ("held", "Held back", "active", 30)
    ]:  # fmt: skip
        text = WORKFLOW.format(
            name=json.dumps(title), status=status, days=days, message="html" if name == "held" else "hello"
        )
        (settings.workflows / f"{name}.yml").write_text(text)
    publish_rows(
        settings.published,
        workflow_report=[
            total("good", 1200, 1000, 400, 30, 90, 20, 1, 3) | GOAL,
            total("evil", 9, 9, 1, 0, 0, 0, 0, 0),
            total("held", 0, 0, 0, 0, 0, 0, 0, 0),
            total("gone", 80, 70, 50, 0, 5, 10, 0, 0),
        ],
        workflow_report_weekly=[
            week("good", MONDAY - timedelta(weeks=3), 1000, 900, 350, 30, 80, 10, 1, 2),
            week("good", MONDAY, 200, 100, 50, 0, 10, 10, 0, 1),
            week("evil", MONDAY, 9, 9, 1, 0, 0, 0, 0, 0),
        ],
        workflow_lift=[lift("good", GOAL["goal"], (900, 378), (100, 30), "more with the email")],
        workflow_runs=[
            run("good", HOUR, sent=2),
            run("evil", HOUR, sent=9),
            run("held", HOUR, "held", detail=f"test not_null_partners: {'got 3 results, ' * 20}the end")
            | {"notes": "The newest data were loaded 9 days before this hour."},
        ],
        fct_email_deliveries=[
            delivery("good", "p1", "anna@partner.example", "delivered", "opened", "clicked"),
            delivery("good", "p2", "ben@partner.example", "bounced") | {"state": "in_doubt"},
            delivery("held", "next-0", "next-0@partner.example") | {"state": "pending"},
            delivery("evil", "p3", '"><i>x</i>@partner.example', "delivered"),
        ],
        fct_partners=[partner("p1", "Anna & Sons"), partner("p2", "Ben"), partner("p3", EVIL)],
        programs=[{"program_id": "1000", "name": "Northwind", "timezone": "America/New_York"}],
        segment_membership=[of_good("p1"), of_good("p2")],
        segment_membership_history=[of_good("p1") | {"valid_from": HOUR, "valid_to": None}],
        sent_emails=[
            email("good", "p1", "sent"),
            *(email("held", f"next-{number}", "pending", "Waits for the send window.") for number in range(10)),
            email("held", "p1", "held_out", "In the holdout of 10 %."),
            email("held", "p2", "failed"),
            email("held", "p2", "sent"),
        ],
        skipped_members=[
            {
                "workflow_id": "held",
                "program_id": "1000",
                "partner_id": "p3",
                "evaluated_at": HOUR,
                "reason": "no address",
            }
        ],
    )
    return settings


def email(workflow_id: str, partner_id: str, state: str, reason: str | None = None) -> dict:
    """Return a row of marts.sent_emails."""
    return {
        "workflow_id": workflow_id, "program_id": "1000", "partner_id": partner_id, "action": "email", "state": state,
        "email": f"{partner_id}@partner.example", "as_of": HOUR, "reason": reason,
    }  # fmt: skip


def of_good(partner_id: str) -> dict:
    """Return the key of a member of workflow good."""
    return {"workflow_id": "good", "program_id": "1000", "partner_id": partner_id}


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """The system's Chromium, headless."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser, reported: Settings, tmp_path: Path) -> Iterator:
    """The page, opened from its file. Fails on any console message, error or further request."""
    file = tmp_path / "report.html"
    report_file(reported, file, show_addresses=False)
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    unexpected: list[str] = []
    opened.on("console", lambda message: unexpected.append(message.text))
    opened.on("pageerror", lambda error: unexpected.append(str(error)))
    opened.on("request", lambda request: unexpected.append(request.url) if request.url != file.as_uri() else None)
    opened.goto(file.as_uri())
    yield opened
    assert unexpected == []
    opened.close()


def names(page) -> list[str]:
    """Return the names of the visible workflows, in order."""
    return page.locator("#list tbody tr:visible td:first-child a").all_inner_texts()


def test_page_shows_counts_and_rates(page):
    """Each count has its rate beside it."""
    row = page.locator("#list tbody tr", has_text="Good news")
    cells = [" ".join(cell.split()) for cell in row.locator("td").all_inner_texts()[2:]]
    assert cells == ["1,200", "1,000 98.0%", "400 40.0%", "90 9.0%", "20 2.0%", "1 0.1%", "3 0.3%"]
    tiles = page.locator(".tiles dd").all_inner_texts()
    assert tiles == ["4", "1,289", "1,109", "1,079 97.3%", "451 41.8%", "95 8.8%"]


def test_page_shows_unknown_and_not_zero_without_events(page):
    """A workflow of which no event has been received has dashes, and its view says why."""
    row = page.locator("#list tbody tr", has_text="Held back")
    cells = [" ".join(cell.split()) for cell in row.locator("td").all_inner_texts()[2:]]
    assert cells == ["0", *["–"] * 6]


def test_page_sorts_by_column_both_ways(page):
    """Numbers start with the largest, names with A."""
    assert names(page) == [EVIL[:49], "gone", "Good news", "Held back"]
    sent = page.get_by_role("button", name="Sent")
    sent.click()
    assert names(page) == ["Good news", "gone", EVIL[:49], "Held back"]
    sent.click()
    assert names(page) == ["Held back", EVIL[:49], "gone", "Good news"]
    assert page.locator("th[aria-sort]").all_inner_texts() == ["Sent"]
    page.get_by_role("button", name="State").click()
    assert page.locator("#list tbody .mark:first-child").all_inner_texts() == ["active", "active", "deleted", "paused"]


def test_page_filters_by_text_and_state(page):
    """The search covers names, conditions and messages."""
    page.get_by_label("Find").fill("30 days ago")
    assert names(page) == ["Held back"]
    assert page.locator("#shown").inner_text() == "1 of 4 workflows"
    page.get_by_label("Find").fill("")
    page.get_by_label("State", exact=True).select_option("paused")
    assert names(page) == [EVIL[:49]]


def test_workflow_has_a_view_and_a_link_back(page):
    """The view has the funnel, weeks, SQL and masked recipients. Its heading gets the focus, for screen readers."""
    page.get_by_role("link", name="Good news").click()
    assert page.locator("article:visible").count() == 1
    assert page.evaluate("document.activeElement.textContent").split() == ["Good", "news", "active"]
    article = page.locator("article:visible")
    assert article.locator(".funnel li").all_inner_texts()[1].split() == ["Delivered", "1,000", "98.0%"]
    assert article.locator(".chart .sent rect").count() == 2
    article.get_by_text("The numbers").click()
    assert article.locator("details[open] tbody tr").first.inner_text().split() == [
        "2026-03-16",
        "200",
        "100",
        "50",
        "10",
        "10",
    ]
    goal = article.locator("section", has=page.get_by_role("heading", name="Goal")).inner_text()
    assert "Actions greater than 0 within 14 days" in goal
    assert "With the email 42.0 % of 900 partners, held out 30.0 % of 100." in goal
    article.get_by_text("As SQL").click()
    assert "last_transition_days_ago = 7" in article.locator("pre", has_text="SELECT").inner_text()
    assert article.get_by_text("a…@partner.example").count() == 1
    assert "anna@" not in page.content()
    page.get_by_role("link", name="All workflows").locator("visible=true").click()
    assert len(names(page)) == 4


def test_held_workflow_shows_the_reason(page):
    """The reason is the detail of the run."""
    page.get_by_role("link", name="Held back").click()
    assert "test not_null_partners: got 3 results" in page.locator("article:visible .reason").inner_text()


def test_first_screen_says_what_needs_a_person(page):
    """Each sign filters the list, and what the last run noted is there too."""
    assert page.locator(".signs button").all_inner_texts() == ["1 workflow was held", "1 workflow has emails in doubt"]
    held = page.get_by_role("button", name="1 workflow was held")
    held.click()
    assert (names(page), held.get_attribute("aria-pressed")) == (["Held back"], "true")
    doubt = page.get_by_role("button", name="1 workflow has emails in doubt")
    doubt.click()
    assert names(page) == ["Good news", "Held back"]
    held.click()
    doubt.click()
    assert len(names(page)) == 4
    assert "The newest data were loaded 9 days" in page.locator("#list .reason").inner_text()


def test_list_shows_programs_and_what_differs_between_segments(page):
    """The search covers the program's name; the condition that few workflows have comes first."""
    page.get_by_label("Find").fill("northwind")
    assert names(page) == [EVIL[:49], "Good news", "Held back"]
    shown = page.locator("#list tbody tr", has_text="Good news").locator("p").last.inner_text()
    assert shown == "Last Transition Date is 7 Days Ago · Relationship Stage is any of Joined"


def test_workflow_shows_its_message_in_every_language(page):
    """The own language is open, the others are one click away."""
    page.get_by_role("link", name="Good news").click()
    message = page.locator("article:visible .email")
    assert message.get_by_text("Hi Sample Partner").is_visible()
    assert not message.get_by_text("Guten Tag Sample Partner").is_visible()
    message.get_by_text("In de").click()
    assert message.get_by_text("Guten Tag Sample Partner").is_visible()


def test_message_is_shown_as_the_program_sends_it(page):
    """With the program's name, its postal address and the date of the run, in HTML and as text."""
    sent = "Northwind, 1 Trail Road, Portland, March 20, 2026"
    page.get_by_role("link", name="Held back").click()
    message = page.locator("article:visible .email")
    assert sent in message.frame_locator("iframe").first.locator("body").inner_text()
    message.get_by_text("As text").first.click()
    assert sent in message.locator("pre").first.inner_text()


def test_workflow_shows_who_comes_next_and_who_was_skipped_and_why(page):
    """By name, the first of many; a partner with another email that left was not skipped."""
    page.get_by_role("link", name="Held back").click()
    article = page.locator("article:visible")
    waiting = article.locator(".waiting tbody tr")
    assert (waiting.count(), waiting.first.inner_text().split("\t")) == (
        8, ["next-0", "n…@partner.example", "Waits for the send window.", "2026-03-20 14:00 EDT"],
    )  # fmt: skip
    said = article.locator("section", has=page.get_by_role("heading", name="Comes next")).locator("p").inner_text()
    assert "10 emails wait to be sent" in said and "These are the first 8; there are 2 more." in said
    assert article.get_by_role("heading", name="Latest recipients").count() == 0
    skipped = [" ".join(row.split()) for row in article.locator(".skipped tbody tr").all_inner_texts()]
    assert skipped == [
        f"{EVIL} p3 no address 2026-03-20 14:00 EDT",
        "Anna & Sons p1 In the holdout of 10 %. 2026-03-20 14:00 EDT",
    ]


def test_workflow_shows_who_is_in_the_segment_now(page):
    """Those that are not written to yet come first; since when is known from the history."""
    page.get_by_role("link", name="Good news").click()
    rows = page.locator("article:visible .members tbody tr")
    assert [" ".join(row.split()) for row in rows.all_inner_texts()] == [
        "Ben p2 – not yet", "Anna & Sons p1 2026-03-20 14:00 EDT 2026-03-20 14:00 EDT",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [390, 1280])
def test_run_has_all_counts_and_its_whole_detail(browser, reported: Settings, tmp_path: Path, width: int):
    """Nothing is cut, and no count is outside the window; on a phone each count has its name."""
    file = tmp_path / "report.html"
    report_file(reported, file, show_addresses=False)
    opened = browser.new_page(viewport={"width": width, "height": 800})
    opened.goto(f"{file.as_uri()}#w-held")
    runs = opened.locator("article:visible .runs")
    assert runs.locator(".detail").inner_text().endswith("the end")
    cells = runs.locator("tbody tr").first.locator("td")
    assert cells.count() == 8
    for index in range(8):
        box = cells.nth(index).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    opened.goto(f"{file.as_uri()}#w-good")
    people = opened.locator("article:visible .people:not(.members) tbody tr").first
    assert people.get_by_text("clicked").is_visible()
    assert people.get_by_text("2026-03-20 14:00 EDT").is_visible()
    opened.close()


def test_names_with_markup_stay_text(page):
    """This holds for workflows, partners, addresses and messages. Only the page's own script runs."""
    page.get_by_role("link", name="<img").click()
    shown = page.locator("article:visible").inner_text()
    assert EVIL in shown
    assert "Hi Sample Partner <b>& all</b>" in shown
    assert page.locator("article img, article script, article i:not(.funnel i)").count() == 0
    assert page.title() == "Email workflows"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_page_fits_the_width_and_has_enough_contrast(
    browser, reported: Settings, tmp_path: Path, scheme: str, width: int
):
    """There is no horizontal scrolling, and the contrast is at least 4.5 (WCAG AA)."""
    file = tmp_path / "report.html"
    report_file(reported, file, show_addresses=False)
    opened = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    for fragment in ("", "#w-good", "#w-held"):
        opened.goto(file.as_uri() + fragment)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width, fragment
        assert opened.evaluate(CONTRAST) == [], fragment
    opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_page_has_no_barrier_that_axe_finds(browser, reported: Settings, tmp_path: Path, scheme: str, width: int):
    """The list, and a workflow with everything that a view can have."""
    file = tmp_path / "report.html"
    report_file(reported, file, show_addresses=False)
    opened = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    for fragment in ("", "#w-good", "#w-held"):
        opened.goto(file.as_uri() + fragment)
        for details in opened.locator("details:visible").all():
            details.evaluate("(one) => { one.open = true }")
        assert violations(opened) == [], fragment
    opened.close()


CONTRAST = """() => {
  const line = (x) => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4;
  const light = (c) => { const v = c.map((x) => line(x / 255));
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2] };
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const back = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c } return [255, 255, 255] };
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest("svg, option")) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(back(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) bad.push(e.outerHTML.slice(0, 80));
  }
  return bad;
}"""


def test_page_works_without_script(browser, reported: Settings, tmp_path: Path):
    """Previews in mail programs run no scripts."""
    file = tmp_path / "report.html"
    report_file(reported, file, show_addresses=True)
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(file.as_uri())
    assert opened.locator("article:visible").count() == 4
    assert opened.get_by_text("anna@partner.example").count() == 1
    context.close()


def test_json_report_equals_the_marts(reported: Settings):
    """The report has weeks, and totals with rates, which are null where the denominator is 0."""
    answer = partnerflow(reported, "report", "--json")
    assert answer.code == 0, answer.stderr
    document = answer.json()
    assert document["as_of"] == "2026-03-20T18:00:00Z"
    by_id = {row["workflow_id"]: row for row in document["workflows"]}
    assert by_id["good"] == total("good", 1200, 1000, 400, 30, 90, 20, 1, 3) | GOAL
    assert [(one["workflow_id"], one["verdict"]) for one in document["lifts"]] == [("good", "more with the email")]
    assert by_id["held"]["delivery_rate"] is None
    assert [(one["workflow_id"], one["week"], one["sent"]) for one in document["weeks"]] == [
        ("evil", "2026-03-16", 9), ("good", "2026-02-23", 1000), ("good", "2026-03-16", 200)
    ]  # fmt: skip


def test_terminal_report_has_one_line_per_workflow(reported: Settings):
    """A line has counts and rates; below the table it says what emails with a holdout have changed."""
    lines = partnerflow(reported, "report").stdout.splitlines()
    (good,) = [line.split() for line in lines if line.startswith(" good")]
    assert good[:3] == ["good", "1,200", "1,020"]
    assert good[3:] == ["1,000", "98%", "400", "40%", "90", "9%", "20", "1", "3"]
    at = lines.index("good: Actions greater than 0 within 14 days")
    assert (
        lines[at + 1]
        == "  Reached by 400 of 1,000 partners (40.0 %), with revenue of 12,345.50; 200 have days to come."
    )
    assert lines[at + 2] == "  More partners reach the goal with the email."
    assert lines[at + 4] == "  The difference is +12.0 points (95 % interval +7.0 to +17.0)."


def test_terminal_report_says_of_how_many_emails_the_outcome_is_known(reported: Settings, tmp_path: Path):
    """Without any event the columns have dashes, and the line below says why."""
    assert "1,109 of 1,289 emails sent are reported by events" in partnerflow(reported, "report").stdout
    silent = Settings(state_dir=tmp_path / "var")
    row = total("good", 18, 0, 0, 0, 0, 0, 0, 0)
    publish_rows(
        silent.published,
        workflow_report=[row, row | {"workflow_id": "accept", "sent": 0, "accepted": 3}],
        workflow_report_weekly=[week("good", MONDAY, 18, 0, 0, 0, 0, 0, 0, 0)],
        workflow_lift=[lift("good", "g", (900, 378), (100, 30), "more with the email")],
        workflow_runs=[run("good", HOUR, sent=18)],
        fct_email_deliveries=[delivery("good", "p1", "anna@partner.example")],
        fct_partners=[partner("p1", "Anna")],
    )
    text = partnerflow(silent, "report").stdout
    lines = [line.split() for line in text.splitlines()]
    assert ["good", "18"] in lines
    assert ["accept", "3", "accepted"] in lines
    assert "reported nothing about the 18 emails sent" in text


def test_report_before_first_run_says_what_to_do(settings: Settings):
    """No page is written."""
    answer = partnerflow(settings, "report", "--html", str(settings.state_dir / "x.html"))
    assert (answer.code, answer.stdout) == (1, "")
    assert "partnerflow run" in answer.stderr
    assert not (settings.state_dir / "x.html").exists()


def test_report_after_held_first_run_says_what_to_do(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """A run whose workflows are all held ends normally and publishes no report."""
    with_example(settings)
    reason = "test not_null_partners: got 3 results"

    def held(_settings: Settings, found: Definitions, _report: ProgressCallback, _full_refresh: bool) -> BuildResult:
        return BuildResult(dict.fromkeys((one.id for one in found.active), reason))

    monkeypatch.setattr("flows.pipeline.planning.build", held)
    done = run_hour(settings, HOUR.replace(tzinfo=UTC))
    assert {row.status for row in done.plan.workflows} == {"held"}
    assert not settings.report.exists()
    answer = partnerflow(settings, "report")
    assert (answer.code, "has no report yet" in answer.stderr) == (1, True)


def test_every_run_publishes_the_page(example):
    """The page has the numbers of that run."""
    settings, done = example
    text = settings.report.read_text()
    assert text.count("<article ") == len(done.plan.workflows)
    sent = re.findall(r"</span>\n<td>([\d,]+)\n", text)
    assert sorted(map(int, sent)) == sorted(
        row.sent for row in done.plan.workflows if row.workflow_id != "accept-applications"
    )
    assert "<td>3 <small>accepted</small>" in text
    assert "As of the run of 2026-03-20 14:00 EDT, 23:30 IST" in text


def test_outcome_is_the_worst_or_latest_event():
    """A complaint outweighs a click."""
    assert outcome(delivery("w", "p", "a@x", "delivered", "opened", "clicked", "complained")) == "complained"
    assert outcome(delivery("w", "p", "a@x", "delivered", "opened")) == "opened"
    assert outcome(delivery("w", "p", "a@x") | {"state": "in_doubt"}) == "in doubt"
    assert mask_address("x@y@partner.example") == "x…@partner.example"


def test_chart_has_a_column_per_week_and_round_ticks():
    """Twelve weeks at most, six at least; a week without emails has no bar; the top of the axis is a round number."""
    weeks = [week("w", MONDAY - timedelta(weeks=back), 1000 + back, 900, 500, 0, 70, 0, 0, 0) for back in range(12)]
    svg = drawn(weeks)
    assert len(svg) < 3_500
    assert svg.count("<rect") == 36
    assert ">2,000<" in svg
    assert (drawn(weeks[:1]).count("<rect"), drawn(weeks[:1]).count("<text")) == (3, 6 + 3)


def test_chart_has_a_title_and_a_description():
    """A screen reader says what the chart shows, and where the numbers are."""
    root = ElementTree.fromstring(drawn([week("w", MONDAY, 10, 9, 5, 0, 2, 0, 0, 0)]))
    assert root.get("role") == "img"
    title, description = (root.findtext(f"{{*}}{name}") for name in ("title", "desc"))
    assert (title, "6 weeks" in description) == ("Emails by week", True)


def test_chart_bar_heights_are_proportional_to_counts():
    """Half of the axis is half of the height, and the bars of a week have the same baseline."""
    root = ElementTree.fromstring(drawn([week("w", MONDAY, 2000, 1900, 1000, 0, 500, 0, 0, 0)]))
    bars = {group.get("class"): group[0] for group in root.iterfind("{*}g")}
    heights = {name: int(bar.get("height")) for name, bar in bars.items()}
    assert (heights["opened"] / heights["sent"], heights["clicked"] / heights["sent"]) == pytest.approx(
        (0.5, 0.25), abs=0.01
    )
    assert len({int(bar.get("y")) + int(bar.get("height")) for bar in bars.values()}) == 1


def drawn(weeks: list[dict]) -> str:
    """Return the SVG of a chart of these weeks."""
    return ENVIRONMENT.get_template("chart.html").module.bar_chart(weekly_chart(weeks))
