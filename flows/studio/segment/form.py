"""The rows of a segment as the form of the editor sends them.

Each row has a number, in `row`, and fields that end with it: the sentence, and what the controls show. Fields that end
in `was` have what the page showed; where the sentence differs from it, the sentence counts, else the controls do.
"""

from collections.abc import Sequence
from typing import Protocol

from compiler import Vocabulary
from flows.studio.segment.forms import Filled, forms_of
from flows.studio.segment.rows import Row, begin_row, read_row, write_row


class Fields(Protocol):
    """The fields of a form that has been sent."""

    def __getitem__(self, name: str) -> str:
        """Return the last value of a field; empty without one."""

    def all(self, name: str) -> list[str]:
        """Return all values of a field."""


def read_rows(form: Fields, vocabulary: Vocabulary) -> list[Row]:
    """Return the rows of a form, in their order."""
    return [_row(form, number, vocabulary) for number in form.all("row")]


def edited_rows(rows: Sequence[Row], action: str, vocabulary: Vocabulary) -> list[Row]:
    """Return the rows after an action of a button: `add`, `add:LABEL`, `remove:N`, `up:N` or `down:N` (N from 0)."""
    found, (name, _, argument) = list(rows), action.partition(":")
    if name == "add":
        known = argument in {one.label for one in vocabulary.fields}
        return [*found, begin_row(argument, vocabulary) if known else Row("")]
    if not (argument.isascii() and argument.isdigit() and int(argument) < len(found)):
        return found
    at = int(argument)
    if name == "remove":
        del found[at]
    elif name in ("up", "down"):
        to = max(0, at - 1) if name == "up" else min(len(found) - 1, at + 1)
        found.insert(to, found.pop(at))
    return found


def _row(form: Fields, number: str, vocabulary: Vocabulary) -> Row:
    sentence, label = form[f"sentence-{number}"], form[f"label-{number}"]
    if sentence != form[f"sentence-was-{number}"] or label not in {one.label for one in vocabulary.fields}:
        return read_row(sentence, vocabulary)
    if label != form[f"label-was-{number}"]:
        return begin_row(label, vocabulary)
    entries = {one.words: one.entry for one in forms_of(vocabulary[label])}
    words, before = form[f"words-{number}"], form[f"words-was-{number}"]
    if not before:  # the sentence was not valid, and the row had no other controls
        return read_row(sentence, vocabulary) if not words else write_row(label, Filled(words), vocabulary)
    is_same = entries.get(words) == entries.get(before)
    first, last = (form[f"first-{number}"], form[f"last-{number}"]) if is_same else ("", "")
    values = tuple(dict.fromkeys(form.all(f"value-{number}")))
    return write_row(label, Filled(words, values, first, last), vocabulary)
