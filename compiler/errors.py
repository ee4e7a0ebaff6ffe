"""What can go wrong with a definition, and how it is shown.

    PartnerflowError            anything this project raises on purpose: one message, no traceback
    └── DefinitionError         definitions that do not hold; carries every Problem found
        └── NotYet              a construct that is understood but not compiled yet

A leaf: imports nothing of this package.
"""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in one place, and what to do about it.

    `line` and `column` count from 1. `code` is the name of the check that found it. `source` is the line itself, for
    the caret.
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
        """The problem as a person reads it: place, message, the line with a caret, the remedy.

        >>> print(Problem("w.yml", 6, 5, "limits", "error", "Clicks less than 1 asks for nobody.",
        ...               "Write Clicks less than 100.", "  - Clicks less than 1"))
        w.yml:6:5: error: Clicks less than 1 asks for nobody. [limits]
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
        """The problem with the keys of the contract: path, line, column, code, severity, message, hint."""
        keys = ("path", "line", "column", "code", "severity", "message", "hint")
        return {key: getattr(self, key) for key in keys}


class PartnerflowError(Exception):
    """An expected failure: its text says where, what, and what to do."""


class DefinitionError(PartnerflowError):
    """One or more definitions do not hold; `problems` has them all, sorted by place."""

    def __init__(self, problems: list[Problem]):
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NotYet(PartnerflowError):
    """The construct is understood, but this version cannot compile it."""
