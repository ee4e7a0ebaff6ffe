"""Names that a condition allows and another does not: is there one, and which?"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

SEPARATORS = (" ", *map(chr, range(0x2022, 0x2C00)))


@dataclass(frozen=True)
class Texts:
    """What a text must be: one of `allowed` (None: any), none of `barred`, with every one of `parts` in it and none of
    `barred_parts`, in any letter case.

    >>> (Texts(parts=("gold",)) & Texts(barred=("Gold",))).one()
    'gold'
    >>> (Texts(parts=("gold",)) & Texts(barred_parts=("OLD",))).one() is None
    True
    """

    allowed: frozenset[str] | None = None
    barred: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    barred_parts: tuple[str, ...] = ()

    def __and__(self, other: "Texts") -> "Texts":
        sets = [one for one in (self.allowed, other.allowed) if one is not None]
        return Texts(
            frozenset.intersection(*sets) if sets else None,
            self.barred + other.barred,
            self.parts + other.parts,
            self.barred_parts + other.barred_parts,
        )

    def meets(self, text: str) -> bool:
        """Whether a text is such a one."""
        low = lower(text)
        return (
            (self.allowed is None or text in self.allowed)
            and text not in self.barred
            and all(lower(part) in low for part in self.parts)
            and not any(lower(part) in low for part in self.barred_parts)
        )

    def one(self, beside: Collection[str] = ()) -> str | None:
        """The first such text that is not in `beside`; None when there is none.

        Without `allowed` it is the parts one after another, between them a letter that occurs in no barred part: if any
        text will do, that one does, because what it holds must be in every such text.
        """
        candidates = sorted(self.allowed) if self.allowed is not None else self._made()
        return next((text for text in candidates if text not in beside and self.meets(text)), None)

    def _made(self) -> Iterable[str]:
        used = lower("".join(self.barred_parts))
        separator = next(one for one in SEPARATORS if one not in used)
        parts = list(dict.fromkeys(self.parts)) or ["Any"]
        if not self.parts and used:
            parts = [separator]
        for extra in range(len(self.barred) + 64):
            yield separator.join(parts) + separator * extra


def lower(text: str) -> str:
    """Lower case letter by letter, as databases have it: whatever stands beside a letter."""
    return "".join(letter.lower()[0] for letter in text)
