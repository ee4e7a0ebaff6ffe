"""Change texts in message.yml, and nothing else: comments, layout and line ends stay."""

from collections.abc import Mapping
from typing import Any

import yaml

from compiler import DefinitionError, PartnerflowError, read_yaml
from compiler.yaml_source import YamlPath, yaml_text


def with_texts(path: str, text: str, texts: Mapping[YamlPath, str | None]) -> str:
    """Return the text of message.yml with other values at some paths; None removes the key, as does a blank text.

    >>> german = {("translations", "de", "subject"): "Hallo: du"}
    >>> print(with_texts("message.yml", "subject: Hi  # ours\\n", german), end="")
    subject: Hi  # ours
    translations:
      de:
        subject: 'Hallo: du'

    Raises PartnerflowError (as DefinitionError if the text is not valid YAML) if the file is written in a way that
    cannot be changed so.
    """
    expected = read_yaml(path, text).value
    changed = text
    for route, value in texts.items():
        wanted = value if value and value.strip() else None
        if _value(expected, route) == wanted:
            continue
        changed = _without(changed, route) if wanted is None else _with(changed, route, wanted)
        expected = _changed(expected, route, wanted)
    try:
        is_so = read_yaml(path, changed).value == expected
    except DefinitionError:
        is_so = False
    if not is_so:
        raise PartnerflowError(f"{path} cannot be changed here. Edit the file as text.")
    return changed


def _value(document: Any, route: YamlPath) -> Any:
    for step in route:
        document = document.get(step) if isinstance(document, dict) else None
    return document


def _changed(document: Any, route: YamlPath, value: str | None) -> Any:
    """Return a document with another value; mappings that become empty are removed."""
    step, *rest = route
    inner = _changed(_value(document, (step,)), tuple(rest), value) if rest else value
    found = {**(document if isinstance(document, dict) else {}), step: inner}
    return {key: one for key, one in found.items() if key != step or one not in (None, {})}


def _with(text: str, route: YamlPath, value: str) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    at, depth, inside = len(text), 0, node
    for step in route:
        pairs = inside.value if isinstance(inside, yaml.MappingNode) else []
        found = next((one for key, one in pairs if key.value == step), None)
        if found is None:
            break
        at, inside, depth = _after(text, found), found, depth + 1
    if depth == len(route) and isinstance(inside, yaml.ScalarNode):
        return text[: inside.start_mark.index] + _written(value, inside) + _behind(text, inside)
    indent = inside.start_mark.column if isinstance(inside, yaml.MappingNode) and inside.value else 2 * depth
    lines = [f"{' ' * (indent + 2 * number)}{step}:" for number, step in enumerate(route[depth:])]
    lines[-1] += f" {yaml_text(value)}"
    before = text[:at] if depth else text
    return f"{before}{'' if before.endswith(end) or not before else end}{end.join(lines)}{end}{text[len(before) :]}"


def _written(value: str, node: yaml.ScalarNode) -> str:
    is_quoted = node.style in ("'", '"')
    if node.style == '"':
        quoted: str = yaml.safe_dump([value], allow_unicode=True, width=1_000_000, default_style='"')
        return quoted.removeprefix("- ").rstrip("\n")
    return yaml_text(value, quoted=is_quoted)


def _behind(text: str, node: yaml.Node) -> str:
    rest = text[node.end_mark.index :]
    is_block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return f"\n{rest}" if is_block else rest


def _after(text: str, node: yaml.Node) -> int:
    """Return the place behind the last line of a value."""
    while isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        node = node.value[-1][1]
    place = int(node.end_mark.index)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return place
    found = text.find("\n", place)
    return len(text) if found < 0 else found + 1


def _without(text: str, route: YamlPath) -> str:
    """Return the text without a key, and without the mappings that it leaves empty."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    begin = end = 0
    for step in route:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        key, value = next((key, one) for key, one in pairs if key.value == step)
        if len(pairs) > 1 or not end:
            begin, end = key.start_mark.index - key.start_mark.column, _after(text, value)
        node = value
    return text[:begin] + text[end:]
