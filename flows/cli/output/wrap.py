"""Lines as wide as the terminal: broken between words, continued with an indent, dates in one piece."""

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.text import Text

INDENT = 4
"""Columns by which a continued line is indented, beyond its own indentation."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d(?: (?:UTC[+-]\d\d:\d\d|[A-Z]{2,5}\b))?)?")
_PREFIX = re.compile(r" *(?:[✓✗!·-] )?")


def coloured(line: str | Text) -> Text:
    """Return the line with what its words mean in colour: errors, warnings, and commands to copy."""
    text = line.copy() if isinstance(line, Text) else Text(line)
    for pattern, style in _MEANINGS.items():
        text.highlight_regex(pattern, style)
    return text


_MEANINGS = {
    r"(?m)(?<=: )error(?=: )": "bold red",
    r"(?m)(?<=: )warning(?=: )|^Warning(?=: )": "bold yellow",
    r"`partnerflow [^`]+`": "cyan",
}


def wrapped(lines: Iterable[Text], width: int) -> Iterator[Text]:
    """Yield the lines, those that are wider than `width` in several parts.

    A line above a caret stays whole, so that the caret points at its place.

    >>> print(*wrapped([Text("✓ few-clicks sent to ann at 2026-03-20 14:00 EDT")], 32), sep="\\n")
    ✓ few-clicks sent to ann at
      2026-03-20 14:00 EDT
    """
    for one in lines:
        parts = list(one.split("\n", allow_blank=True))
        for part, after in zip(parts, [*parts[1:], Text()], strict=True):
            is_pointed_at = after.plain.strip() == "^"
            yield from [part] if is_pointed_at or cell_len(part.plain) <= width else _broken(part, width)


def _broken(line: Text, width: int) -> Iterator[Text]:
    prefix = len((_PREFIX.match(line.plain) or [""])[0])
    hanging = prefix if line.plain[:prefix].strip() else prefix + INDENT
    breaks = _breaks(line.plain, prefix, hanging, width)
    for number, part in enumerate(line.divide(breaks)):
        part.rstrip()
        yield Text(" " * hanging) + part if number else part


def _breaks(plain: str, prefix: int, hanging: int, width: int) -> list[int]:
    """Return the positions of the words that begin a line."""
    kept = _MOMENT.sub(lambda found: found[0].replace(" ", "\0"), plain)
    words = [found for found in re.finditer(r"[^ ]+", kept) if found.start() >= prefix]
    breaks: list[int] = []
    for word in words[1:]:
        start, room = (breaks[-1], width - hanging) if breaks else (0, width)
        if cell_len(plain[start : word.end()]) > room:
            breaks.append(word.start())
    return breaks
