"""Missed hours, in a definition's words: `send up to 3 days late`, `skip` or `hold`."""

import re

from compiler.errors import PartnerflowError
from compiler.segment_tree import MissedHours

MOST_DAYS = 31
PATTERN = r"^(?:skip|hold|send up to (?:1 day|(?:[2-9]|[12][0-9]|3[01]) days) late)$"
"""Also for editors: it is part of the schema of definitions."""

REMEDY = "Write `send up to 3 days late` (1 to 31 days), `skip` or `hold`."


def parse_missed_hours(text: str) -> MissedHours:
    """What the words ask for. Raises PartnerflowError with the remedy when they are none of these.

    >>> parse_missed_hours("send up to 1 day late"), parse_missed_hours("hold")
    (MissedHours(policy='send', days=1), MissedHours(policy='hold', days=0))
    """
    if not re.fullmatch(PATTERN, text):
        raise PartnerflowError(f"{text!r} does not say what becomes of missed hours. {REMEDY}")
    policy, *rest = text.split()
    return MissedHours(policy, int(rest[2]) if rest else 0)
