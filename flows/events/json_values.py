"""The JSON values of a text, however they are separated."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class JsonValue:
    """An object or array, its text, and its lines in the whole text, such as "line 3" or "lines 3 to 9".

    `value` is None where no value could be read.
    """

    lines: str
    text: str
    value: dict[str, Any] | list[Any] | None


def json_values(text: str) -> Iterator[JsonValue]:
    r"""Yield the objects and arrays of a text: one per line, several on a line, or one on several lines.

    Where one cannot be read, reading goes on at the next line that begins with an object or array. A byte order mark
    may be before each.

    >>> [(one.lines, one.value) for one in json_values('{"a": 1}{"a": 2}\n{"a":\n[\n 3]')]
    [('line 1', {'a': 1}), ('line 1', {'a': 2}), ('line 2', None), ('lines 3 to 4', [3])]
    """
    line, counted = 1, 0
    start = _skip(text, 0)
    while start < len(text):
        value, end = _read(text, start)
        line += text.count("\n", counted, start)
        last = line + text.count("\n", start, end)
        yield JsonValue(f"line {line}" if last == line else f"lines {line} to {last}", text[start:end], value)
        line, counted = last, end
        start = _skip(text, end)


def _read(text: str, start: int) -> tuple[Any, int]:
    """Return the object or array at a position and where it ends, or None and where reading goes on."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        value, end = None, start
    if isinstance(value, dict | list):
        return value, end
    following = _NEXT.search(text, start)
    return None, following.start() if following else len(text.rstrip())


def _skip(text: str, start: int) -> int:
    found = _BETWEEN.match(text, start)
    return found.end() if found else start


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not a valid JSON value")


_DECODER = json.JSONDecoder(parse_constant=_reject)
"""Reads standard JSON only: databases do not read NaN and Infinity."""

_BETWEEN = re.compile(r"[\s,\ufeff]*")
_NEXT = re.compile(r"\n(?=[ \t\ufeff]*[{\[])")
