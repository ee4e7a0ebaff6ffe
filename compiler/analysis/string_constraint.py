"""Constraints on a text, such as a partner's name, and an example that satisfies them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

SEPARATORS = (" ", *map(chr, range(0x2022, 0x2C00)))
"""Characters to put between substrings; more than the excluded substrings of any segment can contain."""


@dataclass(frozen=True)
class StringConstraint:
    """A constraint on a text.

    The text is one of `allowed` (None: any text) and none of `excluded`, contains all of `substrings` and none of
    `excluded_substrings`. Substrings are compared in lower case.

    >>> (StringConstraint(substrings=("gold",)) & StringConstraint(excluded=("Gold",))).example()
    'gold'
    >>> (StringConstraint(substrings=("gold",)) & StringConstraint(excluded_substrings=("OLD",))).example() is None
    True
    """

    allowed: frozenset[str] | None = None
    excluded: tuple[str, ...] = ()
    substrings: tuple[str, ...] = ()
    excluded_substrings: tuple[str, ...] = ()

    def __and__(self, other: "StringConstraint") -> "StringConstraint":
        sets = [one for one in (self.allowed, other.allowed) if one is not None]
        return StringConstraint(
            frozenset.intersection(*sets) if sets else None,
            self.excluded + other.excluded,
            self.substrings + other.substrings,
            self.excluded_substrings + other.excluded_substrings,
        )

    def matches(self, text: str) -> bool:
        """Return whether a text satisfies the constraint."""
        low = lower(text)
        return (
            (self.allowed is None or text in self.allowed)
            and text not in self.excluded
            and all(lower(part) in low for part in self.substrings)
            and not any(lower(part) in low for part in self.excluded_substrings)
        )

    def example(self, taken: Collection[str] = ()) -> str | None:
        """Return the first text that matches and is not in `taken`; None when there is none.

        Without `allowed` the candidates are the substrings joined by a character that no excluded substring contains.
        If any text matches, this one does: every matching text contains the substrings, and joining them adds nothing
        that is excluded.
        """
        candidates = sorted(self.allowed) if self.allowed is not None else self._joined_substrings()
        return next((text for text in candidates if text not in taken and self.matches(text)), None)

    def _joined_substrings(self) -> Iterable[str]:
        used = lower("".join(self.excluded_substrings))
        separator = next(one for one in SEPARATORS if one not in used)
        parts = list(dict.fromkeys(self.substrings)) or ["Any"]
        if not self.substrings and used:
            parts = [separator]
        for extra in range(len(self.excluded) + 64):
            yield separator.join(parts) + separator * extra


def lower(text: str) -> str:
    """Return the text in lower case, converted character by character as databases do it."""
    return "".join(letter.lower()[0] for letter in text)
