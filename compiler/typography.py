"""Characters that editors and web pages put in place of the keyboard's: blanks, quotes, and those that nobody sees."""

import re
import unicodedata

BLANKS = "\t\n\v\f\r\x1c-\x1f \x85\xa0\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
"""Every blank of Unicode, and the blanks of no width, for a character class of a regular expression."""

QUOTES = "“”„‟«»＂"
"""The typographic double quotes, for a character class of a regular expression."""

_QUOTED = rf'"(?:[^"]|"")*"|[{QUOTES}](?:[^"{QUOTES}]|["{QUOTES}]{{2}})*["{QUOTES}]'
_BLANK_OR_QUOTED = re.compile(rf"(?P<blank>[{BLANKS}])|{_QUOTED}")
_QUOTE = re.compile(rf'["{QUOTES}]')
_JOINERS = "\u200c\u200d"
"""Invisible characters that belong to words of some scripts, and to emoji."""


def with_plain_blanks(sentence: str) -> str:
    """Return the sentence with a space for each blank outside of quotes; its length stays the same.

    >>> with_plain_blanks('Clicks\\xa0less\\u2009than 100')
    'Clicks less than 100'
    """
    return _BLANK_OR_QUOTED.sub(lambda found: " " if found["blank"] else found[0], sentence)


def unquoted(token: str) -> str:
    """Return the text in straight or typographic quotes; a doubled quote inside is one straight quote.

    >>> unquoted('“Smith, ““the”” Sons”'), unquoted('"the “Old” Shop"'), unquoted("« Smith, Sons »")
    ('Smith, "the" Sons', 'the “Old” Shop', 'Smith, Sons')
    """
    if token[0] == '"':
        return token[1:-1].replace('""', '"')
    text = re.sub(rf'["{QUOTES}]{{2}}', '"', token[1:-1])
    return text.strip() if token[0] in "«»" else text


def is_in_typographic_quotes(text: str) -> bool:
    """Return whether the text is one quotation in typographic double or single quotes.

    >>> [is_in_typographic_quotes(text) for text in ("“Hello”", "‘Don’t’", "“Best” and “worst”", "Hello")]
    [True, True, False, False]
    """
    return re.fullmatch(rf"[{QUOTES}][^{QUOTES}]*[{QUOTES}]|[‘‚‛][^‘‚‛]*[’‘]", text) is not None


def with_straight_quotes(text: str) -> str:
    """Return the text with a straight double quote for each typographic one."""
    return _QUOTE.sub('"', text)


def invisible_character(text: str, blanks: bool = False) -> str | None:
    """Return the name of the first invisible character, if there is one; with `blanks`, also of a blank of no width.

    >>> invisible_character("Clic\\u00adks"), invisible_character("Clicks")
    ('SOFT HYPHEN (U+00AD)', None)
    """
    for one in text:
        is_blank = re.match(rf"[{BLANKS}]", one) is not None
        if unicodedata.category(one) in ("Cf", "Cc") and one not in _JOINERS and (not is_blank or blanks):
            return _named(one)
    return None


def foreign_letter(text: str) -> str | None:
    """Return the name of the first letter that is not on an English keyboard, if there is one.

    >>> foreign_letter("\\u0421licks")
    'CYRILLIC CAPITAL LETTER ES (U+0421)'
    """
    return next((_named(one) for one in text if one.isalpha() and not one.isascii()), None)


def _named(character: str) -> str:
    return f"{unicodedata.name(character, 'a control character')} (U+{ord(character):04X})"
