"""The Liquid in a text, as far as it must be known without parsing it; and the platform's own tokens, made Liquid.

A token is a word in single braces, such as {firstName}; letter case matters, as on the platform.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from flows.messages.variables import VARIABLES

LIQUID = re.compile(
    r"\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}|\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}"
    r"|\{\{.*?\}\}|\{%.*?%\}",
    re.DOTALL,
)
"""One tag, one output, or a whole block whose inside is not Liquid."""

_TOKEN = re.compile(rf"(?:{LIQUID.pattern})|(?P<token>\{{\w+\}})", re.DOTALL)

TOKENS = {variable.token: f"{{{{ {variable.name} }}}}" for variable in VARIABLES if variable.token} | {
    "{firstName}": "{{ contact.first_name | default: partner.name }}",
    "{lastName}": "{{ contact.last_name | default: partner.name }}",
}


@dataclass(frozen=True)
class Translated:
    """A text whose tokens are Liquid. `unknown` are those that no variable answers to, each with its place."""

    text: str
    unknown: tuple[tuple[int, str], ...]
    _places: tuple[tuple[int, int], ...]

    def origin(self, index: int) -> int:
        """Where in the text as written a place of the translated text stands."""
        position = bisect_right(self._places, (index, len(self.text) + 1)) - 1
        begin, written = self._places[position]
        origin = written + index - begin
        if position + 1 < len(self._places):
            _, after = self._places[position + 1]
            origin = min(origin, max(written, after - 1))
        return origin


def translate(text: str) -> Translated:
    """The text with the platform's tokens as Liquid.

    >>> translate("Hi {firstName}, {{ partner.name }}").text
    'Hi {{ contact.first_name | default: partner.name }}, {{ partner.name }}'
    >>> translate("{firstname}").unknown
    ((0, '{firstname}'),)
    """
    parts, places, unknown, done, length = [], [(0, 0)], [], 0, 0
    for match in _TOKEN.finditer(text):
        token = match["token"]
        if token is None:
            continue
        if token not in TOKENS:
            unknown.append((match.start(), token))
            continue
        before, liquid = text[done : match.start()], TOKENS[token]
        parts += [before, liquid]
        places.append((length + len(before), match.start()))
        length += len(before) + len(liquid)
        done = match.end()
        places.append((length, done))
    return Translated("".join([*parts, text[done:]]), tuple(unknown), tuple(places))


def pieces(text: str) -> Iterator[tuple[int, str, bool]]:
    """The text in pieces: where each begins, the piece, and whether it is Liquid."""
    done = 0
    for match in LIQUID.finditer(text):
        if match.start() > done:
            yield done, text[done : match.start()], False
        yield match.start(), match.group(), True
        done = match.end()
    if done < len(text):
        yield done, text[done:], False


def masked(text: str) -> str:
    """The text with every Liquid piece overwritten by as many letters, so that markup can be read around it.

    >>> masked("<p title='{{ a > b }}'>")
    "<p title='xxxxxxxxxxx'>"
    """
    return LIQUID.sub(lambda match: "x" * len(match.group()), text)
