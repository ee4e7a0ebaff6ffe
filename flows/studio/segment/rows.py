"""The rows of the editor: one condition each, as a sentence and as what the controls show.

A sentence is read by the compiler's parser, and written as its canonical form; the editor has no grammar of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from compiler import SentenceError, Vocabulary, parse
from compiler.segment_tree import SELECT_ALL, AnyOf, Contains, NoneOf
from compiler.vocabulary import Field
from flows.studio.segment.forms import Filled, filled, forms_of


@dataclass(frozen=True)
class Row:
    """One condition in the editor.

    `field` is None while the name of the condition is missing or not known, and `filled` while the rest of the sentence
    is not valid.
    """

    sentence: str
    field: Field | None = None
    filled: Filled | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether nothing has been written or chosen."""
        return not self.sentence.strip()


def read_row(sentence: str, vocabulary: Vocabulary) -> Row:
    """Return the row of a sentence: canonical if it is valid, else as written.

    >>> from compiler import project_vocabulary
    >>> row = read_row("clicks less than 1,000", project_vocabulary())
    >>> row.sentence, row.filled.first
    ('Clicks less than 1000', '1000')
    """
    text = " ".join(sentence.splitlines())
    try:
        condition = parse(text, vocabulary)
    except SentenceError:
        found = vocabulary.match(text)
        return Row(text, found[0] if found else None)
    return Row(str(condition), vocabulary[condition.label], filled(condition))


def write_row(label: str, entered: Filled, vocabulary: Vocabulary) -> Row:
    """Return the row of what the controls show, whose sentence may be incomplete.

    Raises KeyError for a label that is not in the vocabulary.
    """
    field = vocabulary[label]
    row = read_row(_sentence(field, entered), vocabulary)
    return row if row.filled else Row(row.sentence, field, entered)


def begin_row(label: str, vocabulary: Vocabulary) -> Row:
    """Return the row of a condition that has just been chosen, in its first form."""
    return write_row(label, Filled(forms_of(vocabulary[label])[0].words), vocabulary)


def _sentence(field: Field, entered: Filled) -> str:
    words = entered.words if entered.words in {one.words for one in forms_of(field)} else forms_of(field)[0].words
    written = _WRITTEN.get(words)
    if written:
        return written(field.label, entered)
    return f"{field.label} {words.replace('{first}', entered.first).replace('{last}', entered.last)}"


def _listed(kind: type[AnyOf] | type[NoneOf]) -> Callable[[str, Filled], str]:
    def write(label: str, entered: Filled) -> str:
        values = tuple(dict.fromkeys(entered.values))
        if SELECT_ALL in values and kind is AnyOf:
            values = (SELECT_ALL, *[one for one in values if one != SELECT_ALL and one == "None"])
        return str(kind(label, values))

    return write


_WRITTEN: dict[str, Callable[[str, Filled], str]] = {
    "is any of": _listed(AnyOf),
    "is none of": _listed(NoneOf),
    "contains": lambda label, entered: str(Contains(label, entered.first)),
}
"""What is written in quotes where it needs them, by the words of the form."""
