"""What the templates of the editor show of a row: its controls, and the values that it offers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from compiler import PartnerflowError, Vocabulary
from compiler.segment_tree import SELECT_ALL
from compiler.vocabulary import Field
from flows.preview.values import FieldValues
from flows.studio.segment.forms import Form, forms_of
from flows.studio.segment.rows import Row

FEW = 12
"""Values of an account up to which all are shown; of more, those that were chosen or searched for."""

FOUND = 12
"""Most values that a search shows."""

CATEGORIES = ("Performance", "Partners")
"""The categories of conditions (Partner Segments for Email Workflows Explained)."""

Values = Callable[[str], FieldValues]
"""Returns all values of a condition by its label; raises PartnerflowError where they are not known."""


@dataclass(frozen=True)
class Choice:
    """A value that can be chosen: its name and its number of partners in the program, if they are known."""

    value: str
    name: str = ""
    partners: int | None = None
    is_chosen: bool = False


@dataclass(frozen=True)
class RowView:
    """A row with its number, its forms by operator, and the values that it offers.

    `search` is what was searched for, and `more` the number of values that are not shown. `note` says why no values are
    offered.
    """

    number: int
    row: Row
    operators: Sequence[tuple[str, Sequence[Form]]]
    form: Form | None
    choices: Sequence[Choice] = ()
    search: str | None = None
    more: int = 0
    note: str = ""


def row_views(rows: Sequence[Row], program: str, values: Values, searches: Sequence[str] = ()) -> list[RowView]:
    """Return the views of rows; `searches` are the texts that were searched for, by row."""
    return [
        row_view(number, row, program, values, searches[number] if number < len(searches) else "")
        for number, row in enumerate(rows)
    ]


def row_view(number: int, row: Row, program: str, values: Values, search: str = "") -> RowView:
    """Return the view of a row."""
    if row.field is None:
        return RowView(number, row, (), None)
    forms = forms_of(row.field)
    operators = [(name, list(some)) for name, some in groupby(forms, lambda one: one.group)]
    form = next((one for one in forms if row.filled and one.words == row.filled.words), None)
    if form is None or form.entry != "values":
        return RowView(number, row, operators, form)
    try:
        known = values(row.field.label)
    except PartnerflowError as error:
        choices = [Choice(one, is_chosen=True) for one in _chosen(row)]
        return RowView(number, row, operators, form, choices, "", 0, str(error))
    if row.field.values or len(known.values) <= FEW:
        return RowView(number, row, operators, form, _offered(row, row.field, known, program))
    kept, more = found_values(row, known, program, search)
    return RowView(number, row, operators, form, kept, search, more)


def found_values(row: Row, known: FieldValues, program: str, search: str) -> tuple[list[Choice], int]:
    """Return the values that were chosen, then the first that a search finds; and how many more it finds.

    Those come first that a partner of the program has.
    """
    found = known.containing(search).values
    chosen = _chosen(row)
    names = {one.value: one for one in known.values} if chosen else {}
    kept = [Choice(one, names[one].name if one in names else "", None, True) for one in chosen]
    others = [one for one in found if one.value not in chosen]
    mine = sorted(others, key=lambda one: not (one.partners is None or one.partners.get(program)))[:FOUND]
    kept += [Choice(one.value, one.name, _number(one.partners, program)) for one in mine]
    return kept, len(others) - len(mine)


def _offered(row: Row, field: Field, known: FieldValues, program: str) -> list[Choice]:
    """Return all values of a short list, with Select All first where the language has it."""
    chosen = _chosen(row)
    found = [Choice(SELECT_ALL, is_chosen=SELECT_ALL in chosen)] if field.kind == "stage" else []
    offered = {one.value for one in known.values} | {SELECT_ALL}
    found += [Choice(one, is_chosen=True) for one in chosen if one not in offered]
    return found + [
        Choice(one.value, one.name, _number(one.partners, program), one.value in chosen) for one in known.values
    ]


def _chosen(row: Row) -> tuple[str, ...]:
    return row.filled.values if row.filled else ()


def _number(partners: dict[str, int] | None, program: str) -> int | None:
    return None if partners is None else partners.get(program, 0)


def labels(vocabulary: Vocabulary) -> list[tuple[str, list[str]]]:
    """Return the labels of all conditions by category, in the order of the vocabulary."""
    return [(category, list(_labels(vocabulary.fields, category == CATEGORIES[0]))) for category in CATEGORIES]


def _labels(fields: Iterable[Field], of_performance: bool) -> Iterable[str]:
    return (one.label for one in fields if (one.grain == "day") == of_performance)
