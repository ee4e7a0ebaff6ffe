"""Ids of raw tables as text, where Python reads a raw table itself; the dbt macro `id_text` is the same rule."""

import re
from typing import Any

EXACT = 2**53
"""Below this, every whole number is a floating number; from it on, some have lost digits."""

NUMBER = re.compile(r"-?[0-9]{1,40}([.][0-9]*)?([eE][+]?[0-9]{1,2})?")


def id_text(value: Any) -> str | None:
    """Return an id as text: None when it is missing, or a floating number that may have lost digits.

    >>> id_text(1000.0), id_text("1.0"), id_text("1e+06"), id_text("0042"), id_text("12e5")
    ('1000', '1', '1000000', '0042', '12e5')
    >>> id_text(9007199254740993), id_text(9007199254740992.0), id_text(float("nan")), id_text("")
    ('9007199254740993', None, None, None)
    """
    text = "" if value is None else str(value)
    if text in ("", "nan", "NaN"):
        return None
    if not ("." in text or "+" in text) or not NUMBER.fullmatch(text):
        return text
    number = float(text)
    if abs(number) >= EXACT:
        return None
    return str(int(number)) if number.is_integer() else text
