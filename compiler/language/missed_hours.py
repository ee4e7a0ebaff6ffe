"""The `missed_hours:` key of a definition: `send up to 3 days late`, `skip` or `hold`."""

import re

from compiler.errors import PartnerflowError
from compiler.segment_tree import MissedHours

PATTERN = r"^(?:skip|hold|send up to (?:1 day|(?:[2-9]|[12][0-9]|3[01]) days) late)$"
"""The valid values; part of the JSON schema of definitions."""

REMEDY = "Write `send up to 3 days late` (1 to 31 days), `skip` or `hold`."


def parse_missed_hours(text: str) -> MissedHours:
    """Return the policy. Raises PartnerflowError when the text is not a valid value.

    >>> parse_missed_hours("send up to 1 day late"), parse_missed_hours("hold")
    (MissedHours(policy='send', days=1), MissedHours(policy='hold', days=0))
    """
    if not re.fullmatch(PATTERN, text):
        raise PartnerflowError(f"{text!r} is not a valid value of missed_hours. {REMEDY}")
    if text in ("skip", "hold"):
        return MissedHours("skip" if text == "skip" else "hold", 0)
    return MissedHours("send", int(text.split()[3]))
