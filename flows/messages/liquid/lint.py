"""Check one Liquid template of a message: each problem has its place in the file and says what to do."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from liquid import BoundTemplate
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, Path, StringLiteral
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError

from compiler import Problem, Source
from compiler.errors import Severity, did_you_mean
from compiler.typography import QUOTES
from compiler.yaml_source import YamlPath
from flows.messages.liquid.environment import FAILURES, FORBIDDEN_TAGS, describe, expressions, nodes, parse
from flows.messages.liquid.tokens import TOKENS, Translated, pieces, translate, unclosed
from flows.messages.variables import NAMES, sample

MAX_CHARACTERS = 200_000
"""Characters of a template."""

_RAW = re.compile(r"\{%-?\s*raw\b")


@dataclass
class TemplateSource:
    """One template as its author wrote it: a whole file, or with `route` the value at that path of message.yml.

    `html` says whether values are escaped when it is rendered.
    """

    file: Source
    text: str
    route: YamlPath | None = None
    html: bool = False
    translated: Translated = field(init=False)

    def __post_init__(self) -> None:
        self.translated = translate(self.text if self.is_readable else "")

    @property
    def is_readable(self) -> bool:
        """Whether the text is short enough, and all its Liquid has an end."""
        return len(self.text) <= MAX_CHARACTERS and unclosed(self.text) is None

    @property
    def liquid(self) -> str:
        """The text with the platform's tokens translated into Liquid."""
        return self.translated.text

    def at(self, index: int, code: str, message: str, hint: str, severity: Severity = "error") -> Problem:
        """Return a problem at a position of `text`."""
        if self.route is not None:
            return self.file.problem(self.route, code, message, hint, offset=index, severity=severity)
        line = self.text.count("\n", 0, index) + 1
        column = index - (self.text.rfind("\n", 0, index) + 1) + 1
        return self.file.problem_at(line, column, code, message, hint, severity)

    def at_liquid(self, index: int, code: str, message: str, hint: str, severity: Severity = "error") -> Problem:
        """Return a problem at a position of `liquid`."""
        return self.at(self.translated.origin(max(index, 0)), code, message, hint, severity)


def check_template(source: TemplateSource, variables: Collection[str]) -> list[Problem]:
    """Return every problem of a template that may use these variables; after a syntax error nothing else is checked."""
    if not source.is_readable:
        return [_unreadable(source)]
    unknown = [_unknown_token(source, index, token) for index, token in source.translated.unknown]
    try:
        template = parse(source.liquid, source.html)
    except LiquidError as error:
        return [*unknown, _liquid_error(source, error)]
    problems = [*unknown, *_unknown_variables(source, template, variables), *_hidden_markup(source, template)]
    return problems or [*_render_errors(source, template), *_missing_defaults(source, template)]


def _unreadable(source: TemplateSource) -> Problem:
    if len(source.text) > MAX_CHARACTERS:
        hint = f"Keep it under {MAX_CHARACTERS:,}."
        return source.at(0, "template-size", f"The text has {len(source.text):,} characters.", hint)
    index, missing = unclosed(source.text) or (0, "")
    opened = source.text[index:].split(maxsplit=1)[0][:2]
    return source.at(index, "liquid", f"Liquid: this {opened} has no end.", f"Add {missing}.")


def _hidden_markup(source: TemplateSource, template: BoundTemplate) -> Iterator[Problem]:
    """Yield a problem for markup in Liquid, which the checks of the markup do not see."""
    if not source.html:
        return
    message, hint = "Markup in Liquid is not checked.", "Write the markup outside of Liquid."
    for index, piece, is_liquid in pieces(source.liquid):
        if is_liquid and _RAW.match(piece) and set(piece) & set("<>\"'"):
            yield source.at_liquid(index, "hidden-markup", message, hint)
    for node in nodes(template):
        for expression in expressions(node):
            if isinstance(expression, StringLiteral) and "<" in expression.value:
                yield source.at_liquid(expression.token.start_index, "hidden-markup", message, hint)


def _unknown_token(source: TemplateSource, index: int, token: str) -> Problem:
    hint = did_you_mean(token, TOKENS) + f"The tokens are {', '.join(TOKENS)}; write {{% raw %}} around other braces."
    return source.at(index, "unknown-token", f"There is no token {token}.", hint)


def _liquid_error(source: TemplateSource, error: Exception) -> Problem:
    token = getattr(error, "token", None)
    hint = "docs/messages.md lists the Liquid that messages can use."
    if re.search(f"[{QUOTES}‘’]", describe(error)):
        hint = "Liquid needs straight quotes: replace “ and ” by \", and ‘ and ’ by '."
    if token is not None and token.value in FORBIDDEN_TAGS:
        hint = "Messages cannot include other files; copy the text here."
    return source.at_liquid(token.start_index if token else 0, "liquid", f"Liquid: {describe(error)}.", hint)


def _unknown_variables(source: TemplateSource, template: BoundTemplate, known: Collection[str]) -> Iterator[Problem]:
    for variables in template.analyze(include_partials=False).globals.values():
        for variable in variables:
            name = str(variable)
            if name not in known and name.removesuffix(".size") not in known:
                if any(one.startswith(f"{name}.") for one in known):
                    message = f"{name} is a group of variables."
                elif name in NAMES:
                    message = f"{name} is undefined: message.yml has no such key."
                else:
                    message = f"{name} is undefined."
                hint = did_you_mean(name, known) + f"The variables are {', '.join(known)}."
                yield source.at_liquid(variable.span.index, "unknown-variable", message, hint)


def _render_errors(source: TemplateSource, template: BoundTemplate) -> Iterator[Problem]:
    """Render with sample values, once with all of them and once without the optional ones."""
    for omit_optional in (False, True):
        try:
            template.render(**sample(omit_optional))
        except FAILURES as error:
            yield _liquid_error(source, error)
            return


def _missing_defaults(source: TemplateSource, template: BoundTemplate) -> Iterator[Problem]:
    """Warn where an optional variable has no default and is not tested by `if`: the reader would see a gap."""
    found = list(nodes(template))
    tested = {str(part) for node in found if not isinstance(node, OutputNode) for part in _paths(node)}
    for node in found:
        expression = getattr(node, "expression", None)
        if isinstance(node, OutputNode) and isinstance(expression, FilteredExpression):
            name, filters = str(expression.left), {one.name for one in expression.filters or ()}
            variable = NAMES.get(name)
            if variable and variable.may_be_empty and "default" not in filters and name not in tested:
                hint = f"Write {{{{ {name} | default: partner.name }}}}, or test it with {{% if {name} %}}."
                message = f"{name} may be empty, which would leave a gap in the text."
                yield source.at_liquid(expression.token.start_index, "may-be-empty", message, hint, "warning")


def _paths(node: Node) -> Iterator[Path]:
    """Yield every variable path in the expressions of a node."""
    return (one for one in expressions(node) if isinstance(one, Path))
