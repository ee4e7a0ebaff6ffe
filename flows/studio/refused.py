"""A save that was refused: what the page says above the form, whose texts are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from compiler import Problem
from flows.studio.files import Line


@dataclass(frozen=True)
class Refused:
    """Why nothing was written: a message, problems, or how the file as it is now differs from the edited one."""

    message: str = ""
    problems: Sequence[Problem] = ()
    is_conflict: bool = False
    lines: Sequence[Line] = ()

    @property
    def status(self) -> int:
        """The HTTP status of the page."""
        return 409 if self.is_conflict else 422
