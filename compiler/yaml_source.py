"""YAML text becomes plain values, each with its line and column, so that a problem can point at it.

Only what a definition needs is read: mappings, lists and scalars. Duplicate keys, aliases, tabs, deep nesting and huge
files are reported as problems, and so is text without quotes that YAML reads differently from people: a `#` in it, or
typographic quotes around it.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from compiler.errors import DefinitionError, Problem, Severity
from compiler.typography import BLANKS, is_in_typographic_quotes

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
    """A parsed file: `value` in plain Python, and the line and column of each part in `marks`, both from 1.

    `comments` has the comments behind values without quotes, on the same line, with the blanks before `#`. `misread`
    has a problem for each value that does not mean what it seems to.
    """

    path: str
    text: str
    value: Any = None
    marks: dict[YamlPath, tuple[int, int]] = field(default_factory=dict)
    comments: dict[YamlPath, str] = field(default_factory=dict)
    misread: list[Problem] = field(default_factory=list)

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

    Scalars keep the type that YAML gives them (a plain 1000 is a number). A blank of Unicode that indents a line or
    surrounds a value without quotes is a blank. Raises DefinitionError with problems with the code `yaml`.
    """
    source = Source(path, text)
    if len(text) > MAX_CHARACTERS:
        raise _refused(source, 1, 1, f"The file has {len(text):,} characters.", f"Write at most {MAX_CHARACTERS:,}.")
    text = _with_plain_indentation(text)
    try:
        _limit(source, text)
        node = yaml.compose(text, Loader=SAFE_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(source, error) from None
    except yaml.YAMLError as error:
        raise _refused(source, 1, 1, f"The text is not valid YAML: {error}", "Save it as UTF-8 text.") from None
    source.value = None if node is None else _convert(source, node, ())
    if source.misread:
        raise DefinitionError(source.misread)
    return source


_BLANK = r"[ \t\xa0\u1680\u180e\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]"
_INDENTATION = re.compile(
    rf"^(?:{_BLANK}|-(?={_BLANK}))*(?:[\w.-]+:(?={_BLANK}|$){_BLANK}*(?:\{{{_BLANK}*(?:[\w.-]+:{_BLANK}+)?)?)?",
    re.MULTILINE,
)
"""The beginning of a line up to its first value: blanks, dashes, a key, and a key in braces."""


def _with_plain_indentation(text: str) -> str:
    """Return the text with a space for each Unicode blank before the first value of a line; its length is the same."""
    start = text.startswith("\ufeff")  # the byte order mark stays
    return text[:start] + _INDENTATION.sub(lambda found: re.sub(rf"(?!\t){_BLANK}", " ", found[0]), text[start:])


def _limit(source: Source, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=SAFE_LOADER):
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
        if not node.style:
            _read_plain(source, node, path)
        return _scalar(source, node)
    if isinstance(node, yaml.SequenceNode):
        return [_convert(source, item, (*path, index)) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.MappingNode)
    return _mapping(source, node, path)


def _read_plain(source: Source, node: yaml.ScalarNode, path: YamlPath) -> None:
    """Strip a value without quotes of blanks, record the comment behind it, and report what it does not seem to be."""
    text = re.sub(rf"^[{BLANKS}]+|[{BLANKS}]+$", "", node.value)
    line, column = source.marks[path]
    source.marks[path] = (line, column + node.value.find(text))
    node.value = text
    end_line, end_column = _place(node.end_mark)
    behind = source.text.splitlines()[end_line - 1 : end_line]
    comment = re.match(rf"{_BLANK}+#.*", behind[0][end_column - 1 :]) if behind else None
    if comment:
        source.comments[path] = comment[0]
    if comment and re.match(r"\s*#+[^#\s]", comment[0]):
        cut = comment[0].strip()
        message = f"YAML reads {cut[:40]!r} as a comment, and not as a part of the value."
        hint = f"Put all of it in quotes: {yaml_text(f'{text} {cut}'.strip())}; in a comment, write a blank after #."
        column = end_column + comment[0].index("#")
        source.misread.append(source.problem_at(end_line, column, "comment", message, hint))
    if is_in_typographic_quotes(text):
        message = "YAML does not know typographic quotes, and reads them as a part of the value."
        source.misread.append(source.problem(path, "quotes", message, f"Write {yaml_text(text[1:-1], quoted=True)}."))


def yaml_text(text: str, quoted: bool = False) -> str:
    """Return the text as a YAML value, in quotes if it needs them.

    >>> yaml_text("Deals #1"), yaml_text("Deals: Best"), yaml_text("Best Deals")
    ("'Deals #1'", "'Deals: Best'", 'Best Deals')
    """
    style = "'" if quoted else None
    written: str = yaml.safe_dump([text], allow_unicode=True, width=MAX_CHARACTERS, default_style=style)
    return written.removeprefix("- ").rstrip("\n")


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
    context = error.context_mark.line + 1 if error.context_mark else line
    hint = _remedy(_line(source, line), problem, _line(source, context))
    return _refused(source, line, column, f"The text is not valid YAML: {problem}.", hint)


def _line(source: Source, line: int) -> str:
    return source.problem_at(line, 1, "", "", "").source


def _remedy(written: str, problem: str, context: str) -> str:
    """Return what to do about a line that is not valid YAML, in a list or mapping that begins in the line `context`."""
    if "\\t" in problem or "\t" in written:
        return "Indent with spaces; YAML does not allow tabs."
    value = re.fullmatch(r"\s*(?:- +)*(?:[\w.-]+: +)?(.*?)\s*", written)
    if value and problem.startswith("mapping values are not allowed") and ": " in value[1]:
        return f"Put the value in quotes, since YAML takes ': ' for the end of a key: {yaml_text(value[1])}."
    if value and problem.startswith("character") and "cannot start any token" in problem:
        return f"Put the value in quotes: {yaml_text(value[1])}."
    if " #" in written + context:
        return "YAML reads what follows ' #' as a comment; put a value that has it in quotes."
    return "Check quotes, colons and indentation around this place."


def _refused(source: Source, line: int, column: int, message: str, hint: str) -> DefinitionError:
    return DefinitionError([source.problem_at(line, column, "yaml", message, hint)])
