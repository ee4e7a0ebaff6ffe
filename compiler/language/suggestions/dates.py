"""Suggest windows for what people write after Last Transition Date and Performance Date Range."""

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

from compiler.language.suggestions.suggestion import Suggestion, lacks, write
from compiler.segment_tree import DateRange, DateWithin, DaysAgo, LastDays, Window
from compiler.vocabulary import Field

MAX_DAYS = 36_600
"""The most days in a window: a hundred years."""

_UNITS = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "quarter": 90, "year": 365}
_WORDS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_N = rf"(?P<n>\d{{1,5}}|{'|'.join(_WORDS)})"
_UNIT = rf"(?P<unit>{'|'.join(_UNITS)})s?"
_TWO = r"(?P<a>\d{1,5}) ?(?:and|&|to|[-–—]) ?(?P<b>\d{1,5})"
_IN = r"(?:(?:is|was|in|within|during|over|on|the) )*"
_OLDEST, _NEWEST = date(2000, 1, 1), date(2099, 12, 31)

_MONTHS = {name[:3].lower(): number for number, name in enumerate(calendar.month_name) if name}
_DAY = (
    r"(?:[a-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? ?\d{4}"
    r"|(?:the )?\d{1,2}(?:st|nd|rd|th)?\.?(?: of)?[ -][a-z]{3,9}\.?,?[ -]\d{4}"
    r"|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:t[\d:.z+-]*)?|\d{1,2}\.\d{1,2}\.\d{4}|\d{1,2}/\d{1,2}/\d{4})"
)

_Found = re.Match[str]


def _days(found: _Found) -> int:
    number = _WORDS.get(found["n"].lower()) or int(found["n"])
    return min(number * _UNITS[found["unit"].lower()], MAX_DAYS)


def _last(found: _Found) -> Window:
    days = _days(found) if found["n"] else _UNITS[found["unit"].lower()]
    return LastDays(max(days, 1))


def _interval(found: _Found) -> Window:
    first, last = sorted((int(found["a"]), int(found["b"])))
    return DaysAgo(first, min(last, MAX_DAYS))


_BOUNDS: dict[str, Callable[[int], DaysAgo]] = {
    r"more than|over|older than|longer than|before|>": lambda days: DaysAgo(min(days + 1, MAX_DAYS), MAX_DAYS),
    r"at least|not less than|no less than|>=|≥": lambda days: DaysAgo(days, MAX_DAYS),
    r"less than|fewer than|under|newer than|<": lambda days: DaysAgo(0, max(days - 1, 0)),
    r"at most|not more than|no more than|up to|within|<=|≤": lambda days: DaysAgo(0, days),
}
"""The days ago that a bound on their number means."""

_WINDOWS: dict[str, Callable[[_Found], Window]] = {
    rf"{_IN}(?:last|past|previous|prior|this|current) ?(?:{_N} )?{_UNIT}": _last,
    rf"{_IN}{_N} {_UNIT} (?:ago|before|earlier)": lambda found: DaysAgo(_days(found), _days(found)),
    rf"(?:is )?(?:interval )?(?:between|from)? ?{_TWO}(?: days?)?(?: ago)?": _interval,
    r"(?:is )?(?:now|tomorrow|in the future)": lambda _: DaysAgo(0, 0),
    r"(?:is )?(?:not|before|earlier than|older than) today": lambda _: DaysAgo(1, MAX_DAYS),
}

_AHEAD: dict[str, Callable[[_Found], Window]] = {
    rf"(?:is )?in {_N} {_UNIT}": lambda found: DaysAgo(-_days(found), -_days(found)),
    rf"(?:is )?{_N} {_UNIT} (?:from (?:now|today)|ahead|later)": lambda found: DaysAgo(-_days(found), -_days(found)),
    rf"{_IN}(?:next|coming) {_N} {_UNIT}": lambda found: DaysAgo(-_days(found), 0),
    r"(?:is )?tomorrow": lambda _: DaysAgo(-1, -1),
}
"""Windows of dates that may be in the future."""

_DATES: dict[str, Callable[[date, date], tuple[date, date]]] = {
    r"(?:before|earlier than|prior to|<) ?{a}": lambda a, _: (_OLDEST, a - timedelta(days=1)),
    r"(?:until|till|by|up to|on or before|<=|≤) ?{a}": lambda a, _: (_OLDEST, a),
    r"(?:after|later than|>) ?{a}": lambda a, _: (a + timedelta(days=1), _NEWEST),
    r"(?:since|from|on or after|>=|≥) ?{a}": lambda a, _: (a, _NEWEST),
    r"(?:on|equals?|=+|:)? ?{a}": lambda a, _: (a, a),
    r"(?:between|from)? ?{a} ?(?:and|&|to|until|till|through|[-–—]) ?{b}": lambda a, b: (a, b),
}


def suggest_date(field: Field, text: str) -> Suggestion | None:
    """Return what to write instead of a text after the name of a date; None if it is not recognized."""
    if window := _days_ahead(text) if field.has_future else None:
        return lacks(text, write(str(DateWithin(field.label, window))))
    if window := _days_ago(text):
        return lacks(text, write(str(DateWithin(field.label, window))))
    for pattern, ends in _DATES.items():
        filled = pattern.replace("{a}", f"(?P<a>{_DAY})").replace("{b}", f"(?P<b>{_DAY})")
        found = re.fullmatch(rf"(?:(?:is|was) )?{filled}", text, re.IGNORECASE)
        dates = [_date(written) for written in found.groupdict().values()] if found else []
        known = [one for one in dates if one is not None and _OLDEST < one < _NEWEST]
        if known and len(known) == len(dates):
            return _between(field, text, DateRange(*ends(known[0], known[-1])))
    if month := _month(text):
        return lacks(text, write(str(DateWithin(field.label, month))))
    if re.fullmatch(r"(?:is )?(?:all time|ever|any ?time|lifetime|always)", text, re.IGNORECASE):
        return lacks(text, f"Leave {field.label} out; without it, all dates count.")
    if found := re.search(r"\d{1,2}(?:st|nd|rd|th)\b", text, re.IGNORECASE):
        return lacks(found[0], f"Write {field.label} between Oct 1 2024 and Oct 7 2024.")
    if found := re.fullmatch(r"(?:is )?(?:last )?(\d{1,5})(?: days?)?", text, re.IGNORECASE):
        days = found[1]
        return lacks(text, f"Write {field.label} is {days} Days Ago, or {field.label} is Last {days} Days.")
    return None


def _month(text: str) -> DateRange | None:
    """Return the dates of a month that a text names, as in `is October 2024`."""
    found = re.fullmatch(r"(?:is |in )*([a-z]{3})[a-z]*\.? (20\d\d)", text, re.IGNORECASE)
    if found is None or found[1].lower() not in _MONTHS:
        return None
    first = date(int(found[2]), _MONTHS[found[1].lower()], 1)
    return DateRange(first, first.replace(day=calendar.monthrange(first.year, first.month)[1]))


def _days_ago(text: str) -> Window | None:
    for words, bound in _BOUNDS.items():
        if found := re.fullmatch(rf"{_IN}(?:{words}) ?{_N} {_UNIT}(?: ago| old)?", text, re.IGNORECASE):
            return bound(_days(found))
    for pattern, window in _WINDOWS.items():
        if found := re.fullmatch(pattern, text, re.IGNORECASE):
            return window(found)
    return None


def _days_ahead(text: str) -> Window | None:
    found = ((re.fullmatch(pattern, text, re.IGNORECASE), window) for pattern, window in _AHEAD.items())
    return next((window(match) for match, window in found if match), None)


def _between(field: Field, text: str, window: DateRange) -> Suggestion:
    hint = write(str(DateWithin(field.label, window)))
    if ordinal := re.search(r"\b\d{1,2}(st|nd|rd|th)\b", text, re.IGNORECASE):
        return Suggestion(f"There is no '{ordinal[1]}' in a date; a date is written Oct 1 2024.", hint)
    return lacks(text, hint)


def _date(written: str) -> date | None:
    """Return the date that a text of the form _DAY names: day first with points, month first with slashes."""
    numbers = [int(number) for number in re.findall(r"\d+", written)[:3]]
    names = [
        _MONTHS[name.lower()] for name in re.findall(r"[a-z]{3}", written, re.IGNORECASE) if name.lower() in _MONTHS
    ]
    if names:
        (day, year), month = numbers, names[0]
    elif numbers[0] > 31:
        year, month, day = numbers
    else:
        day, month, year = numbers if "." in written else (numbers[1], numbers[0], numbers[2])
    try:
        return date(year, month, day)
    except ValueError:
        return None
