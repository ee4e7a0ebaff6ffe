"""Counts per day as one line of text, before a list that is longer than the eye can count."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

BARS = "▁▂▃▄▅▆▇█"
MAX_DAYS = 60
"""Most days that are drawn; of a longer time the last ones are."""


def per_day(days: Iterable[date], noun: str, plural: str = "") -> list[str]:
    """Return a line with a bar per day from the first to the last; none for fewer than two days.

    A day without any is a blank.

    >>> per_day([date(2026, 3, 1), date(2026, 3, 1), date(2026, 3, 3)], "email")
    ['Emails per day, 2026-03-01 to 2026-03-03: █ ▄ (at most 2)']
    """
    counts = Counter(days)
    if len(counts) < 2:
        return []
    first, last, most = min(counts), max(counts), max(counts.values())
    first = max(first, last - timedelta(days=MAX_DAYS - 1))
    drawn = [counts[first + timedelta(days=number)] for number in range((last - first).days + 1)]
    bars = "".join(BARS[(len(BARS) * count + most - 1) // most - 1] if count else " " for count in drawn)
    return [f"{(plural or f'{noun}s').capitalize()} per day, {first} to {last}: {bars} (at most {most:,})"]
