"""MJML to HTML, once, when a message is read; Liquid goes through it untouched.

The compiler (mrml) is lenient where an author is better told: unknown tags vanish, text between columns drifts, a link
may be anything. So the text is checked first, and compiled only when nothing is wrong with it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import mrml

from compiler.errors import Problem
from compiler.language.definition import did_you_mean
from flows.messages.liquid.tokens import masked, pieces
from flows.messages.mjml.tags import End, MjmlError, Tag, Words, read_tags
from flows.messages.variables import LINKS

At = Callable[..., Problem]
"""Makes a problem of a place in the text: at(index, code, message, hint)."""

CONTAINERS = {
    "mjml", "mj-head", "mj-body", "mj-section", "mj-wrapper", "mj-column", "mj-group", "mj-hero", "mj-attributes",
    "mj-navbar", "mj-accordion", "mj-accordion-element", "mj-social", "mj-carousel",
}  # fmt: skip
"""Tags that hold tags and no text."""

KNOWN = CONTAINERS | {
    "mj-title", "mj-preview", "mj-style", "mj-font", "mj-breakpoint", "mj-all", "mj-class", "mj-text", "mj-button",
    "mj-image", "mj-divider", "mj-spacer", "mj-table", "mj-raw", "mj-navbar-link", "mj-accordion-title",
    "mj-accordion-text", "mj-social-element", "mj-carousel-image",
}  # fmt: skip

PARENTS = {
    "mj-head": {"mjml"}, "mj-body": {"mjml"}, "mj-wrapper": {"mj-body"}, "mj-hero": {"mj-body", "mj-wrapper"},
    "mj-section": {"mj-body", "mj-wrapper"}, "mj-column": {"mj-section", "mj-group"}, "mj-group": {"mj-section"},
    **{name: {"mj-column", "mj-hero"} for name in (
        "mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-table", "mj-navbar", "mj-accordion",
        "mj-social", "mj-carousel",
    )},
}  # fmt: skip
"""Where a tag may stand; elsewhere mail programs show it wherever they like. mj-attributes holds any."""

STRIPPED = {"script", "iframe", "object", "embed", "form", "applet", "base"}
"""Tags that mail programs take away, or take a message for dangerous because of."""

_LINK_VARIABLE = re.compile(rf"\s*\{{\{{-?\s*({'|'.join(LINKS)})\s*-?\}}\}}\s*$")
LINK = re.compile(r"(https?://[^\s/?#{}]+([/?#].*)?|mailto:.+|tel:[+0-9.() -]+|#.*)$", re.DOTALL | re.IGNORECASE)


def compile_mjml(text: str, language: str, at: At) -> tuple[str | None, list[Problem]]:
    """The HTML of an MJML text, with Liquid in it; None when there are problems."""
    try:
        events = list(read_tags(text, masked(text)))
    except MjmlError as error:
        return None, [at(error.index, error.code, error.message, error.hint)]
    problems = [problem for rule in RULES for problem in rule(events, at)]
    if problems:
        return None, problems
    try:
        return _compiled(text, language), []
    except MjmlError as error:
        return None, [at(error.index, error.code, error.message, error.hint)]


def one_root(events: Iterable[Tag | End | Words], at: At) -> Iterator[Problem]:
    """An MJML text is one <mjml>, with an <mj-body>."""
    tags = [event for event in events if isinstance(event, Tag)]
    roots = [tag for tag in tags if not tag.inside]
    if [tag.name for tag in roots] != ["mjml"]:
        place = next((tag.index for tag in roots if tag.name != "mjml"), roots[1].index if roots[1:] else 0)
        yield at(
            place, "mjml", "An MJML text is one <mjml>.", "Begin with <mjml><mj-body>, end with </mj-body></mjml>."
        )
    elif sum(tag.name == "mj-body" for tag in tags) != 1:
        yield at(roots[0].index, "mjml", "<mjml> needs one <mj-body>.", "Put the sections into <mj-body>.")


def unknown_tag(events: Iterable[Tag | End | Words], at: At) -> Iterator[Problem]:
    """A tag that begins with mj is one of MJML's, of those that make sense in one file."""
    for tag in events:
        if isinstance(tag, Tag) and tag.name == "mj-include":
            hint = "Write the parts out; a message stands alone."
            yield at(tag.index, "unknown-mjml-tag", "<mj-include> is not read here.", hint)
        elif isinstance(tag, Tag) and tag.name.lower().startswith("mj") and tag.name not in KNOWN:
            hint = did_you_mean(tag.name.lower(), KNOWN) + "Unknown tags would vanish with what is in them."
            yield at(tag.index, "unknown-mjml-tag", f"There is no MJML tag <{tag.name}>.", hint)


def misplaced(events: Iterable[Tag | End | Words], at: At) -> Iterator[Problem]:
    """Sections hold columns, columns hold texts, buttons and images; between them is no text."""
    for event in events:
        inside = event.inside[-1] if event.inside else None
        if isinstance(event, Words) and (inside in CONTAINERS or inside is None) and event.text.strip():
            index = event.index + len(event.text) - len(event.text.lstrip())
            where = f"directly in <{inside}>" if inside else "outside <mjml>"
            hint = "Put text into <mj-text>; put Liquid tags between other tags into <mj-raw>."
            yield at(index, "misplaced", f"There is text {where}.", hint)
        if isinstance(event, Tag) and inside and inside != "mj-attributes" and event.name in PARENTS:
            parents = PARENTS[event.name]
            if inside not in parents and inside.startswith("mj"):
                hint = f"It belongs into {' or '.join(f'<{one}>' for one in sorted(parents))}."
                yield at(event.index, "misplaced", f"<{event.name}> cannot stand in <{inside}>.", hint)


def bad_link(events: Iterable[Tag | End | Words], at: At) -> Iterator[Problem]:
    """A link is http, https, mailto, tel or #, to a host that is written out: no name decides where it leads."""
    for tag in events:
        for name in ("href", "src", "background-url") if isinstance(tag, Tag) else ():
            value, index = tag.attributes.get(name, ("", 0))
            link = tag.value(name).strip()
            if link and not (LINK.match(link) or _LINK_VARIABLE.match(link)):
                hint = f"Write https://… with the host in full, or one of {', '.join(LINKS)} alone."
                yield at(index, "bad-link", f"{name} cannot be {value.strip()[:60]!r}.", hint)


def stripped_tag(events: Iterable[Tag | End | Words], at: At) -> Iterator[Problem]:
    """No scripts, frames, objects or forms; no on… attributes."""
    for tag in events:
        if not isinstance(tag, Tag):
            continue
        if tag.name in STRIPPED:
            yield at(tag.index, "stripped-tag", f"Mail programs take <{tag.name}> away.", "Use a link or a button.")
        for name, (_, index) in tag.attributes.items():
            if name.startswith("on"):
                yield at(index, "stripped-tag", f"Mail programs take {name} away.", "Use a link or a button.")


RULES = (one_root, unknown_tag, misplaced, bad_link, stripped_tag)


def _compiled(text: str, language: str) -> str:
    """mrml's HTML. Each piece of Liquid is a plain word while mrml works, and must be in its place afterwards."""
    stem = "liquid"
    while stem in text.lower():
        stem += "q"
    parts, liquid = [], []
    for index, piece, is_liquid in pieces(text):
        parts.append(f"{stem}{len(liquid)}z" if is_liquid else piece)
        liquid += [(index, piece)] if is_liquid else []
    html = _mrml("".join(parts), language)
    word = re.compile(rf"{stem}(\d+)z")
    order = [int(number) for number in word.findall(html)]
    _all_in_place(liquid, order)
    return word.sub(lambda match: liquid[int(match[1])][1], html)


def _all_in_place(liquid: list[tuple[int, str]], order: list[int]) -> None:
    """Every piece is in the HTML, every tag once, and tags in the order in which they were written."""
    hint = "Put it into <mj-text>, or between tags into <mj-raw>."
    for number, (index, piece) in enumerate(liquid):
        count = order.count(number)
        if not count or (piece.startswith("{%") and count > 1):
            raise MjmlError(index, f"This Liquid {'would be there twice' if count else 'gets lost here'}.", hint)
    for before, after in pairwise(number for number in order if liquid[number][1].startswith("{%")):
        if before > after:
            raise MjmlError(liquid[after][0], "MJML would move this Liquid tag.", hint)


def _mrml(text: str, language: str) -> str:
    """The HTML, in `language` for screen readers unless the root names another."""
    root = re.search(r"<mjml\b[^>]*", text)
    if root and not re.search(r"\slang\s*=", root.group()):
        text = f'{text[: root.end()].removesuffix("/")} lang="{language}"{text[root.end() :]}'
    try:
        # No web fonts: an email that fetches one tells others who reads it.
        return mrml.to_html(text, render_options=mrml.RenderOptions(fonts={})).content
    except OSError as error:
        message = f"MJML cannot be read: {re.sub(r' in root template.*', '', str(error))}."
        raise MjmlError(0, message, "Check how the tags are nested.") from None
