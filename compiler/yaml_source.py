"""YAML text becomes plain values, each with its line and column, so that a problem can point at it.

Only what a definition needs is read: mappings, lists and scalars. Duplicate keys, aliases, tabs, deep nesting and huge
files are reported as problems.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

from compiler.errors import DefinitionError, Problem, Severity

MAX_CHARACTERS = 200_000
"""The longest text that is read, in characters."""

MAX_DEPTH = 12
"""The deepest nesting of mappings and lists that is read."""

SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader of libyaml where PyYAML has it: the same grammar, about ten times as fast."""

YamlPath = tuple[str | int, ...]
"""The path to a value: keys and list positions from the root."""


@dataclass
class Source:
    """A parsed file: `value` in plain Python, and the line and column of each part in `marks`, both from 1."""

    path: str
    text: str
    value: Any = None
    marks: dict[YamlPath, tuple[int, int]] = field(default_factory=dict)

    def problem(
        self, path: YamlPath, code: str, message: str, hint: str, offset: int = 0, severity: Severity = "error"
    ) -> Problem:
        """Return a problem at a value; `offset` counts characters into a scalar of one line."""
        while path not in self.marks and path:
            path = path[:-1]
        line, column = self.marks.get(path, (1, 1))
        return self.problem_at(line, column + offset, code, message, hint, severity)

    def problem_at(
        self, line: int, column: int, code: str, message: str, hint: str, severity: Severity = "error"
    ) -> Problem:
        """Return a problem at a line and column, both from 1."""
        lines = self.text.splitlines()
        shown = lines[line - 1] if 0 < line <= len(lines) else ""
        return Problem(self.path, line, column, code, severity, message, hint, shown)


def read_yaml(path: str, text: str) -> Source:
    """Return the values of one YAML document with their lines and columns.

    Scalars keep the type that YAML gives them (a plain 1000 is a number). Raises DefinitionError with a problem with
    the code `yaml`.
    """
    source = Source(path, text)
    if len(text) > MAX_CHARACTERS:
        raise _refused(source, 1, 1, f"The file has {len(text):,} characters.", f"Write at most {MAX_CHARACTERS:,}.")
    try:
        _limit(source)
        node = yaml.compose(text, Loader=SAFE_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(source, error) from None
    except yaml.YAMLError as error:
        raise _refused(source, 1, 1, f"The text is not valid YAML: {error}", "Save it as UTF-8 text.") from None
    source.value = None if node is None else _convert(source, node, ())
    return source


def _limit(source: Source) -> None:
    depth = 0
    for event in yaml.parse(source.text, Loader=SAFE_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line, column = _place(event.start_mark)
        if depth > MAX_DEPTH:
            raise _refused(
                source, line, column, f"The YAML is nested more than {MAX_DEPTH} levels deep.", "Use fewer levels."
            )
        if isinstance(event, yaml.AliasEvent):
            hint = "Write the value out, or reuse a segment by its name."
            raise _refused(source, line, column, "Aliases (*name) are not supported.", hint)


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _convert(source: Source, node: yaml.Node, path: YamlPath) -> Any:
    quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
    source.marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1 + quoted)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(source, node)
    if isinstance(node, yaml.SequenceNode):
        return [_convert(source, item, (*path, index)) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.MappingNode)
    return _mapping(source, node, path)


_CONSTRUCTOR = yaml.SafeLoader("")


def _scalar(source: Source, node: yaml.ScalarNode) -> Any:
    try:
        return _CONSTRUCTOR.construct_object(node)
    except (yaml.YAMLError, ValueError):
        place = _place(node.start_mark)
        raise _refused(source, *place, f"{node.value!r} is not a valid value.", "Put it in quotes.") from None


def _mapping(source: Source, node: yaml.MappingNode, path: YamlPath) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        place = _place(key_node.start_mark)
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key is None:
            raise _refused(source, *place, "This key is not text.", "Write key: value.")
        if key in result:
            raise _refused(source, *place, f"The key {key} is given twice.", "Remove one of them.")
        result[key] = _convert(source, value_node, (*path, key))
        if value_node.value == "":
            source.marks[(*path, key)] = place
    return result


def _unreadable(source: Source, error: yaml.MarkedYAMLError) -> DefinitionError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = (error.problem or "it cannot be parsed").removeprefix("found ")
    hint = "Check quotes, colons and indentation around this place."
    if "\\t" in problem or "\t" in source.problem_at(line, 1, "", "", "").source:
        hint = "Indent with spaces; YAML does not allow tabs."
    return _refused(source, line, column, f"The text is not valid YAML: {problem}.", hint)


def _refused(source: Source, line: int, column: int, message: str, hint: str) -> DefinitionError:
    return DefinitionError([source.problem_at(line, column, "yaml", message, hint)])
