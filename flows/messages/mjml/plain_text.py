"""Derive the plain text of a message from its MJML: texts and buttons in order, with their Liquid."""

import html
import re
from collections.abc import Iterable

from flows.messages.liquid.tokens import pieces
from flows.messages.mjml.tags import Markup, StartTag, Text

VISIBLE = {
    "mj-text", "mj-button", "mj-table", "mj-raw", "mj-navbar-link", "mj-accordion-title", "mj-accordion-text",
    "mj-social-element",
}  # fmt: skip
"""MJML tags whose content a reader sees; each becomes a paragraph."""

PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"} | VISIBLE - {"mj-raw"}
LINES = {"div", "li", "tr"}
_LINKS = {"a", "mj-button", "mj-navbar-link", "mj-social-element"}
_PARAGRAPH, _LINE = "\f", "\v"
"""Marks of a paragraph break and a line break; several in a row count as one."""

_URL, _END_OF_URL = "\x01", "\x02"
"""Marks around the URL of a link that has a label."""


def plain_text(markup: Iterable[Markup]) -> str:
    """Return the text of an MJML document as a Liquid template; the URL of a link follows its label.

    It has no line breaks within a paragraph, because mail programs wrap long lines. A divider is three dashes.

    >>> from flows.messages.mjml.tags import read_tags
    >>> source = "<mj-text>Hi {{ contact.first_name }},<br/>see &amp; <a href='https://x.example/'>try</a>.</mj-text>"
    >>> print(plain_text(read_tags(source, source)), end="")
    Hi {{ contact.first_name }},
    see & try (https://x.example/).
    >>> source = "<mj-button href='https://x.example/'>Try it</mj-button><mj-divider /><mj-text>Bye</mj-text>"
    >>> print(plain_text(read_tags(source, source)), end="")
    Try it: https://x.example/
    <BLANKLINE>
    ---
    <BLANKLINE>
    Bye
    """
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    items: list[int] = []
    for one in markup:
        if isinstance(one, Text):
            if VISIBLE.intersection(one.inside) and "style" not in one.inside:
                parts.append(_raw_text(one.text) if one.inside[-1] == "mj-raw" else _text(one.text))
            continue
        if isinstance(one, StartTag):
            parts.append(_break(one.name) or {"br": "\n", "td": " ", "th": " "}.get(one.name, ""))
            if one.name == "mj-divider":
                parts.append(f"{_PARAGRAPH}---{_PARAGRAPH}")
            if one.name in _LINKS:
                links.append((one.value("href").strip(), len(parts)))
            if one.name in ("ul", "ol"):
                items.append(0)
            if one.name == "li" and items:
                items[-1] += 1
                parts.append(f"{items[-1]}. " if one.inside[-1] == "ol" else "- ")
            continue
        if one.name in _LINKS:
            url, begin = links.pop()
            parts.append(_link(url, "".join(parts[begin:]).strip()))
        if one.name in ("ul", "ol"):
            items.pop()
        parts.append(_break(one.name))
    return _collapse("".join(parts))


def _break(name: str) -> str:
    return _PARAGRAPH if name in PARAGRAPHS else _LINE if name in LINES else ""


def _text(text: str) -> str:
    """Return literal text as a browser shows it, and Liquid unchanged."""
    shown = [
        piece if is_liquid else re.sub(r"\s+", " ", html.unescape(re.sub(r"\s+", " ", piece)))
        for _, piece, is_liquid in pieces(text)
    ]
    return "".join(shown)


def _raw_text(text: str) -> str:
    """Return Liquid between columns, with {%- so that a block that is not shown leaves no empty line."""
    return re.sub(r"\{%-?", "{%-", _text(text))


def _link(url: str, label: str) -> str:
    if not url or url == label or url.removeprefix("mailto:") == label or url.startswith("#"):
        return ""
    return f"{_URL}{url}{_END_OF_URL}" if label else url


def _collapse(text: str) -> str:
    """Return the text without spaces around line ends and with at most one empty line in a row."""
    broken = re.sub(r"[ \v\f]+", _as_break, text)
    lines = re.sub(r"[ \n]+", _at_most_one_empty_line, broken).strip() + "\n"
    at_the_end = re.sub(rf"(?m)([:.?!…]?){_URL}([^{_END_OF_URL}]*){_END_OF_URL}$", _url_of_line, lines)
    return at_the_end.replace(_URL, " (").replace(_END_OF_URL, ")")


def _url_of_line(found: re.Match[str]) -> str:
    """Return a URL that ends its line: without parentheses, which some mail programs take as a part of it."""
    return f"{found[1] or ':'} {found[2]}"


def _as_break(run: re.Match[str]) -> str:
    return "\n\n" if _PARAGRAPH in run[0] else "\n" if _LINE in run[0] else run[0]


def _at_most_one_empty_line(run: re.Match[str]) -> str:
    return "\n" * min(run[0].count("\n"), 2) or run[0]
