"""Find what a scaffold wrote for the author to replace: its texts, and links to example.com.

Each is a warning of the message. An active workflow whose message still has one sends nothing: `as_errors`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from compiler import Problem
from flows.definitions.scaffold.templates import LIBRARY, TO_REPLACE
from flows.messages.liquid.lint import TemplateSource

CODES = frozenset({"scaffold-text", "example-link"})

_EXAMPLE = re.compile(
    r"(?:https?://(?:[\w.-]+\.)?|mailto:[^\s@\"'<>]+@(?:[\w-]+\.)*)example\.(?:com|net|org)(?![\w-]|\.\w)",
    re.IGNORECASE,
)
"""A link to a domain that RFC 2606 reserves for examples."""


def placeholders(source: TemplateSource) -> Iterator[Problem]:
    """Yield a warning for each placeholder in a body or a link."""
    if _words(source.text) in _template_texts():
        hint = "Write it in your own words: the workflow cannot be active with it."
        yield source.at(0, "scaffold-text", "This is the unchanged text of a template.", hint, "warning")
    for sentence in TO_REPLACE:
        if (start := source.text.find(sentence)) >= 0:
            hint = "Replace it: the workflow cannot be active with it."
            yield source.at(start, "scaffold-text", "This is still the text of a new message.", hint, "warning")
    for found in _EXAMPLE.finditer(source.text):
        hint = "Write your own link: the workflow cannot be active with this one."
        yield source.at(found.start(), "example-link", f"{found[0]} is not a link of yours.", hint, "warning")


def as_errors(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems of a message that an active workflow sends: placeholders are errors."""
    return [replace(one, severity="error") if one.code in CODES else one for one in problems]


@cache
def _template_texts() -> frozenset[str]:
    bodies = LIBRARY.glob("*/messages/*/body*")
    return frozenset(_words(file.read_text(encoding="utf-8")) for file in bodies)


def _words(text: str) -> str:
    return " ".join(text.split())
