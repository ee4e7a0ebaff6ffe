"""Find the Liquid in a text without parsing it, and translate the platform's own tokens into Liquid.

A token is a word in single braces, such as {firstName}; it is case-sensitive, as on the platform.
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
"""One tag, one output, or a whole raw or comment block, whose content is not Liquid."""

_OPENING = re.compile(r"\{\{|\{%-?\s*(raw|comment)\s*-?%\}|\{%")
_ENDS = {name: re.compile(rf"\{{%-?\s*end{name}\s*-?%\}}") for name in ("raw", "comment")}

_TOKEN = re.compile(rf"(?:{LIQUID.pattern})|(?P<token>\{{\w+\}})", re.DOTALL)

TOKENS = {variable.token: f"{{{{ {variable.name} }}}}" for variable in VARIABLES if variable.token} | {
    "{firstName}": "{{ contact.first_name | default: partner.name }}",
    "{lastName}": "{{ contact.last_name | default: partner.name }}",
}
"""The Liquid that each token stands for."""


@dataclass(frozen=True)
class Translated:
    """A text whose tokens are Liquid. `unknown` has the position and text of each token that is not one of TOKENS."""

    text: str
    unknown: tuple[tuple[int, str], ...]
    _places: tuple[tuple[int, int], ...]

    def origin(self, index: int) -> int:
        """Return the position in the original text that a position in the translated text comes from."""
        position = bisect_right(self._places, (index, len(self.text) + 1)) - 1
        begin, original = self._places[position]
        origin = original + index - begin
        if position + 1 < len(self._places):
            _, after = self._places[position + 1]
            origin = min(origin, max(original, after - 1))
        return origin


def unclosed(text: str) -> tuple[int, str] | None:
    """Return the position of the first Liquid that has no end, and the end that it lacks.

    Where all Liquid has an end, the time of LIQUID is proportional to the length of the text.

    >>> unclosed("Hi {{ partner.name }, {% raw %}")
    (3, '}}')
    >>> unclosed("{% raw %}{{{% endraw %}")
    """
    position = 0
    while opening := _OPENING.search(text, position):
        if opening[1]:
            end = _ENDS[opening[1]].search(text, opening.end())
            position = end.end() if end else 0
            missing = f"{{% end{opening[1]} %}}"
        else:
            missing = "}}" if opening[0] == "{{" else "%}"
            position = text.find(missing, opening.end()) + len(missing)
            position = 0 if position < opening.end() else position
        if not position:
            return opening.start(), missing
    return None


def translate(text: str) -> Translated:
    """Return the text with the platform's tokens as Liquid.

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
    """Yield the text in pieces: the position of each, its text, and whether it is Liquid."""
    done = 0
    for match in LIQUID.finditer(text):
        if match.start() > done:
            yield done, text[done : match.start()], False
        yield match.start(), match.group(), True
        done = match.end()
    if done < len(text):
        yield done, text[done:], False


def masked(text: str) -> str:
    """Return the text with each Liquid piece replaced by letters of the same length, so that markup can be parsed.

    >>> masked("<p title='{{ a > b }}'>")
    "<p title='xxxxxxxxxxx'>"
    """
    return LIQUID.sub(lambda match: "x" * len(match.group()), text)
