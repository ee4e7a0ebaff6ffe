"""A passage: one Liquid text of a message, and the rules that it must keep, with places and remedies."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from liquid import BoundTemplate
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.context import RenderContext
from liquid.exceptions import LiquidError

from compiler import Problem, Source
from compiler.language.definition import did_you_mean
from compiler.yaml_source import Route
from flows.messages.liquid.environment import FAILURES, FORBIDDEN_TAGS, describe, parse
from flows.messages.liquid.tokens import TOKENS, Translated, translate
from flows.messages.variables import NAMES, sample


@dataclass
class Passage:
    """A text as written, and where: a whole file, or the value at `route` of message.yml."""

    source: Source
    written: str
    route: Route | None = None
    html: bool = False
    translated: Translated = field(init=False)

    def __post_init__(self) -> None:
        self.translated = translate(self.written)

    @property
    def liquid(self) -> str:
        """The text with the platform's tokens as Liquid."""
        return self.translated.text

    def at(self, index: int, code: str, message: str, hint: str, severity: str = "error") -> Problem:
        """A problem at a place of the text as written."""
        if self.route is not None:
            return self.source.problem(self.route, code, message, hint, offset=index, severity=severity)
        line = self.written.count("\n", 0, index) + 1
        column = index - (self.written.rfind("\n", 0, index) + 1) + 1
        return self.source.problem_at(line, column, code, message, hint, severity)

    def at_liquid(self, index: int, code: str, message: str, hint: str, severity: str = "error") -> Problem:
        """A problem at a place of `liquid`."""
        return self.at(self.translated.origin(max(index, 0)), code, message, hint, severity)


def check_passage(passage: Passage, variables: Collection[str]) -> list[Problem]:
    """Every problem of a passage that may use these variables; the first of Liquid's grammar hides the others."""
    unknown = [_unknown_token(passage, index, token) for index, token in passage.translated.unknown]
    try:
        template = parse(passage.liquid, passage.html)
    except LiquidError as error:
        return [*unknown, _grammar(passage, error)]
    problems = [*unknown, *_variables(passage, template, variables)]
    return problems or [*_unfillable(passage, template), *_lacking(passage, template)]


def _unknown_token(passage: Passage, index: int, token: str) -> Problem:
    hint = did_you_mean(token, TOKENS) + f"The tokens are {', '.join(TOKENS)}; write {{% raw %}} around other braces."
    return passage.at(index, "unknown-token", f"There is no token {token}.", hint)


def _grammar(passage: Passage, error: Exception) -> Problem:
    token = getattr(error, "token", None)
    hint = "See the messages page for what Liquid may do here."
    if token is not None and token.value in FORBIDDEN_TAGS:
        hint = "A message stands alone: write the text out."
    return passage.at_liquid(token.start_index if token else 0, "liquid", f"Liquid: {describe(error)}.", hint)


def _variables(passage: Passage, template: BoundTemplate, offered: Collection[str]) -> Iterator[Problem]:
    for variables in template.analyze(include_partials=False).globals.values():
        for variable in variables:
            name = str(variable)
            if name not in offered and name.removesuffix(".size") not in offered:
                if any(one.startswith(f"{name}.") for one in offered):
                    message = f"{name} is a group of variables."
                elif name in NAMES:
                    message = f"{name} is undefined: message.yml has no such key."
                else:
                    message = f"{name} is undefined."
                hint = did_you_mean(name, offered) + f"The variables are {', '.join(offered)}."
                yield passage.at_liquid(variable.span.index, "unknown-variable", message, hint)


def _unfillable(passage: Passage, template: BoundTemplate) -> Iterator[Problem]:
    """Filled in with samples, once with every value and once without those that may be missing."""
    for lacking in (False, True):
        try:
            template.render(**sample(lacking))
        except FAILURES as error:
            yield _grammar(passage, error)
            return


def _lacking(passage: Passage, template: BoundTemplate) -> Iterator[Problem]:
    """What may be missing is given a default, or asked for with `if`; else a reader sees a gap (warning)."""
    nodes = list(_nodes(template))
    asked = {str(part) for node in nodes if not isinstance(node, OutputNode) for part in _paths(node)}
    for node in nodes:
        expression = getattr(node, "expression", None)
        if isinstance(node, OutputNode) and isinstance(expression, FilteredExpression):
            name, filters = str(expression.left), {one.name for one in expression.filters or ()}
            variable = NAMES.get(name)
            if variable and variable.may_be_empty and "default" not in filters and name not in asked:
                hint = f"Write {{{{ {name} | default: partner.name }}}}, or ask with {{% if {name} %}}."
                message = f"{name} may be missing, which leaves a gap."
                yield passage.at_liquid(expression.token.start_index, "may-be-empty", message, hint, "warning")


def _nodes(template: BoundTemplate) -> Iterator[Node]:
    context, waiting = RenderContext(template), list(template.nodes)
    while waiting:
        node = waiting.pop(0)
        yield node
        waiting += node.children(context, include_partials=False)


def _paths(node: Node) -> Iterator[Path]:
    waiting = list(node.expressions())
    while waiting:
        expression = waiting.pop()
        if isinstance(expression, Path):
            yield expression
        waiting += expression.children()
