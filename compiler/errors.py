"""Errors, and the problems of definitions as they are shown to people.

    PartnerflowError            an expected error: shown as one message, without a traceback
    └── DefinitionError         definitions that are not valid; has every Problem found

Imports nothing of this project.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Problem:
    """A problem of a definition: its place, what is wrong, and what to do.

    `line` and `column` count from 1. `code` is the name of the rule. `source` is the text of the line, for the
    caret.
    """

    path: str
    line: int
    column: int
    code: str
    severity: Severity
    message: str
    hint: str
    source: str = ""

    def __str__(self) -> str:
        """Return the problem as people read it: place, message, the line with a caret, the hint.

        >>> print(Problem("w.yml", 6, 5, "limits", "error", "Clicks less than 1 matches no partner.",
        ...               "Write Clicks less than 100.", "  - Clicks less than 1"))
        w.yml:6:5: error: Clicks less than 1 matches no partner. [limits]
            - Clicks less than 1
              ^
            Write Clicks less than 100.
        """
        lines = [f"{self.path}:{self.line}:{self.column}: {self.severity}: {self.message} [{self.code}]"]
        if self.source:
            start = max(0, self.column - 60) if len(self.source) > 120 else 0
            shown = self.source[start : start + 120].replace("\t", " ")
            lines += ["  " + shown, "  " + " " * (self.column - 1 - start) + "^"]
        lines.append(f"    {self.hint}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, str | int]:
        """Return the problem as JSON values: path, line, column, code, severity, message, hint."""
        keys = ("path", "line", "column", "code", "severity", "message", "hint")
        return {key: getattr(self, key) for key in keys}


class PartnerflowError(Exception):
    """An expected error, whose text says where, what, and what to do."""


class DefinitionError(PartnerflowError):
    """Definitions that are not valid; `problems` has every problem, sorted by place."""

    def __init__(self, problems: list[Problem]):
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return a sentence with the most similar known word in any letter case, or an empty text.

    >>> did_you_mean("Joyned", ["Joined", "New"])
    'Did you mean Joined? '
    >>> did_you_mean("ACME", ["Acme"])
    'Did you mean Acme? '
    """
    by_letters = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(word.casefold(), by_letters, n=1, cutoff=cutoff)
    return f"Did you mean {by_letters[near[0]]}? " if near else ""
