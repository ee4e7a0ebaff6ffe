"""Liquid: the language of messages, with what it may do bounded.

No includes, no clock, no way to write a value into HTML unescaped; loops, nesting, output and memory have limits.
Values are data: a partner named `{{ x }}` is written to by that name.
"""

from collections.abc import Callable
from typing import Any

from liquid import BoundTemplate, Environment, StrictDefaultUndefined
from liquid.exceptions import FilterArgumentError, LiquidError

from compiler import PartnerflowError

MAX_OUTPUT = 500_000
"""Bytes that a text may become; mail programs cut off much less."""

FORBIDDEN_TAGS = ("include", "render")
FORBIDDEN_FILTERS = ("date", "safe")
"""`date` can ask the clock (today.date does not), `safe` would let a partner's name be markup."""

FAILURES = (LiquidError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What a template can fail with: python-liquid lets Python's own errors through where a filter meets odd values."""


class _Liquid(Environment):
    loop_iteration_limit = 10_000
    local_namespace_limit = 100_000
    output_stream_limit = MAX_OUTPUT
    context_depth_limit = 20

    def __init__(self, autoescape: bool):
        super().__init__(undefined=StrictDefaultUndefined, autoescape=autoescape)
        for tag in FORBIDDEN_TAGS:
            del self.tags[tag]
        for name in FORBIDDEN_FILTERS:
            del self.filters[name]
        for name, size in _GROWTH.items():
            self.add_filter(name, _bounded(self.filters[name], size))


def _replaced(value: Any, old: Any = "", new: Any = "") -> int:
    """How long a text can become in which every `old` is a `new`."""
    count = str(value).count(str(old)) if str(old) else len(str(value)) + 1
    return len(str(value)) + count * len(str(new))


def _joined(value: Any, separator: Any = " ") -> int:
    """How long a list can become as one text, its separators alone."""
    return len(value) * len(str(separator)) if hasattr(value, "__len__") else 0


_GROWTH: dict[str, Callable[..., int]] = {"replace": _replaced, "join": _joined}
"""The filters whose output grows with a product: two short texts could fill the memory before any limit looks."""


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
    """The template that a text is. Raises LiquidError with the token at which it stops being one."""
    return (_HTML if html else _TEXT).from_string(text)


def fill(template: BoundTemplate, context: dict) -> str:
    """The template with the values of `context`. Raises PartnerflowError with what Liquid says."""
    try:
        return template.render(**context)
    except FAILURES as error:
        raise PartnerflowError(f"The message cannot be filled in: {describe(error)}.") from None


def describe(error: Exception) -> str:
    """What went wrong, in Liquid's words, without its drawing."""
    return str(error.message if isinstance(error, LiquidError) else error).strip().rstrip(".") or type(error).__name__
