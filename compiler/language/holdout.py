"""The `holdout:` key of a definition: `10 %` of the new members are never written to by this workflow."""

import re

from compiler.errors import PartnerflowError

PATTERN = r"^[1-9][0-9]? ?%$"
"""The valid values; part of the JSON schema of definitions."""

REMEDY = "Write a whole percentage from 1 to 99, such as `10 %`."


def parse_holdout(text: str) -> int:
    """Return the percentage. Raises PartnerflowError when the text is not a valid value.

    >>> parse_holdout("10 %"), parse_holdout("5%")
    (10, 5)
    """
    if not re.fullmatch(PATTERN, text):
        raise PartnerflowError(f"{text!r} is not a valid value of holdout. {REMEDY}")
    return int(text.rstrip("% "))
