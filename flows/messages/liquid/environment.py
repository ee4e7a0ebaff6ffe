"""The Liquid environment of messages: a subset of the language, with limits on what a template can do.

There are no includes and no clock, and no filter writes a value into HTML unescaped; loops, nesting, output and memory
are limited. Values are data: the name `{{ x }}` is printed, never evaluated.
"""

from collections.abc import Callable, Mapping
from typing import Any

from liquid import BoundTemplate, Environment, StrictDefaultUndefined
from liquid.exceptions import FilterArgumentError, LiquidError

from compiler import PartnerflowError

MAX_OUTPUT = 500_000
"""Bytes that a template may render to. Mail programs cut off emails far shorter than this."""

MAX_LOOP_ITERATIONS = 10_000
"""Iterations of all loops in one template."""

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
        for name, size in _GROWTH.items():
            self.add_filter(name, _bounded(self.filters[name], size))


def _replaced_size(value: Any, old: Any = "", new: Any = "") -> int:
    """Return an upper bound for the length of `value` after each `old` is replaced by `new`."""
    count = str(value).count(str(old)) if str(old) else len(str(value)) + 1
    return len(str(value)) + count * len(str(new))


def _joined_size(value: Any, separator: Any = " ") -> int:
    """Return the total length of the separators in a joined list."""
    return len(value) * len(str(separator)) if hasattr(value, "__len__") else 0


_GROWTH: dict[str, Callable[..., int]] = {"replace": _replaced_size, "join": _joined_size}
"""Filters whose output grows with a product: two short texts could exhaust memory before Liquid checks a limit."""


def _bounded(function: Callable[..., Any], size: Callable[..., int]) -> Callable[..., Any]:
    def bounded(value: Any, *arguments: Any, **named: Any) -> Any:
        if size(value, *arguments[:2]) > MAX_OUTPUT:
            raise FilterArgumentError("the result would be too long", token=None)
        return function(value, *arguments, **named)

    for flag in ("with_context", "with_environment"):
        if hasattr(function, flag):
            setattr(bounded, flag, True)
    return bounded


_TEXT, _HTML = _Liquid(autoescape=False), _Liquid(autoescape=True)


def parse(text: str, html: bool = False) -> BoundTemplate:
    """Parse a template; with `html`, values are escaped. Raises LiquidError, which has the token of a syntax error."""
    return (_HTML if html else _TEXT).from_string(text)


def fill(template: BoundTemplate, context: Mapping[str, Any]) -> str:
    """Return the template rendered with the values of `context`. Raises PartnerflowError with Liquid's message."""
    try:
        return template.render(**context)
    except FAILURES as error:
        raise PartnerflowError(f"The message cannot be rendered: {describe(error)}.") from None


def describe(error: Exception) -> str:
    """Return Liquid's error message in one line, without the excerpt that it draws."""
    return str(error.message if isinstance(error, LiquidError) else error).strip().rstrip(".") or type(error).__name__
