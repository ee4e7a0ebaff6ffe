"""The tags of an MJML text, read before any compiler sees it: compilers crash on deep nesting and drop what they do not
know without a word.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CHARACTERS = 100_000
"""Mail programs cut an email off at about as many."""

MAX_DEPTH = 60
"""No email needs more; at 2,000 the compiler would take the process down with it."""

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
"""HTML tags that are never closed."""

_TAG = re.compile(
    r"""<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)(?P<attributes>(?:\s+[^\s=<>"'/]+(?:\s*=\s*(?:"[^"<]*"|'[^'<]*'))?)*)"""
    r"""\s*(?P<empty>/?)>"""
)
_ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)(?:\s*=\s*(?:"([^"<]*)"|'([^'<]*)'))?""")


class MjmlError(Exception):
    """The text is no markup: `index` says from where on, `hint` what to do."""

    def __init__(self, index: int, message: str, hint: str, code: str = "mjml"):
        self.index, self.message, self.hint, self.code = index, message, hint, code
        super().__init__(message)


@dataclass(frozen=True)
class Tag:
    """A tag that opens: its name, where it stands, its attributes, and the names of the tags around it.

    HTML's names are in small letters, MJML's as written (they know only small ones). `attributes` has the values as
    written, with Liquid in them, and where each begins.
    """

    name: str
    index: int
    attributes: dict[str, tuple[str, int]]
    inside: tuple[str, ...]

    def value(self, attribute: str) -> str:
        """The value of an attribute as a browser reads it; empty when it is not there."""
        return html.unescape(self.attributes.get(attribute, ("", 0))[0])


@dataclass(frozen=True)
class End:
    """A tag that closes."""

    name: str
    inside: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """Text between tags, Liquid included."""

    text: str
    index: int
    inside: tuple[str, ...]


def read_tags(text: str, mask: str) -> Iterator[Tag | End | Words]:
    """The tags and texts in order. `mask` is the text with its Liquid masked; comments are passed over.

    Raises MjmlError at the first place that is no markup, or is nested too deeply.
    """
    if len(text) > MAX_CHARACTERS:
        hint = f"Keep it under {MAX_CHARACTERS:,}; mail programs cut off what is longer."
        raise MjmlError(0, f"The file has {len(text):,} characters.", hint, "mjml-size")
    open_tags: list[tuple[str, int]] = []
    inside: tuple[str, ...] = ()
    position = 0
    while (found := mask.find("<", position)) >= 0:
        if found > position:
            yield Words(text[position:found], position, inside)
        if mask.startswith("<!--", found):
            position = _after_comment(mask, found)
            continue
        tag = _TAG.match(mask, found)
        if tag is None:
            raise MjmlError(found, "This < begins no tag that can be read.", "Write &lt; for the sign; quote values.")
        name, position = _name(tag["name"]), tag.end()
        if tag["close"]:
            _close(open_tags, name, found)
            inside = tuple(name for name, _ in open_tags)
            yield End(name, inside)
            continue
        yield Tag(name, found, _attributes(text, mask, tag), inside)
        if tag["empty"] or name in VOID:
            yield End(name, inside)
            continue
        open_tags.append((name, found))
        inside = (*inside, name)
        if len(inside) > MAX_DEPTH:
            raise MjmlError(found, f"Tags are nested more than {MAX_DEPTH} deep.", "Write it flatter.", "mjml-nesting")
    if open_tags:
        name, index = open_tags[-1]
        raise MjmlError(index, f"<{name}> is never closed.", f"Add </{name}>.")
    if mask[position:].strip():
        yield Words(text[position:], position, inside)


def _name(written: str) -> str:
    return written if written.lower().startswith("mj") else written.lower()


def _after_comment(mask: str, begin: int) -> int:
    end = mask.find("-->", begin + 4)
    if end < 0:
        raise MjmlError(begin, "This comment never ends.", "Add -->.")
    return end + 3


def _close(open_tags: list[tuple[str, int]], name: str, index: int) -> None:
    if not open_tags:
        raise MjmlError(index, f"</{name}> closes nothing.", "Take it away.")
    opened, _ = open_tags[-1]
    if opened != name:
        raise MjmlError(index, f"</{name}> closes <{opened}>.", f"Write </{opened}> first.")
    open_tags.pop()


def _attributes(text: str, mask: str, tag: re.Match) -> dict[str, tuple[str, int]]:
    found = {}
    for one in _ATTRIBUTE.finditer(mask, tag.start("attributes"), tag.end("attributes")):
        group = 2 if one[2] is not None else 3
        begin, end = one.span(group) if one[group] is not None else (one.end(), one.end())
        found[one[1].lower()] = (text[begin:end], begin)
    return found
