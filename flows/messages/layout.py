"""The layout: header, footer and styles that the bodies of several messages share.

messages/layout.mjml       an MJML document in which {{ content }} is the place of the body
messages/layout.de.mjml    the layout of the bodies in German

A body without <mjml> goes into the layout of its language; one with <mjml> is a whole document, and needs no layout.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from compiler import DefinitionError, Problem, Source
from compiler.errors import Severity
from flows.definitions.scaffold.templates import LIBRARY
from flows.messages.liquid.lint import TemplateSource
from flows.messages.liquid.tokens import masked, translate
from flows.messages.mime.languages import negotiate_language
from flows.messages.mjml.plain_text import plain_text
from flows.messages.mjml.tags import read_tags

NAME = "layout"

BUILT_IN = LIBRARY / "layout.mjml"
"""The layout that `new` writes, and that a folder of messages without one has."""

_CONTENT = re.compile(r"\{\{-?\s*content\s*-?\}\}")
_WHOLE = re.compile(r"<mjml\b")


@dataclass(frozen=True)
class BodyInLayout:
    """A body and the layout around it, as one MJML text whose problems are at their places in the two files."""

    layout: TemplateSource
    body: TemplateSource
    begin: int
    end: int

    @property
    def liquid(self) -> str:
        """The MJML text of both."""
        return self._around(self.body.liquid)

    def at_liquid(self, index: int, code: str, message: str, hint: str, severity: Severity = "error") -> Problem:
        """Return a problem at a position of `liquid`."""
        behind = self.begin + len(self.body.liquid)
        if self.begin <= index < behind:
            return self.body.at_liquid(index - self.begin, code, message, hint, severity)
        place = index if index < self.begin else index - behind + self.end
        return self.layout.at_liquid(place, code, message, hint, severity)

    def plain_text(self, text: str | None) -> str:
        """Return the plain text of both as a Liquid template; with `text`, that of the layout around it."""
        if text is None:
            return plain_text(read_tags(self.liquid, masked(self.liquid)))
        around = self._around("<mj-text>{{ content }}</mj-text>")
        return _CONTENT.sub(lambda _: text.strip(), plain_text(read_tags(around, masked(around))))

    def _around(self, content: str) -> str:
        liquid = self.layout.liquid
        return liquid[: self.begin] + content + liquid[self.end :]


def needs_layout(body: TemplateSource) -> bool:
    """Return whether a body is to go into a layout."""
    return not _WHOLE.search(body.text)


def layout_file(messages: Path, language: str, default: str) -> Path:
    """Return the layout for a body in a language.

    It is the one whose tag suits the language best, else layout.mjml, and that of `new` where the folder of messages
    has none. `default` is the language of the message.
    """
    found = {file.name.split(".")[1]: file for file in messages.glob(f"{NAME}.*.mjml") if file.name.count(".") == 2}
    plain = messages / f"{NAME}.mjml"
    return found.get(negotiate_language(language, found, default)) or (plain if plain.is_file() else BUILT_IN)


def in_layout(body: TemplateSource, source: Source) -> BodyInLayout:
    """Return a body in its layout. Raises DefinitionError when the layout does not have {{ content }} exactly once."""
    places = list(_CONTENT.finditer(source.text))
    if len(places) != 1:
        message = f"The layout has {{{{ content }}}} {len(places)} times."
        line = source.text.count("\n", 0, places[1].start()) + 1 if places else 1
        hint = "Write it once, where the body of the message goes."
        raise DefinitionError([source.problem_at(line, 1, "layout", message, hint)])
    begin, end = places[0].span()
    layout = TemplateSource(source, source.text[:begin] + " " * (end - begin) + source.text[end:], html=True)
    before = len(translate(source.text[:begin]).text)  # the platform's tokens are longer as Liquid
    return BodyInLayout(layout, body, before, before + end - begin)
