"""Problems of an edited segment are at their rows, before anything is written."""

from pathlib import Path

import pytest

from flows.definitions.loader import read_definitions
from flows.settings import Settings
from flows.studio.segment.check import CheckedSegment, check_segment
from support.definitions import VOCABULARY
from support.example_workflows import copy_workflows

JOINED = "Relationship Stage is any of Joined"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example workflows without a state."""
    folder = tmp_path_factory.mktemp("check")
    copy_workflows(folder / "workflows")
    return Settings(workflows=folder / "workflows", state_dir=folder / "var")


def checked(settings: Settings, *segment: str, texts: dict[Path, str] | None = None) -> CheckedSegment:
    """Return the result for a segment of few-clicks-14."""
    file = settings.workflows / "few-clicks-14.yml"
    return check_segment(settings, "few-clicks-14", file, file.read_text(), segment, VOCABULARY, texts=texts)


PAIRING = [
    ("less-than-one", [JOINED, "Clicks less than 1"], 1),
    ("number-limits", [JOINED, "Clicks less than 2.5"], 1),
    ("window-order", ["Last Transition Date interval between 30 and 1 Days Ago", JOINED], 0),
    ("window-out-of-range", [JOINED, "Last Transition Date is Last 0 Days"], 1),
    ("future-date", [JOINED, "Last Transition Date is in 3 Days"], 1),
    ("repeated-condition", [JOINED, "Relationship Stage is any of New"], 1),
    ("performance-range-alone", [JOINED, "Performance Date Range is Last 30 Days"], 1),
    ("contact-range-alone", [JOINED, "Contacted By Date Range is Last 30 Days"], 1),
    ("unknown-workflow", [JOINED, "Contacted By is any of nobody"], 1),
    ("transition-date-alone", ["Last Transition Date is Today"], 0),
    (
        "contract-stage-with-dates",
        [JOINED, "Contract Stage is any of Joined", "Last Transition Date is Today"],
        1,
    ),
    ("contract-stage-with-dates",
     ["Contract Stage is any of Joined", "Performance Date Range is Last 30 Days", "Clicks less than 9"], 0),
    ("unknown-value", [JOINED, "Contract Stage is any of Joyned"], 1),
    ("condition", [JOINED, "Clicks less than many"], 1),
    ("condition", ["Klicks less than 5", JOINED], 0),
    ("unknown-segment", [JOINED, "Segment is any of nobody"], 1),
]  # fmt: skip


@pytest.mark.parametrize(("code", "segment", "row"), PAIRING, ids=[f"{code}-{at}" for code, _, at in PAIRING])
def test_an_error_is_at_its_row_with_its_remedy(settings, code: str, segment: list[str], row: int):
    """The row is counted as it is shown; the text says what to do."""
    found = checked(settings, *segment)
    at = {
        number: [one.code for one in problems if one.severity == "error"]
        for number, problems in enumerate(found.by_row)
    }
    assert code in at[row]
    assert all(one.hint for problems in found.by_row for one in problems)
    assert found.has_error


def test_an_empty_row_shifts_no_problem(settings):
    """A row that has just been added is not written, and the rows behind it keep their problems."""
    found = checked(settings, JOINED, "", "Clicks less than 1")
    assert [[one.code for one in problems if one.severity == "error"] for problems in found.by_row] == [
        [], [], ["less-than-one"],
    ]  # fmt: skip
    assert "''" not in (found.text or "")


def test_a_segment_without_rows_is_an_error(settings):
    """At least one segment condition is needed."""
    found = checked(settings, "")
    assert (found.by_row, [one.code for one in found.others], found.has_error) == (((),), ["definition"], True)


def test_a_valid_segment_is_a_workflow_and_nothing_is_written(settings):
    """The workflow has the edited conditions; the file has the old ones."""
    before = (settings.workflows / "few-clicks-14.yml").read_text()
    found = checked(settings, JOINED, "Last Transition Date is 14 Days Ago")
    assert found.workflow is not None
    assert [str(one) for one in found.workflow.segment] == [JOINED, "Last Transition Date is 14 Days Ago"]
    assert (settings.workflows / "few-clicks-14.yml").read_text() == before


def test_a_saved_segment_of_the_same_save_is_known(settings):
    """A segment that is saved together with the workflow that uses it is read from its text."""
    given = {(settings.workflows / "segments" / "joined.yml").absolute(): f"- {JOINED}\n"}
    assert checked(settings, "Segment is any of joined", texts=given).workflow is not None
    assert "joined" not in str(read_definitions(settings).problems)


def test_a_file_in_another_form_is_not_changed(settings, tmp_path):
    """What is not YAML can only be edited as text."""
    found = check_segment(settings, "w", tmp_path / "w.yml", "segment: [", [JOINED], VOCABULARY)
    assert (found.text, found.has_error, [one.code for one in found.others]) == (None, True, ["yaml"])
