"""A changed segment changes the lines of its conditions in the file, and nothing else."""

import pytest

from compiler import PartnerflowError, read_yaml
from flows.studio.segment.definition_text import with_segment
from support.definitions import DEFINITION_FILES, VOCABULARY

TEXT = """# ours
name: Few clicks
program: "1000"
segment:
  - Relationship Stage Is Any Of Joined  # as agreed
  # the window
  - Last Transition Date Is 14 Days Ago
  - Clicks less than 100
action:
  email: few-clicks
"""

JOINED, DATE, CLICKS = (
    "Relationship Stage is any of Joined", "Last Transition Date is 14 Days Ago", "Clicks less than 100",
)  # fmt: skip


def changed(text: str, segment) -> str:
    """Return the text with another segment."""
    return with_segment("w.yml", text, segment, VOCABULARY)


@pytest.mark.parametrize("file", DEFINITION_FILES, ids=lambda file: file.stem)
def test_the_same_segment_leaves_a_committed_file_as_it_is(file):
    """Canonical sentences mean the same, so that nothing is written again."""
    text = file.read_text(encoding="utf-8")
    segment = [str(one) for one in read_yaml(file.name, text).value["segment"]]
    assert changed(text, segment) == text


def test_one_changed_condition_changes_one_line():
    """The comments of the others stay."""
    assert changed(TEXT, [JOINED, DATE, "Clicks less than 50"]) == TEXT.replace("than 100", "than 50")


def test_a_moved_condition_takes_its_comment_with_it():
    """The comment above a condition and the one behind it belong to it."""
    lines = TEXT.splitlines(keepends=True)
    expected = "".join([*lines[:4], *lines[5:7], lines[4], *lines[8:]])
    assert changed(TEXT, [DATE, JOINED]) == expected


def test_a_sentence_that_yaml_would_misread_is_quoted():
    """A colon or a number sign inside a value."""
    assert "  - 'Partner Group is any of Deals #1: best'\n" in changed(TEXT, ["Partner Group is any of Deals #1: best"])


@pytest.mark.parametrize(
    ("before", "segment", "after"),
    [
        ("segment: few  # saved\naction: a\n", [JOINED], f"segment:  # saved\n  - {JOINED}\naction: a\n"),
        (f"segment: [{JOINED}, {DATE}]\naction: a\n", [DATE], f"segment:\n  - {DATE}\naction: a\n"),
        (f"segment:\n- {JOINED}\n- {DATE}\naction: a\n", [DATE, CLICKS],
         f"segment:\n- {DATE}\n- {CLICKS}\naction: a\n"),
        (f"segment:\n  - {JOINED}\naction: a\n", "few", "segment: few\naction: a\n"),
        ("name: N\naction: a\n", [JOINED], f"name: N\nsegment:\n  - {JOINED}\naction: a\n"),
        (f"action: a\nsegment:\n  - {JOINED}", [JOINED, DATE], f"action: a\nsegment:\n  - {JOINED}\n  - {DATE}\n"),
        (f"- {JOINED}\n# x\n- {DATE}\n", [DATE], f"# x\n- {DATE}\n"),
        (f"segment:\n  - {JOINED}\naction: a\n", [], "segment: []\naction: a\n"),
        ("segment: []  # none\n", [JOINED], f"segment:  # none\n  - {JOINED}\n"),
        (f"segment:\r\n  - {JOINED}\r\naction: a\r\n", [DATE], f"segment:\r\n  - {DATE}\r\naction: a\r\n"),
    ],
)  # fmt: skip
def test_other_ways_to_write_a_segment_are_changed_as_well(before: str, segment, after: str):
    """Names, lists in brackets, lists without indentation, files without a segment, saved segments, line ends."""
    assert changed(before, segment) == after


def test_an_unfinished_sentence_is_written_as_it_is():
    """The check then reports it at its line."""
    assert "  - Clicks less than\n" in changed(TEXT, [JOINED, "Clicks less than"])


def test_a_text_that_is_not_yaml_is_refused():
    """Nothing can be changed in it but its text."""
    with pytest.raises(PartnerflowError, match="not valid YAML"):
        changed("segment: [", [JOINED])
