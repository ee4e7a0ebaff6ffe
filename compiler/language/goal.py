"""The `goal:` key of a definition: `Actions greater than 0 within 14 days`."""

import re

from compiler.language.parse import SentenceError, parse
from compiler.segment_tree import Compare, Goal
from compiler.vocabulary import Vocabulary

_WITHIN = re.compile(r"(?P<condition>.*?)\s+within\s+(?P<days>[0-9]{1,9})\s+days?\s*", re.IGNORECASE | re.DOTALL)

MAX_DAYS = 365

REMEDY = f"Write for example Actions greater than 0 within 14 days (1 to {MAX_DAYS})."


def read_goal(text: str, vocabulary: Vocabulary) -> Goal:
    """Return the goal that a sentence states.

    >>> from compiler.vocabulary import project_vocabulary
    >>> print(read_goal("revenue greater than 99.50  Within 1 day", project_vocabulary()))
    Revenue greater than 99.50 within 1 day

    Raises SentenceError with the position of the error and what to write instead.
    """
    found = _WITHIN.fullmatch(text)
    if not found:
        raise SentenceError(0, "A goal says within how many days it is to be reached.", REMEDY)
    condition, days = parse(found["condition"], vocabulary), int(found["days"])
    if not 1 <= days <= MAX_DAYS:
        raise SentenceError(found.start("days"), f"{days} is not a valid number of days.", REMEDY)
    if not isinstance(condition, Compare):
        measures = ", ".join(one.label for one in vocabulary.fields if one.kind in ("count", "amount"))
        raise SentenceError(0, f"{condition.label} is not a measure.", f"The measures are {measures}. {REMEDY}")
    if condition.operator != "greater than":
        message = "A goal is reached by what a partner does after the email, so it is `greater than` a number."
        raise SentenceError(0, message, REMEDY)
    return Goal(condition, days)
