"""The Liquid environment of messages: a subset of the language, with limits on what a template can do.

There are no includes and no clock, and no filter writes a value into HTML unescaped; loops, nesting, output and memory
are limited. Values are data: the name `{{ x }}` is printed, never evaluated.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from liquid import BoundTemplate, Environment, RenderContext, StrictDefaultUndefined
from liquid.ast import Node
from liquid.builtin.expressions import LoopExpression
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import FilterArgumentError, LiquidError, LiquidSyntaxError
from liquid.expression import Expression

from compiler import PartnerflowError

MAX_OUTPUT = 500_000
"""Bytes that a template may render to, and the length of a filter's result. Mail programs cut off far shorter ones."""

MAX_LOOP_ITERATIONS = 10_000
"""Iterations of all loops in one template."""

MAX_BITS = 4096
"""Bits of an integer that a filter may return."""

MAX_NAMESPACE = 100_000
"""Bytes of the variables that one template assigns."""

MAX_CONTEXT_DEPTH = 20
"""Scopes (loops in loops) that may be open at once."""

FORBIDDEN_TAGS = ("include", "render")
FORBIDDEN_FILTERS = ("date", "safe")
"""`date` can read the clock (today.date cannot), and `safe` would let a partner's name be markup."""

FAILURES = (LiquidError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What rendering can raise: python-liquid does not catch Python's own errors where a filter gets an odd value."""


class _Liquid(Environment):
    loop_iteration_limit = MAX_LOOP_ITERATIONS
    local_namespace_limit = MAX_NAMESPACE
    output_stream_limit = MAX_OUTPUT
    context_depth_limit = MAX_CONTEXT_DEPTH

    def __init__(self, autoescape: bool):
        super().__init__(undefined=StrictDefaultUndefined, autoescape=autoescape)
        for tag in FORBIDDEN_TAGS:
            del self.tags[tag]
        for name in FORBIDDEN_FILTERS:
            del self.filters[name]
        for name, function in list(self.filters.items()):
            self.add_filter(name, _bounded(function, _GROWTH.get(name)))


def _replaced_size(value: Any, old: Any = "", new: Any = "") -> int:
    """Return an upper bound for the length of `value` after each `old` is replaced by `new`."""
    count = str(value).count(str(old)) if str(old) else len(str(value)) + 1
    return len(str(value)) + count * len(str(new))


def _joined_size(value: Any, separator: Any = " ") -> int:
    """Return the total length of the separators in a joined list."""
    return len(value) * len(str(separator)) if hasattr(value, "__len__") else 0


_GROWTH: dict[str, Callable[..., int]] = {"replace": _replaced_size, "join": _joined_size}
"""Filters whose output grows with a product: two short texts could exhaust memory before Liquid checks a limit."""


def _bounded(function: Callable[..., Any], size: Callable[..., int] | None) -> Callable[..., Any]:
    """Return the filter with a limit on its result; `size` estimates the result before it is computed."""

    def bounded(value: Any, *arguments: Any, **named: Any) -> Any:
        if size and size(value, *arguments[:2]) > MAX_OUTPUT:
            raise FilterArgumentError("the result would be too long", token=None)
        result = function(value, *arguments, **named)
        if isinstance(result, int):
            too_long = result.bit_length() > MAX_BITS
        else:
            too_long = hasattr(result, "__len__") and len(result) > MAX_OUTPUT
        if too_long:
            raise FilterArgumentError("the result is too long", token=None)
        return result

    for flag in ("with_context", "with_environment"):
        if hasattr(function, flag):
            setattr(bounded, flag, True)
    return bounded


_TEXT, _HTML = _Liquid(autoescape=False), _Liquid(autoescape=True)


def parse(text: str, html: bool = False) -> BoundTemplate:
    """Parse a template; with `html`, values are escaped. Raises LiquidError, which has the token of a syntax error.

    A range is a syntax error except in a loop, whose iterations are limited: (1..999999999) | join is as long as that.
    """
    template = (_HTML if html else _TEXT).from_string(text)
    for node in nodes(template):
        for expression in expressions(node):
            if isinstance(expression, RangeLiteral):
                raise LiquidSyntaxError("a range can only be looped over", token=expression.token)
    return template


def nodes(template: BoundTemplate) -> Iterator[Node]:
    """Yield every node of the template, breadth first."""
    context, waiting = RenderContext(template), list(template.nodes)
    while waiting:
        node = waiting.pop(0)
        yield node
        waiting += node.children(context, include_partials=False)


def expressions(node: Node) -> Iterator[Expression]:
    """Yield every expression in a node, except the range that a loop goes through."""
    waiting: list[Expression] = list(node.expressions())
    while waiting:
        expression = waiting.pop()
        yield expression
        inner = expression.children()
        if isinstance(expression, LoopExpression):
            inner = [part for one in inner for part in (one.children() if isinstance(one, RangeLiteral) else [one])]
        waiting += inner


def fill(template: BoundTemplate, context: Mapping[str, Any]) -> str:
    """Return the template rendered with the values of `context`. Raises PartnerflowError with Liquid's message."""
    try:
        return template.render(**context)
    except FAILURES as error:
        raise PartnerflowError(f"The message cannot be rendered: {describe(error)}.") from None


def describe(error: Exception) -> str:
    """Return Liquid's error message in one line, without the excerpt that it draws."""
    return str(error.message if isinstance(error, LiquidError) else error).strip().rstrip(".") or type(error).__name__
