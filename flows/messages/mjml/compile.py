"""Compile MJML to HTML when a message is read; its Liquid passes through unchanged.

The compiler (mrml) is lenient where an author needs an error: it drops unknown tags, moves text between columns and
accepts any link. So the text is checked first, and compiled only if it has no problem.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import mrml

from compiler.errors import Problem, did_you_mean
from flows.messages.liquid.tokens import masked, pieces
from flows.messages.mjml.tags import Markup, MjmlError, StartTag, Text, read_tags
from flows.messages.variables import LINKS

At = Callable[[int, str, str, str], Problem]
"""Makes a problem at a position of the text: at(index, code, message, hint)."""

CONTAINERS = {
    "mjml", "mj-head", "mj-body", "mj-section", "mj-wrapper", "mj-column", "mj-group", "mj-hero", "mj-attributes",
    "mj-navbar", "mj-accordion", "mj-accordion-element", "mj-social", "mj-carousel",
}  # fmt: skip
"""Tags that contain tags and no text."""

KNOWN = CONTAINERS | {
    "mj-title", "mj-preview", "mj-style", "mj-font", "mj-breakpoint", "mj-all", "mj-class", "mj-text", "mj-button",
    "mj-image", "mj-divider", "mj-spacer", "mj-table", "mj-raw", "mj-navbar-link", "mj-accordion-title",
    "mj-accordion-text", "mj-social-element", "mj-carousel-image",
}  # fmt: skip
"""All MJML tags that a message can use."""

PARENTS = {
    "mj-head": {"mjml"}, "mj-body": {"mjml"}, "mj-wrapper": {"mj-body"}, "mj-hero": {"mj-body", "mj-wrapper"},
    "mj-section": {"mj-body", "mj-wrapper"}, "mj-column": {"mj-section", "mj-group"}, "mj-group": {"mj-section"},
    **{name: {"mj-column", "mj-hero"} for name in (
        "mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-table", "mj-navbar", "mj-accordion",
        "mj-social", "mj-carousel",
    )},
}  # fmt: skip
"""The tags that may contain a tag; elsewhere its layout is undefined. mj-attributes may contain any tag."""

STRIPPED = {
    "script", "noscript", "template", "iframe", "frame", "frameset", "object", "embed", "applet", "base", "link",
    "meta", "svg", "math", "audio", "video", "source", "track", "form", "input", "button", "select", "textarea",
}  # fmt: skip
"""Tags that run code, load markup or ask for input: mail programs remove them, or take them as a sign of danger."""

STRIPPED_ATTRIBUTES = {"srcset", "poster", "action", "formaction", "data", "srcdoc", "xlink:href", "ping", "manifest"}
"""Attributes that load or open a URL, in which links are not checked."""

URLS = {
    "href", "src", "background-url", "background", "base-url", "icon-wrapped-url", "icon-unwrapped-url", "left-icon",
    "right-icon", "thumbnails-src",
}  # fmt: skip
"""Attributes whose value is a link or an image."""

_LOADS = re.compile(r"@import|(url|src|image|image-set|expression)\s*\(|behavior\s*:|-moz-binding|\\", re.IGNORECASE)
"""What loads or runs something in CSS, and the backslash, with which it could be written otherwise."""

_STYLES = re.compile(r"style|(align|background|border|color|container|font|height|inner|line|padding|width)(-.+)?")
"""Attributes of MJML, or of HTML, whose value is CSS."""

_LINK_VARIABLE = re.compile(rf"\s*\{{\{{-?\s*({'|'.join(LINKS)})\s*-?\}}\}}\s*$")
LINK = re.compile(r"(https?://[^\s/?#{}]+([/?#].*)?|mailto:.+|tel:[+0-9.() -]+|#.*)$", re.DOTALL | re.IGNORECASE)


def compile_mjml(text: str, language: str, at: At) -> tuple[str | None, list[Problem]]:
    """Return the HTML of an MJML text, with its Liquid, and no problems; or None and the problems."""
    try:
        markup = list(read_tags(text, masked(text)))
        problems = [problem for rule in RULES for problem in rule(markup, at)]
        return (None, problems) if problems else (_compile(text, language), [])
    except MjmlError as error:
        return None, [at(error.index, error.code, error.message, error.hint)]


def one_root(markup: Iterable[Markup], at: At) -> Iterator[Problem]:
    """The root is one <mjml> tag, which contains one <mj-body>."""
    tags = [one for one in markup if isinstance(one, StartTag)]
    roots = [tag for tag in tags if not tag.inside]
    if [tag.name for tag in roots] != ["mjml"]:
        index = next((tag.index for tag in roots if tag.name != "mjml"), roots[1].index if roots[1:] else 0)
        hint = "Begin with <mjml><mj-body>, end with </mj-body></mjml>; or write messages/layout.mjml, which has them."
        yield at(index, "mjml", "An MJML text must have one root, <mjml>.", hint)
    elif sum(tag.name == "mj-body" for tag in tags) != 1:
        yield at(roots[0].index, "mjml", "<mjml> needs one <mj-body>.", "Put the sections into <mj-body>.")


def unknown_tag(markup: Iterable[Markup], at: At) -> Iterator[Problem]:
    """Every tag whose name begins with mj is one of KNOWN."""
    for tag in markup:
        if isinstance(tag, StartTag) and tag.name == "mj-include":
            hint = "Messages cannot include other files; copy the content here."
            yield at(tag.index, "unknown-mjml-tag", "<mj-include> is not supported.", hint)
        elif isinstance(tag, StartTag) and tag.name.lower().startswith("mj") and tag.name not in KNOWN:
            hint = did_you_mean(tag.name.lower(), KNOWN) + "MJML drops unknown tags and their content."
            yield at(tag.index, "unknown-mjml-tag", f"There is no MJML tag <{tag.name}>.", hint)


def misplaced(markup: Iterable[Markup], at: At) -> Iterator[Problem]:
    """Sections contain columns; columns contain texts, buttons and images; containers contain no text."""
    for one in markup:
        parent = one.inside[-1] if one.inside else None
        if isinstance(one, Text) and (parent in CONTAINERS or parent is None) and one.text.strip():
            index = one.index + len(one.text) - len(one.text.lstrip())
            where = f"directly in <{parent}>" if parent else "outside <mjml>"
            hint = "Put text into <mj-text>, and Liquid between tags into <mj-raw>."
            yield at(index, "misplaced", f"There is text {where}.", hint)
        if isinstance(one, StartTag) and parent and parent != "mj-attributes" and one.name in PARENTS:
            parents = PARENTS[one.name]
            if parent not in parents and parent.startswith("mj"):
                hint = f"Put it into {' or '.join(f'<{name}>' for name in sorted(parents))}."
                yield at(one.index, "misplaced", f"<{one.name}> cannot be in <{parent}>.", hint)


def bad_link(markup: Iterable[Markup], at: At) -> Iterator[Problem]:
    """A link is http, https, mailto, tel or #, with a literal host, so that no value decides where it leads."""
    for tag in markup:
        if not isinstance(tag, StartTag):
            continue
        for name in sorted(URLS):
            value, index = tag.attributes.get(name, ("", 0))
            link = tag.value(name).strip()
            if link and not (LINK.match(link) or _LINK_VARIABLE.match(link)):
                hint = f"Write https://… with the host in full, or one of {', '.join(LINKS)} alone."
                yield at(index, "bad-link", f"{value.strip()[:60]!r} is not a valid {name}.", hint)


def stripped_tag(markup: Iterable[Markup], at: At) -> Iterator[Problem]:
    """Nothing runs code, loads markup or asks for input: neither a tag nor an attribute, such as on…."""
    for tag in markup:
        if not isinstance(tag, StartTag):
            continue
        if tag.name in STRIPPED:
            yield at(tag.index, "stripped-tag", f"Mail programs remove <{tag.name}>.", "Use a link or a button.")
        for name, (_, index) in tag.attributes.items():
            if name.startswith("on") or name in STRIPPED_ATTRIBUTES:
                yield at(index, "stripped-tag", f"Mail programs remove {name}.", "Use a link or a button.")


def remote_style(markup: Iterable[Markup], at: At) -> Iterator[Problem]:
    """A style loads nothing and contains no values; loading it would tell a third party who reads the email."""
    hint = "Write the style here, without url(…) or values; a section or hero can have a background-url."
    for one in markup:
        if isinstance(one, Text) and {"mj-style", "style"}.intersection(one.inside):
            if found := _LOADS.search(one.text) or re.search(r"\{\{", one.text):
                yield at(one.index + found.start(), "remote-style", "A style cannot load anything.", hint)
        elif isinstance(one, StartTag):
            if one.name == "mj-font":
                yield at(one.index, "remote-style", "<mj-font> loads a font.", hint)
            for name in sorted(one.attributes.keys() - URLS):
                value, index = one.attributes[name]
                if _STYLES.fullmatch(name) and (_LOADS.search(one.value(name)) or "{{" in value):
                    yield at(index, "remote-style", f"{name} cannot load anything or contain values.", hint)


RULES = (one_root, unknown_tag, misplaced, bad_link, stripped_tag, remote_style)


def _compile(text: str, language: str) -> str:
    """Return mrml's HTML. Each piece of Liquid is replaced by a unique word, which must be in its place afterwards."""
    stem = "liquid"
    while stem in text.lower():
        stem += "q"
    parts: list[str] = []
    liquid: list[tuple[int, str]] = []
    for index, piece, is_liquid in pieces(text):
        parts.append(f"{stem}{len(liquid)}z" if is_liquid else piece)
        liquid += [(index, piece)] if is_liquid else []
    html = _mrml("".join(parts), language)
    word = re.compile(rf"{stem}(\d+)z")
    _check_order(liquid, [int(number) for number in word.findall(html)])
    return word.sub(lambda match: liquid[int(match[1])][1], html)


def _check_order(liquid: list[tuple[int, str]], order: list[int]) -> None:
    """Raise MjmlError unless every piece is in the HTML and every tag is there once, in the original order."""
    hint = "Put it into <mj-text>, or between tags into <mj-raw>."
    for number, (index, piece) in enumerate(liquid):
        count = order.count(number)
        if not count or (piece.startswith("{%") and count > 1):
            raise MjmlError(index, f"MJML would {'duplicate' if count else 'drop'} this Liquid.", hint)
    for before, after in pairwise(number for number in order if liquid[number][1].startswith("{%")):
        if before > after:
            raise MjmlError(liquid[after][0], "MJML would move this Liquid tag.", hint)


def _mrml(text: str, language: str) -> str:
    """Return the HTML, with `lang` on the root for screen readers unless the author has set it."""
    root = re.search(r"<mjml\b[^>]*", text)
    if root and not re.search(r"\slang\s*=", root.group()):
        text = f'{text[: root.end()].removesuffix("/")} lang="{language}"{text[root.end() :]}'
    try:
        # No web fonts: fetching them would tell a third party who reads the email.
        return mrml.to_html(text, render_options=mrml.RenderOptions(fonts={})).content
    except OSError as error:
        message = f"MJML cannot be parsed: {re.sub(r' in root template.*', '', str(error))}."
        raise MjmlError(0, message, "Check how the tags are nested.") from None
