"""Parse one sentence of a segment into one condition of the segment tree."""

import calendar
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError

from compiler.segment_tree import (
    SELECT_ALL,
    AnyOf,
    Compare,
    Condition,
    Contains,
    DateRange,
    DateWithin,
    DaysAgo,
    LastDays,
    Window,
)
from compiler.vocabulary import OPERATORS, Field, Vocabulary

_MONTHS = {name[:3].lower(): number for number, name in enumerate(calendar.month_name) if name}

EXAMPLES = {
    "stage": "is any of Joined",
    "list": 'is any of A, B, "with, a comma"',
    "text": 'is any of A, B, "with, a comma", or contains "text"',
    "date": "is Today, is 14 Days Ago, is Last 30 Days, interval between 1 and 30 Days Ago, "
    "or between Oct 1 2024 and Oct 7 2024",
    "count": "greater than 100 or less than 100",
    "amount": "greater than 999 or less than 100.50",
}
EXAMPLES["window"] = EXAMPLES["date"]


class SentenceError(ValueError):
    """A sentence that is not a condition; `offset` is the position of the error in it, from 0."""

    def __init__(self, offset: int, message: str, hint: str):
        super().__init__(message)
        self.offset, self.message, self.hint = offset, message, hint


def parse(sentence: str, vocabulary: Vocabulary) -> Condition:
    """Return the condition that a sentence states.

    >>> from compiler.vocabulary import project_vocabulary
    >>> vocabulary = project_vocabulary()
    >>> parse("relationship stage Is Any Of joined, New", vocabulary)
    AnyOf(label='Relationship Stage', values=('Joined', 'New'))
    >>> parse("Last Transition Date interval between 30 & 60 Days Ago", vocabulary)
    DateWithin(label='Last Transition Date', window=DaysAgo(first=30, last=60))
    >>> parse("Revenue greater than 999", vocabulary)
    Compare(label='Revenue', operator='greater than', value=Decimal('999'))

    Raises SentenceError with the position of the error and what to write instead.
    """
    found = vocabulary.match(sentence)
    if found is None:
        raise _unknown_label(sentence, vocabulary)
    field, end = found
    try:
        tree = _GRAMMAR.parse(sentence[end:], start=f"after_{field.kind}")
        make = _CONDITIONS.transform(tree)
    except UnexpectedInput as error:
        raise _unexpected(sentence, field.label, field.kind, end, error) from None
    except VisitError as error:
        if not isinstance(error.orig_exc, SentenceError):
            raise
        problem = error.orig_exc
        raise SentenceError(end + problem.offset, problem.message, problem.hint) from None
    return _canonical(make(field.label), field)


Make = Callable[[str], Condition]


class _Conditions(Transformer[Token, Make]):
    """A transformer from grammar rules to conditions; each rule of a kind gives a function of the label."""

    def any_of(self, items: list[Token]) -> Make:
        values = tuple(dict.fromkeys(_text(item) for item in items))
        return lambda label: AnyOf(label, values)

    def contains(self, items: list[Token]) -> Make:
        return lambda label: Contains(label, _text(items[0]))

    def compare(self, items: list[Token]) -> Make:
        operator: Literal["greater than", "less than"] = (
            "greater than" if items[0].lower().startswith("greater") else "less than"
        )
        return lambda label: Compare(label, operator, _number(items[1]))

    def today(self, _: list[Token]) -> Window:
        return DaysAgo(0, 0)

    def yesterday(self, _: list[Token]) -> Window:
        return DaysAgo(1, 1)

    def days_ago(self, items: list[Token]) -> Window:
        return DaysAgo(_whole(items[0]), _whole(items[0]))

    def last_days(self, items: list[Token]) -> Window:
        return LastDays(_whole(items[0]))

    def interval(self, items: list[Token]) -> Window:
        return DaysAgo(_whole(items[0]), _whole(items[1]))

    def between(self, items: list[date]) -> Window:
        return DateRange(items[0], items[1])

    def day(self, items: list[Token]) -> date:
        return _date(items[0])

    def window(self, items: list[Window]) -> Make:
        return lambda label: DateWithin(label, items[0])

    def _one(self, items: list[Make]) -> Make:
        return items[0]

    after_stage = after_list = after_text = after_date = after_window = after_count = after_amount = _one


_CONDITIONS = _Conditions(visit_tokens=False)


def _canonical(condition: Condition, field: Field) -> Condition:
    """Return the condition with the values of a closed list in their letter case; unknown values stay as written."""
    if not (isinstance(condition, AnyOf) and field.values):
        return condition
    known = {value.casefold(): value for value in (*field.values, SELECT_ALL)}
    return AnyOf(condition.label, tuple(known.get(value.casefold(), value) for value in condition.values))


def _text(token: Token) -> str:
    if token.type == "QUOTED":
        return token[1:-1].replace('""', '"')
    return token.strip()


def _number(token: Token) -> Decimal:
    return Decimal(token.replace(",", ""))


def _whole(token: Token) -> int:
    number = _number(token)
    if number < 0 or number != int(number):
        raise SentenceError(
            token.start_pos or 0,
            f"{token} is not a valid number of days.",
            "A number of days is a whole number, 0 or more.",
        )
    return int(number)


def _date(token: Token) -> date:
    numbers = [int(number) for number in re.findall(r"\d+", token)]
    if token.type == "ISO_DATE":
        year, month, day = numbers
    elif token.type == "US_DATE":
        month, day, year = numbers
    else:
        month, (day, year) = _MONTHS.get(token[:3].lower(), 0), numbers
    try:
        return date(year, month, day)
    except ValueError:
        hint = "Write Oct 1 2024, 10/1/2024 (month first) or 2024-10-01."
        raise SentenceError(token.start_pos or 0, f"{token} is not a valid date.", hint) from None


def _unknown_label(sentence: str, vocabulary: Vocabulary) -> SentenceError:
    labels = ", ".join(field.label for field in vocabulary.fields)
    nearest = vocabulary.nearest(sentence)
    start = len(sentence) - len(sentence.lstrip())
    hint = f"Did you mean {nearest}? " if nearest else ""
    return SentenceError(start, "This does not begin with a known condition.", f"{hint}The conditions are {labels}.")


def _unexpected(sentence: str, label: str, kind: str, end: int, error: UnexpectedInput) -> SentenceError:
    position = error.pos_in_stream
    at_end = isinstance(error, UnexpectedInput) and getattr(getattr(error, "token", None), "type", "") == "$END"
    offset = len(sentence.rstrip()) if at_end or position is None else end + position
    rest = sentence[offset:].strip()
    what = f"{rest[:40]!r} is not valid" if rest else "something is missing"
    return SentenceError(offset, f"After {label}, {what}.", f"Write {label} {EXAMPLES[kind]}.")


_GRAMMAR = Lark(
    (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8"),
    start=[f"after_{kind}" for kind in OPERATORS],
    parser="lalr",
    maybe_placeholders=False,
)
