"""Read the tags of an MJML text before the MJML compiler does, which crashes on deep nesting and drops unknown tags.

html.parser is not used: it reports no positions of attributes, lowercases names, accepts markup that must be refused,
differs between patch releases of Python, and takes seconds for an unclosed quote repeated 9,000 times.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CHARACTERS = 100_000
"""Characters of an MJML text. Mail programs truncate HTML of about this size."""

MAX_DEPTH = 60
"""Open tags at one position. At 2,000 the compiler would crash the process."""

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
"""HTML tags that have no end tag."""

_TAG = re.compile(
    r"""<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)(?P<attributes>(?:\s+[^\s=<>"'/]+(?:\s*=\s*(?:"[^"<]*"|'[^'<]*'))?)*)"""
    r"""\s*(?P<empty>/?)>"""
)
_ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)(?:\s*=\s*(?:"([^"<]*)"|'([^'<]*)'))?""")


class MjmlError(Exception):
    """The text is not valid markup at position `index`; `hint` says what to do."""

    def __init__(self, index: int, message: str, hint: str, code: str = "mjml"):
        self.index, self.message, self.hint, self.code = index, message, hint, code
        super().__init__(message)


@dataclass(frozen=True)
class StartTag:
    """A start tag: its name, its position, its attributes, and the names of the tags that enclose it.

    Names of HTML tags are lower case, those of MJML tags as written (MJML is case-sensitive). `attributes` maps each
    name to its value as written, including Liquid, and the position of the value.
    """

    name: str
    index: int
    attributes: dict[str, tuple[str, int]]
    inside: tuple[str, ...]

    def value(self, attribute: str) -> str:
        """Return the value of an attribute with character references replaced, or an empty string."""
        return html.unescape(self.attributes.get(attribute, ("", 0))[0])


@dataclass(frozen=True)
class EndTag:
    """An end tag, also that of an empty or void tag."""

    name: str
    inside: tuple[str, ...]


@dataclass(frozen=True)
class Text:
    """Text between tags, Liquid included."""

    text: str
    index: int
    inside: tuple[str, ...]


Markup = StartTag | EndTag | Text


def read_tags(text: str, mask: str) -> Iterator[Markup]:
    """Yield tags and texts in order; comments are skipped. `mask` is the text with its Liquid masked.

    Raises MjmlError at the first position that is not markup, or where tags are nested too deeply.
    """
    if len(text) > MAX_CHARACTERS:
        hint = f"Keep it under {MAX_CHARACTERS:,}; mail programs truncate longer emails."
        raise MjmlError(0, f"The file has {len(text):,} characters.", hint, "mjml-size")
    open_tags: list[tuple[str, int]] = []
    inside: tuple[str, ...] = ()
    position = 0
    while (found := mask.find("<", position)) >= 0:
        if found > position:
            yield Text(text[position:found], position, inside)
        if mask.startswith("<!--", found):
            position = _end_of_comment(mask, found)
            continue
        tag = _TAG.match(mask, found)
        if tag is None:
            hint = "Write &lt; for a literal <, and put attribute values in quotes."
            raise MjmlError(found, "This < does not begin a tag.", hint)
        name, position = _name(tag["name"]), tag.end()
        if tag["close"]:
            _close(open_tags, name, found)
            inside = tuple(name for name, _ in open_tags)
            yield EndTag(name, inside)
            continue
        yield StartTag(name, found, _attributes(text, mask, tag), inside)
        if tag["empty"] or name in VOID:
            yield EndTag(name, inside)
            continue
        open_tags.append((name, found))
        inside = (*inside, name)
        if len(inside) > MAX_DEPTH:
            message = f"Tags are nested more than {MAX_DEPTH} deep."
            raise MjmlError(found, message, "Use fewer nested tags.", "mjml-nesting")
    if open_tags:
        name, index = open_tags[-1]
        raise MjmlError(index, f"<{name}> is never closed.", f"Add </{name}>.")
    if mask[position:].strip():
        yield Text(text[position:], position, inside)


def _name(written: str) -> str:
    return written if written.lower().startswith("mj") else written.lower()


def _end_of_comment(mask: str, begin: int) -> int:
    end = mask.find("-->", begin + 4)
    if end < 0:
        raise MjmlError(begin, "This comment never ends.", "Add -->.")
    if re.match(r"-?>|\s*\[", mask[begin + 4 : end]) or "--!>" in mask[begin:end]:
        message = "Some mail programs read the markup in this comment."
        raise MjmlError(begin, message, "Write a comment that has a blank after <!-- and no [if …].", "hidden-markup")
    return end + 3


def _close(open_tags: list[tuple[str, int]], name: str, index: int) -> None:
    if not open_tags:
        raise MjmlError(index, f"</{name}> has no start tag.", "Remove it.")
    opened, _ = open_tags[-1]
    if opened != name:
        raise MjmlError(index, f"</{name}> closes <{opened}>.", f"Write </{opened}> first.")
    open_tags.pop()


def _attributes(text: str, mask: str, tag: re.Match[str]) -> dict[str, tuple[str, int]]:
    found = {}
    for one in _ATTRIBUTE.finditer(mask, tag.start("attributes"), tag.end("attributes")):
        group = 2 if one[2] is not None else 3
        begin, end = one.span(group) if one[group] is not None else (one.end(), one.end())
        found[one[1].lower()] = (text[begin:end], begin)
    return found
