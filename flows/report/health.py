"""What of the workflows needs a person, for the first screen of the page."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from flows.local_time import counted

SIGNS = {
    "error": ("workflow had an error", "workflows had an error"),
    "held": ("workflow was held", "workflows were held"),
    "over_limit": ("workflow was over the limit", "workflows were over the limit"),
    "broken": ("definition is not valid", "definitions are not valid"),
    "in_doubt": ("workflow has emails in doubt", "workflows have emails in doubt"),
}
"""What a workflow can have, the worst first, in words after a number."""


@dataclass(frozen=True)
class Sign:
    """A sign of SIGNS, and a sentence with the number of workflows that have it."""

    name: str
    text: str


def signs_of(state: str, last_status: str | None, in_doubt: int) -> tuple[str, ...]:
    """Return the signs of a workflow: of its state, of its last run, and of its deliveries.

    >>> signs_of("active", "held", 2), signs_of("paused", "held", 0), signs_of("broken", None, 0)
    (('held', 'in_doubt'), (), ('broken',))
    """
    found = [state, last_status if state in ("active", "broken") else None, "in_doubt" if in_doubt else None]
    return tuple(name for name in SIGNS if name in found)


def count_signs(signs: Iterable[Iterable[str]]) -> list[Sign]:
    """Return the signs that any workflow has, the worst first."""
    counts = Counter(name for one in signs for name in one)
    return [Sign(name, counted(counts[name], *words)) for name, words in SIGNS.items() if counts[name]]
