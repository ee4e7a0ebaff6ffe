"""Suggest comparisons for what people write after Clicks, Actions and Revenue."""

import re
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import product

from compiler.language.numbers import plain, readings
from compiler.language.suggestions.suggestion import Suggestion, lacks, write
from compiler.vocabulary import Field

_OPERATORS = {
    ">=": "greater than or equal to|(?:from )?at least|(?:no|not) (?:less|fewer) than|minimum(?: of)?|from|>=|=>|≥",
    "<=": "less than or equal to|at most|(?:no|not) (?:more|greater) than|maximum(?: of)?|up to|<=|=<|≤",
    "!=": "not equal to|not equals?|does not equal|not|!=|<>|≠",
    ">": "greater than|greater|more than|more|over|above|higher than|larger than|bigger than|exceeds?|>",
    "<": "less than|less|fewer than|fewer|under|below|lower than|smaller than|<",
    "=": "equal to|equals?|exactly|==?",
}
"""What people write, by what they mean; the first that matches counts."""

_MEANING = {">=": "or more|and more|and up|and above|or above|plus|\\+", "<=": "or less|or fewer|and below|or below"}
_NUMBER = r"\d(?:[\d.,_'’ ]*\d)?"
_SCALES = {"": 1, "k": 1_000, "m": 1_000_000, "thousand": 1_000, "million": 1_000_000}
_SIGNS = r"[$€£¥₹]|(?:usd|eur|gbp|dollars?|euros?|pounds?|clicks?|actions?|sales?|conversions?)\b"

_COMPARISON = re.compile(
    rf"(?P<verb>(?:is|are|was|were|has|have|of)\b)? ?(?P<operator>{'|'.join(_OPERATORS.values())})? ?"
    rf"(?P<sign>{_SIGNS})? ?(?P<number>{_NUMBER}) ?(?P<scale>(?:k|m|thousand|million)\b)? ?(?P<unit>{_SIGNS})? ?"
    rf"(?P<meaning>{'|'.join(_MEANING.values())})? ?(?P<rest>.*)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    rf"(?:is )?(?:between|from) (?:{_SIGNS})? ?(?P<first>{_NUMBER}) ?(?:and|to|&|[-–])"
    rf" ?(?:{_SIGNS})? ?(?P<last>{_NUMBER})",
    re.IGNORECASE,
)
_PERIOD = re.compile(r"(?:in|within|over|during|for) (?:the )?(?:last|past) (\d{1,5}) days?", re.IGNORECASE)


def suggest_number(field: Field, text: str) -> Suggestion | None:
    """Return what to write instead of a text after the name of a measure; None if it is not recognized."""
    if found := _BETWEEN.fullmatch(text):
        for first, last in product(readings(found["first"])[-1:], readings(found["last"])[-1:]):
            return Suggestion(
                "There is no 'between' for a number.",
                write(*_sentences(field, ">=", first), *_sentences(field, "<=", last)),
            )
    found = _COMPARISON.fullmatch(text)
    if found is None or not (numbers := readings(found["number"])):
        return None
    if len(numbers) > 1:
        less, more = map(plain, numbers)
        return Suggestion(f"{found['number']} can be read as {less} or as {more}.", f"Write {less} or {more}.")
    written = found["operator"] or found["meaning"] or "="
    meaning = _meaning(found["meaning"], _MEANING) or _meaning(written, _OPERATORS)
    number = numbers[-1] * _SCALES[(found["scale"] or "").lower()]
    sentences = _sentences(field, meaning, number)
    if found["rest"]:
        return _with_rest(field, sentences, found["rest"])
    if not sentences:
        return lacks(written, f"Every partner has {field.label} of 0 or more; leave the condition out.")
    return _what_is_wrong(field, found, written, write(*sentences))


def _what_is_wrong(field: Field, found: re.Match[str], written: str, hint: str) -> Suggestion:
    if found["verb"] and not found["operator"]:
        return Suggestion(f"After {field.label}, {found['verb']!r} takes no number but 0.", hint)
    if written.lower() not in ("greater than", "less than"):
        return lacks(written, hint)
    if found["verb"]:
        return Suggestion(f"There is no '{found['verb']}' before '{written}'.", hint)
    sign = found["sign"] or found["unit"]
    if sign or found["scale"]:
        about = " is in the program's currency, without a sign" if sign and field.kind == "amount" else " takes digits"
        return Suggestion(f"There is no '{sign or found['scale']}' in a number; {field.label}{about}.", hint)
    return Suggestion(f"{found['number']!r} is not a valid number.", hint)


def _with_rest(field: Field, sentences: tuple[str, ...], rest: str) -> Suggestion | None:
    if period := _PERIOD.fullmatch(rest):
        hint = write(*sentences, f"Performance Date Range is Last {period[1]} Days")
        return Suggestion(f"{field.label} has no dates.", hint)
    joined = re.fullmatch(r"(?:and|but|&|,) ?(.*)", rest, re.IGNORECASE)
    second = _COMPARISON.fullmatch(joined[1]) if joined else None
    if second is None or second["rest"] or not (numbers := readings(second["number"])):
        return None
    meaning = _meaning(second["operator"] or "=", _OPERATORS)
    return Suggestion("A sentence has one condition.", write(*sentences, *_sentences(field, meaning, numbers[-1])))


def _meaning(written: str | None, meanings: dict[str, str]) -> str:
    """Return the key of the pattern that matches the whole of what is written."""
    found = (key for key, pattern in meanings.items() if re.fullmatch(pattern, written or "", re.IGNORECASE))
    return next(found, "")


def _sentences(field: Field, meaning: str, number: Decimal) -> tuple[str, ...]:
    """Return the conditions that come nearest to a comparison: whole numbers, or steps of a hundredth."""
    return tuple(f"{field.label} {operator} {plain(limit)}" for operator, limit in _limits(field, meaning, number))


def _limits(field: Field, meaning: str, number: Decimal) -> Iterator[tuple[str, Decimal]]:
    step = Decimal(1) if field.kind == "count" else Decimal("0.01")
    down, up = number.quantize(step, ROUND_FLOOR), number.quantize(step, ROUND_CEILING)
    if (number == 0 and meaning in ("=", "<=")) or (up <= step and meaning == "<"):
        yield "is", Decimal(0)
        return
    if meaning in (">", "!="):
        yield "greater than", down
    if meaning in (">=", "=") and number > 0:
        yield "greater than", up - step
    if meaning == "<":
        yield "less than", max(up, 1 + step)
    if meaning in ("<=", "="):
        yield "less than", max(down + step, 1 + step)
