"""Recognize what people write and the language does not have, and suggest the nearest sentence that works."""

import re

from compiler.language.suggestions.dates import suggest_date
from compiler.language.suggestions.measures import suggest_number
from compiler.language.suggestions.suggestion import Suggestion, lacks, write
from compiler.language.suggestions.values import suggest_values
from compiler.vocabulary import Field, Vocabulary

BY_KIND = {
    "stage": suggest_values,
    "list": suggest_values,
    "text": suggest_values,
    "segment": suggest_values,
    "workflow": suggest_values,
    "date": suggest_date,
    "window": suggest_date,
    "count": suggest_number,
    "amount": suggest_number,
}

_TOP = re.compile(r"\b(?:top|bottom|first|best|worst|highest|lowest|most|least)\b(?:\s+\d+)?", re.IGNORECASE)
NOT = re.compile(r"\b(?:not|isn['’]t|doesn['’]t|never|no|without|except|exclude|excluding)\b|!", re.IGNORECASE)
"""What negates a condition."""

OR = (
    "All conditions of a segment must hold. Put each alternative into a file of segments/, and write Segment is any of "
    "their names."
)

_OPERATOR = r"is|are|contains|greater|less|more|fewer|between|interval|at|[<>=≥≤]+"


def suggest(field: Field, rest: str, vocabulary: Vocabulary) -> Suggestion | None:
    """Return what to write instead of `rest`, the text after the name of a field, if it is recognized."""
    has_values = re.match(r"\s*(?:is\s+(?:any|none)\s+of|contains)\b", rest, re.IGNORECASE)
    return (
        suggest_joined(field.label, rest, vocabulary)
        or BY_KIND[field.kind](field, " ".join(rest.split()))
        or (None if has_values else suggest_word(rest))
    )


def suggest_joined(label: str, text: str, vocabulary: Vocabulary) -> Suggestion | None:
    """Return what to write instead of two conditions in one sentence, joined by `and` or `or`."""
    labels = "|".join(field.pattern.pattern for field in vocabulary.fields)
    joined = re.search(rf"\b(and|or|but)\b(?:{labels})\s*(?:{_OPERATOR})", text, re.IGNORECASE)
    if joined is None:
        return None
    if joined[1].lower() == "or":
        return lacks(joined[1], OR)
    first, second = text[: joined.start()].strip(" ,"), text[joined.end(1) :].strip()
    return Suggestion("A sentence has one condition.", write(f"{label} {first}", second))


def suggest_word(text: str) -> Suggestion | None:
    """Return what to write instead of top N, `not`, `or` and percentages in a text without values."""
    if found := _TOP.search(text):
        return lacks(found[0], "A condition looks at one partner; write a limit, such as Revenue greater than 999.")
    if found := NOT.search(text):
        return lacks(found[0], "Write is none of, such as Relationship Stage is none of Joined, Expired.")
    if found := re.search(r"\bor\b|\|\|?", text, re.IGNORECASE):
        return lacks(found[0], OR)
    if "%" in text:
        return lacks("%", "Compare with a number, such as Revenue greater than 999.")
    return None
