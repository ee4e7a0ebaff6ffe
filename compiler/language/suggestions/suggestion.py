"""What a sentence that is not valid should say instead."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Suggestion:
    """What the language does not have, in one line, and the nearest sentence that works."""

    message: str
    hint: str


def lacks(term: str, hint: str) -> Suggestion:
    """Return the suggestion for a term that the language does not have."""
    return Suggestion(f"There is no '{' '.join(term.split())}' in a condition.", hint)


def write(*sentences: str) -> str:
    """Return the hint to write these sentences, each a condition of its own.

    >>> write("Clicks greater than 4", "Clicks less than 6")
    'Write Clicks greater than 4 and Clicks less than 6, each on a line of its own.'
    """
    alone = "" if len(sentences) == 1 else ", each on a line of its own"
    return f"Write {' and '.join(sentences)}{alone}."
