"""Format: the canonical sentences of a segment."""

from collections.abc import Iterable

from compiler.segment_tree import Condition


def format(segment: Iterable[Condition]) -> list[str]:
    """One sentence a condition, in the help page's words; parsing it gives the condition back.

    >>> from compiler import parse, project_vocabulary
    >>> format([parse("last transition date  between 10/1/2024 & 2024-10-07", project_vocabulary())])
    ['Last Transition Date between Oct 1 2024 and Oct 7 2024']
    """
    return [str(condition) for condition in segment]
