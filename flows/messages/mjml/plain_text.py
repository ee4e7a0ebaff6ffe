"""The text part of an MJML text whose author wrote none: its texts and buttons in order, Liquid in its place."""

import html
import re
from collections.abc import Iterable

from flows.messages.liquid.tokens import pieces
from flows.messages.mjml.tags import End, Tag, Words

SHOWN = {
    "mj-text", "mj-button", "mj-table", "mj-raw", "mj-navbar-link", "mj-accordion-title", "mj-accordion-text",
    "mj-social-element",
}  # fmt: skip
"""MJML tags whose content a reader sees; each is a paragraph."""

PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"} | SHOWN - {"mj-raw"}
LINES = {"div", "li", "tr"}
_LINKS = {"a", "mj-button", "mj-navbar-link", "mj-social-element"}
_PARAGRAPH, _LINE = "\f", "\v"
"""Where a paragraph or a line is over; several in a row are one."""


def text_part(events: Iterable[Tag | End | Words]) -> str:
    """The text that the tags and words of an MJML text say, as Liquid; links follow their words.

    >>> from flows.messages.mjml.tags import read_tags
    >>> source = "<mj-text>Hi {{ contact.first_name }},<br/>see &amp; <a href='https://x.example/'>try</a>.</mj-text>"
    >>> print(text_part(read_tags(source, source)), end="")
    Hi {{ contact.first_name }},
    see & try (https://x.example/).
    """
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    items: list[int] = []
    for event in events:
        if isinstance(event, Words):
            if SHOWN.intersection(event.inside) and "style" not in event.inside:
                parts.append(_raw(event.text) if event.inside[-1] == "mj-raw" else _words(event.text))
            continue
        if isinstance(event, Tag):
            parts.append(_break(event.name) or {"br": "\n", "td": " ", "th": " "}.get(event.name, ""))
            if event.name in _LINKS:
                links.append((event.value("href").strip(), len(parts)))
            if event.name in ("ul", "ol"):
                items.append(0)
            if event.name == "li" and items:
                items[-1] += 1
                parts.append(f"{items[-1]}. " if event.inside[-1] == "ol" else "- ")
            continue
        if event.name in _LINKS:
            address, begin = links.pop()
            parts.append(_link(address, "".join(parts[begin:]).strip()))
        if event.name in ("ul", "ol"):
            items.pop()
        parts.append(_break(event.name))
    return _tidy("".join(parts))


def _break(name: str) -> str:
    return _PARAGRAPH if name in PARAGRAPHS else _LINE if name in LINES else ""


def _words(text: str) -> str:
    """Literal text as a browser shows it, Liquid as it is."""
    shown = [
        piece if is_liquid else re.sub(r"\s+", " ", html.unescape(re.sub(r"\s+", " ", piece)))
        for _, piece, is_liquid in pieces(text)
    ]
    return "".join(shown)


def _raw(text: str) -> str:
    """Liquid between columns; the empty line before a tag is dropped, so that what is not shown leaves no gap."""
    return re.sub(r"\{%-?", "{%-", _words(text))


def _link(address: str, label: str) -> str:
    if not address or address == label or address.removeprefix("mailto:") == label or address.startswith("#"):
        return ""
    return f" ({address})" if label else address


def _tidy(text: str) -> str:
    """No blanks around line ends, no more than one empty line."""
    paragraphs = re.sub(r"[ \v\f]*\f[ \v\f]*", "\n\n", text)
    lines = re.sub(r" *\n *", "\n", re.sub(r"[ \v]*\v[ \v]*", "\n", paragraphs))
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
