"""The numbers of conditions, and what people write in their place."""

import re
from decimal import Decimal

AMBIGUOUS = re.compile(r"-?0*[1-9]\d{0,2}\.\d{3}")
"""A point before exactly three digits is a decimal point in English, and between thousands in other languages."""

_GROUPED = re.compile(r"\d{1,3}(?P<separator>[.,' ’_])\d{3}(?:(?P=separator)\d{3})*(?:(?P<point>[.,])\d+)?")


def readings(written: str) -> tuple[Decimal, ...]:
    """Return the numbers that a text of digits and separators may mean, the smallest first; none if it means none.

    >>> [tuple(map(str, readings(text))) for text in ("1.500", "1,000", "1.000.000", "1.000,50", "1,5", "1 000", "x")]
    [('1.5', '1500'), ('1000',), ('1000000',), ('1000.50',), ('1.5',), ('1000',), ()]
    """
    if AMBIGUOUS.fullmatch(written):
        return tuple(sorted((Decimal(plain(Decimal(written))), Decimal(written.replace(".", "")))))
    if re.fullmatch(r"-?\d+(?:[.,]\d+)?", written) and not re.fullmatch(r"\d{1,3},\d{3}", written):
        return (Decimal(written.replace(",", ".")),)
    grouped = _GROUPED.fullmatch(written)
    if grouped is None or grouped["point"] == grouped["separator"]:
        return ()
    digits = written.replace(grouped["separator"], "").replace(",", ".")
    return (Decimal(digits),)


def plain(number: Decimal) -> str:
    """Return the number without zeros after the point, in a form that has one reading.

    >>> plain(Decimal("1.50")), plain(Decimal("1000")), plain(Decimal("1.125"))
    ('1.5', '1000', '1.1250')
    """
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}0" if AMBIGUOUS.fullmatch(text) else text
