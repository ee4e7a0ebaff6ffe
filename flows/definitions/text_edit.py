"""Change keys in the text of a definition, and nothing else: comments, layout and line ends stay.

flows.studio.segment.definition_text does so for the conditions of a segment.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from compiler import DefinitionError, PartnerflowError, read_yaml
from compiler.typography import is_in_typographic_quotes
from compiler.yaml_source import yaml_text

Value = str | Mapping[str, str] | None
"""The value of a key: text, a mapping of texts (`email: welcome`), or None to remove the key."""

ORDER = (
    "id", "name", "description", "owner", "program", "status", "recipients", "send_window", "missed_hours", "holdout",
    "goal", "notify", "segment", "action",
)  # fmt: skip
"""The order in which a new key is added: before the first key of the file that comes after it here."""


@dataclass(frozen=True)
class _Entry:
    """A key at the top of a definition: where it begins, and the node and the range of its value (characters)."""

    start: int
    value: yaml.Node
    first: int
    end: int


def with_values(path: str, text: str, values: Mapping[str, Value]) -> str:
    """Return the text of a definition with other values of some keys.

    >>> print(with_values("w.yml", "name: W  # ours\\nprogram: '1'\\n", {"name": "V: 1", "owner": "Ann"}), end="")
    name: 'V: 1'  # ours
    owner: Ann
    program: '1'

    Raises PartnerflowError if the file is written in a way that cannot be changed so, and DefinitionError if it is not
    valid YAML.
    """
    wanted = {key: value for key, value in values.items() if _plain(value) != read_yaml(path, text).value.get(key)}
    changed = text
    try:
        for key, value in wanted.items():
            changed = _with_value(changed, key, value)
    except yaml.YAMLError:  # blanks that read_yaml accepts
        changed = text
    _require_only(path, text, changed, wanted)
    return changed


def _plain(value: Value) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _with_value(text: str, key: str, value: Value) -> str:
    entries = _entries(text)
    line_end = "\r\n" if "\r\n" in text else "\n"
    if key not in entries:
        return text if value is None else _added(text, entries, key, value, line_end)
    entry = entries[key]
    if value is None:
        return text[: entry.start] + text[_next_line(text, entry.end) :]
    if isinstance(value, str) and isinstance(entry.value, yaml.ScalarNode) and entry.value.style not in ("|", ">"):
        return text[: entry.first] + _scalar(value, entry.value.style) + text[entry.end :]
    return text[: entry.start] + _entry(key, value, line_end) + text[_next_line(text, entry.end) :]


def _scalar(value: str, style: str | None) -> str:
    return (
        yaml_text(value, quoted=True) if style == "'" else _double_quoted(value) if style == '"' else _plain_text(value)
    )


def _double_quoted(value: str) -> str:
    written: str = yaml.safe_dump([value], allow_unicode=True, width=1_000_000, default_style='"')
    return written.removeprefix("- ").rstrip("\n")


def _plain_text(value: str) -> str:
    return (
        _double_quoted(value) if re.fullmatch(r"[\d._-]+", value) else yaml_text(value, is_in_typographic_quotes(value))
    )


def _added(text: str, entries: Mapping[str, _Entry], key: str, value: str | Mapping[str, str], line_end: str) -> str:
    later = ORDER[ORDER.index(key) + 1 :] if key in ORDER else ()
    place = min((one.start for name, one in entries.items() if name in later), default=len(text))
    before = text[:place] if not text[:place] or text[:place].endswith("\n") else text[:place] + line_end
    return before + _entry(key, value, line_end) + text[place:]


def _entry(key: str, value: str | Mapping[str, str], line_end: str) -> str:
    if isinstance(value, str):
        return f"{key}: {_plain_text(value)}{line_end}"
    lines = [f"{key}:", *(f"  {name}: {_plain_text(one)}" for name, one in value.items())]
    return "".join(f"{line}{line_end}" for line in lines)


def _entries(text: str) -> dict[str, _Entry]:
    node = yaml.compose(text, Loader=yaml.SafeLoader)  # of Python, whose marks count characters
    assert isinstance(node, yaml.MappingNode)
    return {key.value: _Entry(key.start_mark.index, one, one.start_mark.index, _end(one)) for key, one in node.value}


def _end(node: yaml.Node) -> int:
    """Return the end of a value: of its last scalar, since a block ends only where the next one begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        return max((_end(one) for one in _children(node)), default=node.end_mark.index)
    return int(node.end_mark.index)


def _children(node: yaml.CollectionNode) -> Iterator[yaml.Node]:
    for one in node.value:
        yield from one if isinstance(one, tuple) else (one,)


def _next_line(text: str, place: int) -> int:
    """Return the beginning of the line after a place, or the place itself if it begins a line."""
    if text[:place].endswith("\n"):
        return place
    found = text.find("\n", place)
    return len(text) if found < 0 else found + 1


def _require_only(path: str, text: str, changed: str, values: Mapping[str, Value]) -> None:
    expected = {**read_yaml(path, text).value, **{key: _plain(value) for key, value in values.items()}}
    expected = {key: value for key, value in expected.items() if key not in values or value is not None}
    try:
        is_right = read_yaml(path, changed).value == expected
    except DefinitionError:
        is_right = False
    if not is_right:
        written = " and ".join(f"`{key}: {value}`" for key, value in values.items() if isinstance(value, str))
        hint = f" Write {written} in it." if written else ""
        message = f"{' and '.join(values)} in {path} cannot be changed here. Edit the file as text.{hint}"
        raise PartnerflowError(message)
