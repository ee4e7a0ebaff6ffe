"""Suggest a condition for a sentence that begins with none."""

import re
from difflib import SequenceMatcher

from compiler.language.suggestions.suggest import NOT, suggest, suggest_word
from compiler.language.suggestions.suggestion import Suggestion, write
from compiler.typography import foreign_letter, invisible_character, with_plain_blanks
from compiler.vocabulary import Field, Vocabulary

_HEAD = re.compile(
    r"[\s:,-]*(.*?)\s*(?:$|[<>=≥≤!:]|\d"
    r"|\b(?:is|are|was|isn't|not|contains?|greater|less|more|fewer|between|interval|in|at)\b)",
    re.IGNORECASE | re.DOTALL,
)


def suggest_label(sentence: str, vocabulary: Vocabulary) -> Suggestion:
    """Return what is wrong with a sentence that does not begin with the name of a condition, and what to write."""
    head = _HEAD.match(sentence)
    name = head[1][:60] if head else ""
    nearest = _nearest(name, vocabulary)
    known = f"The conditions are {', '.join(field.label for field in vocabulary.fields)}."
    hint = nearest + known if nearest or not name else f"{known} docs/add-a-condition.md says how to add one."
    if odd := invisible_character(name, blanks=True) or foreign_letter(name):
        return Suggestion(f"{name!r} is not a known condition; it has the character {odd}.", hint)
    if inner := _condition_inside(with_plain_blanks(sentence), vocabulary):
        return inner
    if word := suggest_word(name or sentence):
        return word
    about = f": there is no {name}" if name else ""
    return Suggestion(f"This does not begin with a known condition{about}.", hint)


def _nearest(name: str, vocabulary: Vocabulary) -> str:
    """Return a question with the labels that have all words of a name, or with one of nearly the same letters."""
    words = name.lower().split()
    labels = [field.label for field in vocabulary.fields]
    near = [label for label in labels if words and set(words) <= set(label.lower().split())]
    near = near or [label for label in labels if _is_alike(words, label.lower().split())]
    return f"Did you mean {' or '.join(near)}? " if near else ""


def _is_alike(words: list[str], others: list[str]) -> bool:
    """Return whether two lists have similar words at each place."""
    pairs = zip(words, others, strict=False)
    return len(words) == len(others) and all(SequenceMatcher(None, *pair).ratio() > 0.7 for pair in pairs)


def _condition_inside(sentence: str, vocabulary: Vocabulary) -> Suggestion | None:
    """Return the suggestion to begin with the first name of a condition in a sentence that an operator follows."""

    def begins(field: Field) -> int:
        operators = "|".join(re.escape(one.split()[0]) for one in field.operators)
        found = re.search(rf"(?<!\w){field.pattern.pattern}\s+(?:{operators})\b", sentence, re.IGNORECASE)
        return found.start() if found else len(sentence)

    start = min(map(begins, vocabulary.fields))
    before, condition = sentence[:start], sentence[start:].strip()
    if not before.strip() or not condition or not (found := vocabulary.match(condition)):
        return None
    if NOT.search(before):
        negated = re.sub(r"^\s*(is\b)?", r"\1 not ", condition[found[1] :], count=1, flags=re.IGNORECASE)
        return suggest(found[0], negated, vocabulary)
    if word := suggest_word(before):
        return word
    return Suggestion("A sentence begins with the name of its condition.", write(condition))
