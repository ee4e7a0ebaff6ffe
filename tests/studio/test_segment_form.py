"""The form of the editor: the sentence counts where it was edited, the controls otherwise."""

import pytest

from flows.studio.segment.form import edited_rows, read_rows
from flows.studio.segment.rows import Row, read_row
from support.definitions import VOCABULARY


class Sent(dict):
    """The fields of a form as lists of values."""

    def __getitem__(self, name: str) -> str:
        return (self.get(name) or [""])[-1]

    def all(self, name: str) -> list[str]:
        """Return all values of a field."""
        return self.get(name) or []


def sent(sentence: str, **changes: list[str]) -> list[str]:
    """Return the sentences of a form whose one row shows a sentence, after changes of its fields."""
    row = read_row(sentence, VOCABULARY)
    fields = {"row": ["0"], "sentence-0": [row.sentence], "sentence-was-0": [row.sentence]}
    if row.field:
        fields |= {"label-0": [row.field.label], "label-was-0": [row.field.label]}
    if row.filled:
        fields |= {"words-0": [row.filled.words], "words-was-0": [row.filled.words]}
        fields |= {"value-0": list(row.filled.values), "first-0": [row.filled.first], "last-0": [row.filled.last]}
    changed = {name.replace("_", "-"): values for name, values in changes.items()}
    return [one.sentence for one in read_rows(Sent(fields | changed), VOCABULARY)]


STAGE, DAYS = "Relationship Stage is any of New, Joined", "Last Transition Date is 7 Days Ago"


@pytest.mark.parametrize(
    ("sentence", "changes", "expected"),
    [
        (STAGE, {}, STAGE),
        (STAGE, {"value_0": ["Joined", "Expired"]}, "Relationship Stage is any of Joined, Expired"),
        (STAGE, {"words_0": ["is none of"]}, "Relationship Stage is none of New, Joined"),
        (STAGE, {"sentence_0": ["revenue greater than 999"], "value_0": []}, "Revenue greater than 999"),
        (STAGE, {"label_0": ["Clicks"]}, "Clicks greater than "),
        (DAYS, {"first_0": ["14"]}, "Last Transition Date is 14 Days Ago"),
        (DAYS, {"words_0": ["is Last {first} Days"]}, "Last Transition Date is Last 7 Days"),
        (DAYS, {"words_0": ["is Today"]}, "Last Transition Date is Today"),
        (DAYS, {"words_0": ["between {first} and {last}"]}, "Last Transition Date between  and "),
        ("Nonsense", {}, "Nonsense"),
        ("Nonsense", {"label_0": ["Partner Group"]}, "Partner Group is any of "),
        ("Clicks less than many", {"words_0": ["is 0"]}, "Clicks is 0"),
    ],
)  # fmt: skip
def test_what_was_changed_counts(sentence: str, changes: dict, expected: str):
    """The canonical sentence follows the controls, and the controls the sentence."""
    assert sent(sentence, **changes) == [expected]


@pytest.mark.parametrize(
    ("action", "expected"),
    [("add", "abc "), ("add:Clicks", "abc+"), ("remove:1", "ac"), ("up:2", "acb"), ("up:0", "abc"), ("down:0", "bac"),
     ("down:2", "abc"), ("remove:9", "abc"), ("remove:-1", "abc"), ("remove:", "abc"), ("paint:1", "abc"),
     ("add:Klicks", "abc ")],
)  # fmt: skip
def test_a_button_adds_removes_or_moves_a_row(action: str, expected: str):
    """What no button of the page sends changes nothing."""
    rows = edited_rows([Row("a"), Row("b"), Row("c")], action, VOCABULARY)
    shown = {"": " ", "Clicks greater than ": "+"}
    assert "".join(shown.get(one.sentence, one.sentence) for one in rows) == expected
