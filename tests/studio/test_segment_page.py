"""The page of a segment: rows change by controls and sentences, problems are at their rows, a save is reviewed."""

import re

import pytest

from flows.studio.segment.rows import read_row
from support.definitions import VOCABULARY
from support.studio import Client, fields, sentences

JOINED, DATE = "Relationship Stage is any of Joined", "Last Transition Date is 7 Days Ago"
PATH = "/workflows/later/segment"


def test_page_has_a_row_for_each_condition_and_all_conditions_to_choose(client: Client):
    """The vocabulary comes from the yml of the marts."""
    page = client.get(PATH)
    assert sentences(page) == [JOINED, DATE]
    assert "<option>Contract End Date</option>" in page


def test_a_condition_of_the_yml_is_offered_without_any_code(client: Client, tmp_path):
    """A thirteenth condition appears by itself."""
    from dataclasses import replace

    from compiler import Vocabulary

    desk = client.http.app.state.desk
    country = replace(desk.vocabulary["Partner Name"], label="Country of Birth")
    client.http.app.state.desk = replace(desk, vocabulary=Vocabulary((*desk.vocabulary.fields, country)))
    assert "<option>Country of Birth</option>" in client.get(PATH)


def test_a_sentence_becomes_controls(client: Client):
    """What is written by hand is canonical after it."""
    page = client.post(f"{PATH}/rows", **fields("revenue greater than 1,000"))
    assert sentences(page) == ["Revenue greater than 1000"]
    assert re.search(r'name="first-0"[^>]* value="1000"', page)


@pytest.mark.parametrize(
    ("action", "expected"),
    [("add", [JOINED, DATE, ""]), ("remove:0", [DATE]), ("up:1", [DATE, JOINED])],
)
def test_a_button_changes_the_rows(client: Client, action: str, expected: list[str]):
    """The answer has all rows, and says that they were edited."""
    assert sentences(client.post(f"{PATH}/rows", **fields(JOINED, DATE), action=action)) == expected


def test_a_chosen_condition_is_added_in_its_first_form(client: Client):
    """The stages of a closed list can be chosen at once."""
    page = client.post(f"{PATH}/rows", **fields(JOINED), action="add", add="Contract Stage")
    assert sentences(page) == [JOINED, "Contract Stage is any of "]
    assert 'value="Awaiting Publisher Approval"' in page


def test_check_shows_each_problem_at_its_row(client: Client):
    """With what to do."""
    page = client.post(f"{PATH}/check", **fields(JOINED, "Clicks less than 1"))
    first, second = re.findall(r'<div id="problems-\d" .*?</div>', page, re.DOTALL)
    assert "Clicks can&#39;t be set to less than 1." in second
    assert "with few, an option such as Clicks less than 100." in second
    assert "less than 1" not in first
    assert "Correct the errors to see who is in." in page


def test_check_says_that_nothing_is_built(client: Client):
    """Without facts nobody can be counted; the segment can be edited all the same."""
    assert "No facts have been built yet." in client.post(f"{PATH}/check", **fields(JOINED, DATE))


def test_a_save_changes_its_line_after_a_review(client: Client):
    """The comment behind the other condition stays."""
    form = fields(JOINED, "Last Transition Date is 14 Days Ago", version=client.version("later"))
    shown = client.post(PATH, **form)
    assert "7 Days Ago  # a week" in shown
    before = (client.settings.workflows / "later.yml").read_text()
    assert client.confirm(PATH, **form) == "/workflows/later"
    after = (client.settings.workflows / "later.yml").read_text()
    assert after == before.replace(
        "Last Transition Date is 7 Days Ago  # a week", "Last Transition Date is 14 Days Ago"
    )


def test_a_segment_with_an_error_is_not_saved(client: Client):
    """What was written is kept in the form."""
    form = fields(JOINED, "Clicks less than 1", version=client.version("later"))
    page = client.post(PATH, 422, **form)
    assert sentences(page) == [JOINED, "Clicks less than 1"]
    assert "Nothing was written" in page


def test_the_second_of_two_people_is_told_and_keeps_the_rows(client: Client):
    """The file has changed since the page was loaded."""
    form = fields(JOINED, "Last Transition Date is Today", version=client.version("later"))
    file = client.settings.workflows / "later.yml"
    file.write_text(file.read_text().replace("7 Days", "9 Days"))
    page = client.post(PATH, 409, **form)
    assert "Somebody has changed this file meanwhile" in page
    assert sentences(page) == [JOINED, "Last Transition Date is Today"]
    assert "9 Days Ago" in file.read_text()


def test_a_segment_is_saved_for_others_and_used(client: Client):
    """Two files are written: the saved segment, and the definition that names it."""
    form = fields(JOINED, DATE, version=client.version("later"), save_as="joined-a-week-ago")
    assert client.confirm(PATH, **form) == "/workflows/later"
    folder = client.settings.workflows
    assert (folder / "segments" / "joined-a-week-ago.yml").read_text() == f"- {JOINED}\n- {DATE}\n"
    assert "  - Segment is any of joined-a-week-ago\n" in (folder / "later.yml").read_text()
    page = client.post(f"{PATH}/rows", **fields("Segment is any of joined-a-week-ago"))
    assert re.search(r'value="joined-a-week-ago" checked', page)


@pytest.mark.parametrize("name", ["../up", "a/b", "", "joined"])
def test_a_saved_segment_needs_a_new_name_that_is_no_path(client: Client, name: str):
    """Nothing outside of segments/ is written, and no file twice."""
    (client.settings.workflows / "segments").mkdir()
    (client.settings.workflows / "segments" / "joined.yml").write_text(f"- {JOINED}\n")
    form = fields(JOINED, version=client.version("later"), save_as=name)
    page = client.post(PATH, 200 if name == "" else 422, **form)
    assert ("is not a valid name" in page or "already" in page) == (name != "")
    assert sorted(file.name for file in client.settings.workflows.parent.rglob("*.yml") if "up" in file.name) == []


def test_a_whole_saved_segment_can_be_copied_into_the_workflow(client: Client):
    """The page shows its conditions; a copy makes them rows."""
    (client.settings.workflows / "segments").mkdir()
    (client.settings.workflows / "segments" / "joined.yml").write_text(f"- {JOINED}\n")
    file = client.settings.workflows / "later.yml"
    file.write_text(re.sub(r"segment:\n.*?(?=action)", "segment: joined\n", file.read_text(), flags=re.DOTALL))
    assert f"<li>{JOINED}</li>" in client.get(PATH)
    assert sentences(client.get(f"{PATH}?copy")) == [JOINED]


def test_an_invalid_segment_can_be_corrected_in_the_page(client: Client):
    """A file whose only errors are those of its conditions has rows."""
    file = client.settings.workflows / "later.yml"
    file.write_text(file.read_text().replace(JOINED, "Clicks less than 1"))
    assert sentences(client.get(PATH)) == ["Clicks less than 1", DATE]
    form = fields(JOINED, DATE, version=client.version("later"))
    assert client.confirm(PATH, **form) == "/workflows/later"
    assert JOINED in file.read_text()


RANGE = "Performance Date Range is Last 30 Days"

CORRECTED = {
    "less-than-one": ([JOINED, RANGE, "Clicks less than 1"], [JOINED, RANGE, "Clicks is 0"]),
    "number-limits": ([JOINED, RANGE, "Actions greater than 1.5"], [JOINED, RANGE, "Actions greater than 1"]),
    "window-order": ([JOINED, "Last Transition Date interval between 30 & 1"],
                     [JOINED, "Last Transition Date interval between 1 & 30"]),
    "window-out-of-range": ([JOINED, "Last Transition Date is Last 0 Days"], [JOINED, "Last Transition Date is Today"]),
    "future-date": ([JOINED, "Last Transition Date is in 3 Days"], [JOINED, "Contract End Date is in 3 Days"]),
    "repeated-condition": ([JOINED, "Relationship Stage is any of New"], ["Relationship Stage is any of Joined, New"]),
    "performance-range-alone": ([JOINED, RANGE], [JOINED, RANGE, "Clicks less than 100"]),
    "contact-range-alone": ([JOINED, "Contacted By Date Range is Last 7 Days"],
                            [JOINED, "Contacted By Date Range is Last 7 Days", "Contacted By is none of sends"]),
    "transition-date-alone": ([DATE], [JOINED, DATE]),
    "contract-stage-with-dates": (["Contract Stage is any of Joined", RANGE, "Clicks less than 100"],
                                  [JOINED, RANGE, "Clicks less than 100"]),
    "unknown-value": (["Relationship Stage is any of Joyned"], [JOINED]),
    "unknown-workflow": ([JOINED, "Contacted By is none of nobody"], [JOINED, "Contacted By is none of sends"]),
    "unknown-segment": ([JOINED, "Segment is any of nobody"], [JOINED]),
    "condition": ([JOINED, "Last Transition Date is next week"], [JOINED, DATE]),
}  # fmt: skip
"""For each error of a segment, a segment that has it, and that segment corrected as the error says."""


@pytest.mark.parametrize("code", CORRECTED)
def test_an_error_is_met_and_corrected_in_the_page(client: Client, code: str):
    """It is at a row with its remedy and refuses the save; the corrected segment is written."""
    wrong, right = CORRECTED[code]
    version = client.version("later")
    assert f"· {code}<" in client.post(f"{PATH}/check", **fields(*wrong))
    assert f"· {code}<" in client.post(PATH, 422, **fields(*wrong, version=version))
    assert f"· {code}<" not in client.post(f"{PATH}/check", **fields(*right))
    client.confirm(PATH, **fields(*right, version=version))
    assert sentences(client.get(PATH)) == [read_row(one, VOCABULARY).sentence for one in right]


def test_a_file_that_is_not_yaml_has_no_rows(client: Client):
    """It is edited as text."""
    assert "not valid YAML" in client.get("/workflows/wrong/segment", 400)


def test_markup_in_a_sentence_is_shown_as_text(client: Client):
    """A name can be anything."""
    page = client.post(f"{PATH}/rows", **fields("Partner Name is any of <script>alert(1)</script>"))
    assert "<script>alert" not in page


def test_a_file_with_an_odd_name_has_an_editor_of_its_own(client: Client):
    """Its name is quoted in every link of the page."""
    text = (client.settings.workflows / "later.yml").read_text()
    (client.settings.workflows / "a b?c#.yml").write_text(f"id: '-'\n{text}")
    page = client.get("/workflows/a%20b%3Fc%23/segment")
    assert 'action="/workflows/a%20b%3Fc%23/segment"' in page
    assert sentences(page) == [JOINED, DATE]
