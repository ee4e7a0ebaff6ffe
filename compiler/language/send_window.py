"""The `send_window:` key of a definition and of the contact policy: `weekdays 09:00-17:00`.

The times are those of the program, or with `in the partner's time zone` those of each partner.
"""

import re

from compiler.errors import PartnerflowError
from compiler.segment_tree import DAYS, SendWindow

_DAY, _TIME = f"(?:{'|'.join(DAYS)})", "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_OF_PARTNER = " in the partner's time zone"
PATTERN = (
    rf"^(?:every day|weekdays|weekends|{_DAY}(?:-{_DAY}|(?:, {_DAY})*)) {_TIME}-(?:{_TIME}|24:00)(?:{_OF_PARTNER})?$"
)
"""The valid values; part of the JSON schema of definitions. That the window lasts an hour is checked separately."""

REMEDY = (
    "Write days and times, such as `weekdays 09:00-17:00`, `every day 08:00-20:00`, `Mon-Thu 09:00-12:00` or "
    "`Tue, Thu 10:00-16:00`. The window is of one day and lasts an hour or more, because runs are hourly. It is "
    "in the time of the program; for the time of each partner, add `in the partner's time zone`."
)

_NAMED = {"every day": range(7), "weekdays": range(5), "weekends": range(5, 7)}


def parse_send_window(text: str) -> SendWindow:
    """Return the window. Raises PartnerflowError when the text is not a valid value.

    >>> print(parse_send_window("Mon-Fri 09:00-17:00"), parse_send_window("Fri-Mon 08:30-24:00"), sep=" | ")
    weekdays 09:00-17:00 | Mon, Fri, Sat, Sun 08:30-24:00
    >>> print(parse_send_window("Mon-Fri 09:00-17:00 in the partner's time zone"))
    weekdays 09:00-17:00 in the partner's time zone
    """
    if not re.fullmatch(PATTERN, text):
        raise PartnerflowError(f"{text!r} is not a valid value of send_window. {REMEDY}")
    days, _, times = text.removesuffix(_OF_PARTNER).rpartition(" ")
    start, end = (60 * int(one[:2]) + int(one[3:]) for one in times.split("-"))
    if end - start < 60:
        raise PartnerflowError(f"The window {times} does not last an hour. {REMEDY}")
    return SendWindow(
        frozenset(_NAMED[days] if days in _NAMED else _days(days)), start, end, text.endswith(_OF_PARTNER)
    )


def _days(text: str) -> list[int]:
    if "-" not in text:
        return [DAYS.index(one) for one in text.split(", ")]
    first, last = (DAYS.index(one) for one in text.split("-"))
    return [day % 7 for day in range(first, last + (7 if last < first else 0) + 1)]
