"""Change the segment in the text of a definition, and nothing else: comments, layout and line ends stay."""

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from compiler import DefinitionError, PartnerflowError, SentenceError, Vocabulary, parse, read_yaml
from compiler.segment_tree import Condition
from compiler.yaml_source import yaml_text

KEY = "segment"


@dataclass(frozen=True)
class _Item:
    """A sentence of a list, with its lines (from the comments above it to its end) as they are in the file."""

    meaning: Condition | str
    lines: tuple[str, ...]


def with_segment(path: str, text: str, segment: Sequence[str] | str, vocabulary: Vocabulary) -> str:
    """Return the text of a definition with another segment: sentences, or the name of a saved segment.

    The text of a saved segment is a list without a key. A sentence that means the same as one of the file stays as it
    is written there, with its comments. Raises PartnerflowError (as DefinitionError if the text is not valid YAML) if
    the file is written in a way that cannot be changed so.
    """
    source = read_yaml(path, text)
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix("\ufeff")
    root = yaml.compose(body, Loader=yaml.SafeLoader)
    end = "\r\n" if "\r\n" in body else "\n"
    key, node = _found(root)
    if node is None:
        changed = _added(body, _block(segment, (), "  ", end), end)
    elif isinstance(node, yaml.SequenceNode) and not node.flow_style and segment and not isinstance(segment, str):
        changed = _replaced_items(body, node, segment, vocabulary, end)
    else:
        changed = _replaced_value(body, key, node, segment, end)
    expected = segment if isinstance(segment, str) else list(segment)
    if not _is_so(path, mark + changed, source.value, expected, vocabulary):
        raise PartnerflowError(f"The segment in {path} cannot be changed here. Edit the file as text.")
    return mark + changed


def condition_lines(text: str) -> list[tuple[int, int]]:
    """Return the first and the last line (from 1) of each condition in the text of a definition or a saved segment."""
    _, node = _found(yaml.compose(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader))
    items = node.value if isinstance(node, yaml.SequenceNode) else []
    return [(one.start_mark.line + 1, one.end_mark.line + bool(one.end_mark.column)) for one in items]


def _found(root: yaml.Node | None) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Return the node of the key `segment` and that of its value; of a list, no key and the list."""
    if isinstance(root, yaml.SequenceNode):
        return None, root
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next(((key, value) for key, value in pairs if key.value == KEY), (None, None))


def _replaced_items(
    text: str, node: yaml.SequenceNode, segment: Sequence[str], vocabulary: Vocabulary, end: str
) -> str:
    lines = text.splitlines(keepends=True)
    items, first = _items(lines, node, vocabulary)
    indent = " " * node.start_mark.column
    last = first + sum(len(one.lines) for one in items)
    return "".join([*lines[:first], *_lines(segment, items, indent, vocabulary, end), *lines[last:]])


def _items(lines: Sequence[str], node: yaml.SequenceNode, vocabulary: Vocabulary) -> tuple[list[_Item], int]:
    """Return the items of a list, and the number of the first line (from 0)."""
    begin = first = node.start_mark.line
    found = []
    for item in node.value:
        last = item.end_mark.line + (0 if item.end_mark.column else -1)
        meaning = _meaning(str(item.value), vocabulary)
        found.append(_Item(meaning, tuple(lines[begin : last + 1])))
        begin = last + 1
    return found, first


def _lines(
    segment: Sequence[str], items: Sequence[_Item], indent: str, vocabulary: Vocabulary | None, end: str
) -> list[str]:
    """Return the lines of a list: as they were where the meaning is the same."""
    found: list[str] = []
    kept = {one.meaning: one for one in reversed(items)}
    for sentence in segment:
        old = kept.pop(_meaning(sentence, vocabulary), None) if vocabulary else None
        found += old.lines if old else [f"{indent}- {yaml_text(sentence)}{end}"]
        if not found[-1].endswith(("\n", "\r")):  # the last line of a file
            found[-1] += end
    return found


def _block(segment: Sequence[str] | str, items: Sequence[_Item], indent: str, end: str) -> str:
    if isinstance(segment, str):
        return f" {yaml_text(segment)}{end}"
    return end + "".join(_lines(segment, items, indent, None, end)) if segment else f" []{end}"


def _added(text: str, block: str, end: str) -> str:
    """Return the text with the key before `action:`, or at its end."""
    lines = text.splitlines(keepends=True)
    at = next((number for number, line in enumerate(lines) if line.startswith("action:")), len(lines))
    before = "".join(lines[:at])
    return f"{before}{'' if before.endswith(end) or not before else end}{KEY}:{block}{''.join(lines[at:])}"


def _replaced_value(text: str, key: yaml.Node | None, node: yaml.Node, segment: Sequence[str] | str, end: str) -> str:
    """Return the text with another value; what follows on its last line stays, such as a comment."""
    if key is None:
        block = "".join(_lines([segment] if isinstance(segment, str) else segment, (), "", None, end)) or f"[]{end}"
        return text[: node.start_mark.index] + block + text[node.end_mark.index :].lstrip("\r\n")
    begin, rest = text[: key.end_mark.index], text[node.end_mark.index :]
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        rest = text[node.value[-1].end_mark.index :]
    line, _, after = rest.partition("\n")
    comment = line.rstrip("\r").rstrip()
    block = _block(segment, (), "  ", end)
    if isinstance(segment, str) or not segment:
        return f"{begin}:{block.rstrip()}{comment and '  ' + comment.lstrip()}{end}{after}"
    return f"{begin}:{comment and '  ' + comment.lstrip()}{block}{after}"


def _is_so(path: str, changed: str, before: object, segment: object, vocabulary: Vocabulary) -> bool:
    """Return whether the text says what it said before, with this segment."""
    try:
        now = read_yaml(path, changed).value
    except DefinitionError:
        return False
    found = now.get(KEY) if isinstance(now, dict) else now
    others = isinstance(before, list) or (
        isinstance(before, dict) and isinstance(now, dict) and {**before, KEY: None} == {**now, KEY: None}
    )
    return others and _meanings(found, vocabulary) == _meanings(segment, vocabulary)


def _meanings(segment: object, vocabulary: Vocabulary) -> object:
    return [_meaning(str(one), vocabulary) for one in segment] if isinstance(segment, list) else segment


def _meaning(sentence: str, vocabulary: Vocabulary) -> Condition | str:
    try:
        return parse(sentence, vocabulary)
    except SentenceError:
        return sentence
