"""The forms that a condition can have in the editor: words of the language with places for what the user enters."""

from dataclasses import dataclass
from typing import Literal

from compiler.segment_tree import (
    AnyOf,
    Compare,
    Condition,
    Contains,
    DateRange,
    DateWithin,
    DaysAgo,
    LastDays,
    NoneOf,
)
from compiler.vocabulary import Field

Entry = Literal["nothing", "values", "text", "number", "days", "dates"]
"""What the user enters beside the words of a form."""


@dataclass(frozen=True)
class Form:
    """One way to go on after the name of a condition.

    `words` are those of the language, with the places {first} and {last}. `group` is the operator of the help page that
    it belongs to. `is_ahead` forms are only for dates that can be in the future.
    """

    words: str
    group: str
    entry: Entry
    is_ahead: bool = False

    @property
    def has_last(self) -> bool:
        """Return whether the form has two places."""
        return "{last}" in self.words

    @property
    def shown(self) -> str:
        """Return the words as a choice of a list: an ellipsis at each place.

        >>> Form("interval between {first} and {last} Days Ago", "interval between", "days").shown
        'interval between … and … Days Ago'
        """
        return self.words.format(first="…", last="…")


FORMS: dict[str, tuple[Form, ...]] = {
    "is any of": (Form("is any of", "is any of", "values"),),
    "is none of": (Form("is none of", "is none of", "values"),),
    "contains": (Form("contains", "contains", "text"),),
    "greater than": (Form("greater than {first}", "greater than", "number"),),
    "less than": (Form("less than {first}", "less than", "number"),),
    "is 0": (Form("is 0", "is 0", "nothing"),),
    "is": (
        Form("is Today", "is", "nothing"),
        Form("is Yesterday", "is", "nothing"),
        Form("is {first} Days Ago", "is", "days"),
        Form("is Last {first} Days", "is", "days"),
        Form("is in {first} Days", "is", "days", is_ahead=True),
    ),
    "between": (Form("between {first} and {last}", "between", "dates"),),
    "interval between": (
        Form("interval between {first} and {last} Days Ago", "interval between", "days"),
        Form("interval between {first} and {last} Days From Now", "interval between", "days", is_ahead=True),
    ),
}
"""The forms of each operator of compiler.vocabulary.OPERATORS."""


def forms_of(field: Field) -> list[Form]:
    """Return the forms that a field can have, in the order of its operators."""
    found = [form for operator in field.operators for form in FORMS[operator]]
    return [one for one in found if field.has_future or not one.is_ahead]


@dataclass(frozen=True)
class Filled:
    """A form with what the user has entered: values, or one or two texts. Dates are in ISO 8601."""

    words: str
    values: tuple[str, ...] = ()
    first: str = ""
    last: str = ""


def filled(condition: Condition) -> Filled:
    """Return the form of a condition with its values.

    >>> filled(DateWithin("Last Transition Date", LastDays(30)))
    Filled(words='is Last {first} Days', values=(), first='30', last='')
    """
    match condition:
        case AnyOf(values=values):
            return Filled("is any of", values)
        case NoneOf(values=values):
            return Filled("is none of", values)
        case Contains(text=text):
            return Filled("contains", first=text)
        case Compare(operator="is"):
            return Filled("is 0")
        case Compare(operator=operator, value=value):
            return Filled(f"{operator} {{first}}", first=f"{value:f}")
        case DateWithin(window=DateRange(first=first, last=last)):
            return Filled("between {first} and {last}", first=first.isoformat(), last=last.isoformat())
        case DateWithin(window=LastDays(days=days)):
            return Filled("is Last {first} Days", first=str(days))
        case DateWithin(window=DaysAgo() as days):
            return _days(days)
    raise TypeError(f"{condition!r} has no form.")


def _days(days: DaysAgo) -> Filled:
    if days.is_ahead and days.first == days.last:
        return Filled("is in {first} Days", first=str(-days.first))
    if days.is_ahead:
        words = "interval between {first} and {last} Days From Now"
        return Filled(words, first=str(-days.last), last=str(-days.first))
    if days.first != days.last:
        words = "interval between {first} and {last} Days Ago"
        return Filled(words, first=str(days.first), last=str(days.last))
    named = {0: "is Today", 1: "is Yesterday"}.get(days.first)
    return Filled(named) if named else Filled("is {first} Days Ago", first=str(days.first))
