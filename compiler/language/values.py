"""Values without quotes: what looks like a separator, a quote or another condition is refused."""

import re
from collections.abc import Sequence

from lark import Token

from compiler.language.suggestions.suggest import suggest_joined
from compiler.language.suggestions.suggestion import Suggestion, lacks, write
from compiler.language.suggestions.values import split_values
from compiler.segment_tree import AnyOf, NoneOf
from compiler.typography import invisible_character, unquoted
from compiler.vocabulary import Field, Vocabulary

_SINGLE_QUOTES = "'‘’‚‛"
_JOINING = re.compile(r"(?i:(?<!-)\bor\b(?!-)|^and\b|^not\b(?!-)|\bbut not\b|(?<!-)\bexcept\b(?!-))|\bAND\b|\bNOT\b")


Listed = type[AnyOf] | type[NoneOf]
"""The condition that the values are listed in."""


def check_values(
    field: Field, listed: Listed, tokens: Sequence[Token], vocabulary: Vocabulary
) -> tuple[int, Suggestion] | None:
    """Return the position of the first unquoted value that has another meaning than it seems, and what to write."""
    if quoted := _single_quotes(field, listed, tokens):
        return quoted
    for token in tokens:
        if token.type != "PLAIN":
            continue
        if problem := _joined(field, listed, token, tokens, vocabulary):
            return token.start_pos or 0, problem
        if character := invisible_character(token):
            hint = "Remove it, or write the value in double quotes if the name has it."
            return token.start_pos or 0, Suggestion(f"{token.strip()} has the invisible character {character}.", hint)
    return None


def text_of(token: Token) -> str:
    """Return the value that a token of the grammar means."""
    return unquoted(token) if token.type == "QUOTED" else " ".join(token.split())


def _single_quotes(field: Field, listed: Listed, tokens: Sequence[Token]) -> tuple[int, Suggestion] | None:
    """Return the position of a value that begins with a single quote where it or a later one ends with one."""
    texts = [token.strip() for token in tokens]
    first = next((index for index, text in enumerate(texts) if text[0] in _SINGLE_QUOTES), len(texts))
    last = next(
        (index for index in range(first, len(texts)) if texts[index][-1] in _SINGLE_QUOTES and texts[index][1:]), None
    )
    if last is None:
        return None
    within = ", ".join(texts[first : last + 1])[1:-1]
    values = [*map(text_of, tokens[:first]), within, *map(text_of, tokens[last + 1 :])]
    hint = write(str(listed(field.label, tuple(values))))
    return tokens[first].start_pos or 0, Suggestion("Single quotes do not quote a value; double quotes do.", hint)


def _joined(
    field: Field, listed: Listed, token: Token, tokens: Sequence[Token], vocabulary: Vocabulary
) -> Suggestion | None:
    text = " ".join(token.split())
    found = None if text.isupper() else _JOINING.search(text)
    if suggest_joined(field.label, text, vocabulary):
        before = ", ".join(one.strip() for one in tokens[: tokens.index(token) + 1])
        operator = "is none of" if listed is NoneOf else "is any of"
        return suggest_joined(field.label, f"{operator} {before}", vocabulary)
    if found is None:
        return None
    if "not" in found[0].lower() or found[0].lower() == "except":
        return lacks(found[0], f'{_excluding(field, listed, found, text)}; in double quotes, "{text}" is one name.')
    names = [value for one in tokens for value in split_values(re.sub(r"^(?i:and)\b|\bAND\b", "or", one))]
    values = write(str(listed(field.label, tuple(dict.fromkeys(names))))).removesuffix(".")
    return lacks(found[0], f"{values}." if field.values else f'{values}; in double quotes, "{text}" is one name.')


def _excluding(field: Field, listed: Listed, found: re.Match[str], text: str) -> str:
    """Return what to write instead of `Gold but not Silver`, `not Gold` or `Gold except Silver`."""
    wanted, excluded = text[: found.start()].strip(), text[found.end() :].strip()
    if listed is NoneOf or not excluded:
        return "Name the values that count"
    sentences = [str(AnyOf(field.label, (wanted,)))] if wanted else []
    return write(*sentences, str(NoneOf(field.label, (excluded,)))).removesuffix(".")
