"""Parse one sentence of a segment into one condition of the segment tree."""

import calendar
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

from lark import Lark, ParseTree, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError

from compiler.errors import did_you_mean
from compiler.language.numbers import AMBIGUOUS, plain, readings
from compiler.language.suggestions.labels import suggest_label
from compiler.language.suggestions.suggest import suggest
from compiler.language.suggestions.suggestion import Suggestion
from compiler.language.values import check_values, text_of
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
    NoneOf,
    Window,
)
from compiler.typography import QUOTES, foreign_letter, invisible_character, with_plain_blanks
from compiler.vocabulary import OPERATORS, Field, Vocabulary

_MONTHS = {
    name.lower(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
} | {"sept": 9}

EXAMPLES = {
    "stage": "is any of Joined, or is none of Expired",
    "list": 'is any of A, B, "with, a comma", or is none of A, B',
    "text": 'is any of A, B, "with, a comma", is none of A, B, or contains "text"',
    "date": "is Today, is 14 Days Ago, is Last 30 Days, interval between 1 and 30 Days Ago, "
    "or between Oct 1 2024 and Oct 7 2024",
    "count": "greater than 100, less than 100, or is 0",
    "amount": "greater than 999, less than 100.50, or is 0",
}
EXAMPLES["segment"] = "is any of a-segment, another, or is none of a-segment"
EXAMPLES["workflow"] = "is any of a-workflow, another, or is none of a-workflow"
EXAMPLES["window"] = EXAMPLES["date"]


MAX_SUGGESTED = 500
"""The longest text for which a suggestion is looked for; the patterns may take quadratic time."""


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
    written, sentence = sentence, with_plain_blanks(sentence)
    found = vocabulary.match(sentence)
    if found is None:
        raise _unknown_label(written, vocabulary)
    field, end = found
    try:
        tree = _grammar().parse(sentence[end:], start=f"after_{field.kind}")
        _check_values(tree, field, vocabulary)
        make = _CONDITIONS.transform(tree)
    except UnexpectedInput as error:
        raise _unexpected(written, field, end, error, vocabulary) from None
    except (SentenceError, VisitError) as error:
        problem = error.orig_exc if isinstance(error, VisitError) else error
        if not isinstance(problem, SentenceError):
            raise
        raise SentenceError(end + problem.offset, problem.message, problem.hint) from None
    return _canonical(make(field.label), field)


def _check_values(tree: ParseTree, field: Field, vocabulary: Vocabulary) -> None:
    values = tree.scan_values(lambda value: isinstance(value, Token))
    tokens = [token for token in values if isinstance(token, Token) and token.type in ("QUOTED", "BRACKETED", "PLAIN")]
    listed = NoneOf if any(tree.find_data("none_of")) else AnyOf
    if wrong := check_values(field, listed, tokens, vocabulary):
        raise SentenceError(wrong[0], wrong[1].message, wrong[1].hint)


Make = Callable[[str], Condition]


class _Conditions(Transformer[Token, Make]):
    """A transformer from grammar rules to conditions; each rule of a kind gives a function of the label."""

    def any_of(self, items: list[Token]) -> Make:
        values = tuple(dict.fromkeys(text_of(item) for item in items))
        return lambda label: AnyOf(label, values)

    def none_of(self, items: list[Token]) -> Make:
        values = tuple(dict.fromkeys(text_of(item) for item in items))
        return lambda label: NoneOf(label, values)

    def select_all(self, _: list[Token]) -> Make:
        return lambda label: AnyOf(label, (SELECT_ALL,))

    def contains(self, items: list[Token]) -> Make:
        text = text_of(items[0])
        return lambda label: Contains(label, text)

    def compare(self, items: list[Token]) -> Make:
        operator: Literal["greater than", "less than"] = (
            "greater than" if items[0].lower().startswith("greater") else "less than"
        )
        value = _number(items[1])
        return lambda label: Compare(label, operator, value)

    def zero(self, _: list[Token]) -> Make:
        return lambda label: Compare(label, "is", Decimal(0))

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

    def days_ahead(self, items: list[Token]) -> Window:
        return DaysAgo(-_whole(items[0]), -_whole(items[0]))

    def interval_ahead(self, items: list[Token]) -> Window:
        return DaysAgo(-_whole(items[1]), -_whole(items[0]))

    def between(self, items: list[date]) -> Window:
        return DateRange(items[0], items[1])

    def day(self, items: list[Token]) -> date:
        return _date(items[0])

    def window(self, items: list[Window]) -> Make:
        return lambda label: DateWithin(label, items[0])

    def _one(self, items: list[Make]) -> Make:
        return items[0]

    after_segment = after_workflow = after_stage = after_list = after_text = after_date = after_window = after_count = (
        after_amount
    ) = _one


_CONDITIONS = _Conditions(visit_tokens=False)


def _canonical(condition: Condition, field: Field) -> Condition:
    """Return the condition with the values of a closed list in their letter case; unknown values stay as written."""
    if not (isinstance(condition, AnyOf | NoneOf) and field.values):
        return condition
    known = {value.casefold(): value for value in (*field.values, SELECT_ALL)}
    return replace(condition, values=tuple(known.get(value.casefold(), value) for value in condition.values))


def _number(token: Token) -> Decimal:
    """Return the number. Raises SentenceError for one that is 1 to some readers and 1000 to others."""
    if AMBIGUOUS.fullmatch(token):
        less, more = map(plain, readings(token))
        message = f"{token} can be read as {less} or as {more}."
        raise SentenceError(token.start_pos or 0, message, f"Write {less} or {more}.")
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
        month, (day, year) = _month(token), numbers
    try:
        return date(year, month, day)
    except ValueError:
        hint = "Write Oct 1 2024, 10/1/2024 (month first) or 2024-10-01."
        raise SentenceError(token.start_pos or 0, f"{token} is not a valid date.", hint) from None


def _month(token: Token) -> int:
    name = token.rstrip(" ,.0123456789")
    if name.lower() not in _MONTHS:
        hint = (
            did_you_mean(name.title(), calendar.month_name[1:]) + "Write the English name or its first three letters."
        )
        raise SentenceError(token.start_pos or 0, f"{name} is not a valid month.", hint)
    return _MONTHS[name.lower()]


def _unknown_label(sentence: str, vocabulary: Vocabulary) -> SentenceError:
    problem = suggest_label(sentence[:MAX_SUGGESTED], vocabulary)
    return SentenceError(len(sentence) - len(sentence.lstrip()), problem.message, problem.hint)


def _unexpected(sentence: str, field: Field, end: int, error: UnexpectedInput, vocabulary: Vocabulary) -> SentenceError:
    position = error.pos_in_stream
    at_end = getattr(getattr(error, "token", None), "type", "") == "$END"
    offset = len(sentence.rstrip()) if at_end or position is None else end + position
    rest = with_plain_blanks(sentence)[end:]
    known = suggest(field, rest, vocabulary) if len(rest) <= MAX_SUGGESTED else None
    problem = known or _not_valid(field, sentence[offset:].strip())
    return SentenceError(offset, problem.message, problem.hint)


def _not_valid(field: Field, rest: str) -> Suggestion:
    hint = f"Write {field.label} {EXAMPLES[field.kind]}."
    if odd := invisible_character(rest, blanks=True) or foreign_letter(rest.split(" ")[0]):
        return Suggestion(f"After {field.label}, {rest[:40]!r} is not valid; it has the character {odd}.", hint)
    if len(re.findall(rf'["{QUOTES}]', rest)) == 1:
        return Suggestion("A double quote is not closed, or is inside a value without quotes.", hint)
    what = f"{rest[:40]!r} is not valid" if rest else "something is missing"
    return Suggestion(f"After {field.label}, {what}.", hint)


@cache
def _grammar() -> Lark:
    """Return the grammar. To read it takes longer than to import this module, and not every command parses."""
    return Lark(
        (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8"),
        start=[f"after_{kind}" for kind in OPERATORS],
        parser="lalr",
        maybe_placeholders=False,
    )
