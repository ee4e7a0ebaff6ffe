"""Suggest lists of values for what people write after stages, groups, names, ids and terms."""

import re

from compiler.language.suggestions.suggestion import Suggestion, lacks, write
from compiler.segment_tree import SELECT_ALL, AnyOf, Contains, NoneOf
from compiler.typography import unquoted, with_straight_quotes
from compiler.vocabulary import Field

_NEGATED = re.compile(
    r"(?:(?:is|are|was|does|do|has) )?"
    r"(?:not|isn['’]t|aren['’]t|doesn['’]t|never|excludes?|excluding|except|without|!=|<>|≠)"
    r"(?: (?:any of|one of|in|contains?|equal to|equals?|be))? ?(?P<values>.*)",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"(?:is|are|was|equals?|=+|in|includes?|matches)?(?: (?:any of|one of|either|any|all of|exactly|equal to)\b| in\b)?"
    r"[ :=]*(?P<values>.*)",
    re.IGNORECASE,
)
_SEARCHED = re.compile(
    r"(?:(?:is|are) )?(?P<operator>contains?|containing|starts? with|begins? with|ends? with|like|similar to|includes)"
    r"(?: any of)? ?(?P<values>.*)",
    re.IGNORECASE,
)
_VALUE = re.compile(r""" *(?:\bor\b)? *("(?:[^"]|"")*"|(?:(?!\bor\b)[^,;|"])+?) *(?:[,;|]|\bor\b|$)""", re.IGNORECASE)


def suggest_values(field: Field, text: str) -> Suggestion | None:
    """Return what to write instead of a text after the name of a field with values; None if it is not recognized."""
    if found := _NEGATED.fullmatch(text):
        return _without_not(field, text.removesuffix(found["values"]).strip(), split_values(found["values"]))
    if found := _SEARCHED.fullmatch(text):
        return _search(field, found["operator"], split_values(found["values"]))
    found = _LISTED.fullmatch(text)
    if found is None:
        return None
    values = split_values(found["values"]) or split_values(with_straight_quotes(found["values"]))
    operator = text.removesuffix(found["values"]).strip(" :(")
    if not values or not operator:
        return None
    hint = _listed(field, values)
    if operator.lower() == "is any of":
        return Suggestion("A double quote is not closed, or is inside a value without quotes.", hint)
    if operator.lower() == "is":
        return Suggestion(f"{field.label} needs 'is any of' before its values.", hint)
    return lacks(operator, hint)


def split_values(text: str) -> tuple[str, ...]:
    """Return the values that commas, semicolons, bars or `or` separate; none if the text has another form.

    >>> split_values('(Gold; "Smith, Sons" or Silver)'), split_values('12" Vinyl')
    (('Gold', 'Smith, Sons', 'Silver'), ())
    """
    text = text.strip(" ()[]{}")
    found = [one.strip() for one in _VALUE.findall(text)]
    if not found or "".join(_VALUE.sub("", text).split()):
        return ()
    values = (unquoted(one) if one[:1] == '"' else one.strip("'‘’ *%") for one in found)
    return tuple(value for value in values if value.strip())


def _listed(field: Field, values: tuple[str, ...]) -> str:
    """Return the hint to write the values, or the valid values where one of a closed list is not known."""
    named = _known(field, values)
    if not field.values and values == (SELECT_ALL,):
        return f"Leave {field.label} out to select all."
    if field.values and not set(named) <= {*field.values, SELECT_ALL}:
        return f"The values are {', '.join((*field.values, SELECT_ALL))}."
    return write(str(AnyOf(field.label, named)))


def _known(field: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    known = {value.casefold(): value for value in (*field.values, SELECT_ALL)} if field.values else {}
    known["all"] = SELECT_ALL if field.values else "all"
    return tuple(known.get(value.casefold(), value) for value in values)


def _without_not(field: Field, operator: str, values: tuple[str, ...]) -> Suggestion:
    if values and "contains" in field.operators and re.search("contain", operator, re.IGNORECASE):
        searched = Contains(field.label, values[0])
        return lacks(operator, f"Put {searched} into a file segments/others.yml, and write Segment is none of others.")
    named = _known(field, values)
    if field.values and not (named and set(named) <= {*field.values, SELECT_ALL}):
        return lacks(operator, f"Write {field.label} is none of some of {', '.join((*field.values, SELECT_ALL))}.")
    return lacks(operator, write(str(NoneOf(field.label, named or ("A", "B")))))


def _search(field: Field, operator: str, values: tuple[str, ...]) -> Suggestion | None:
    if not values:
        return None
    if "contains" not in field.operators:
        message = f"{field.label} has no '{operator}'; its values match exactly."
        return Suggestion(message, write(str(AnyOf(field.label, values))))
    hint = write(str(Contains(field.label, values[0])))
    if operator.lower() == "contains":
        return Suggestion("'contains' takes one text.", hint.removesuffix(".") + ", and one workflow for each text.")
    return lacks(operator, hint)
