"""Languages: which of those that a message has a partner is written to in."""

import re
from collections.abc import Collection

TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
"""A language tag as file names and settings may have it: de, de-AT, zh-Hant (BCP 47 without its rarer forms)."""


def choose(wanted: str | None, available: Collection[str], default: str) -> str:
    """The available language nearest to the wanted one (RFC 4647, lookup): de-AT, else de, else the default.

    >>> choose("de-AT", ["en", "de"], "en"), choose("zh_Hant-TW", ["en", "zh-Hant"], "en"), choose("fr", ["de"], "en")
    ('de', 'zh-Hant', 'en')
    """
    by_key = {tag.casefold(): tag for tag in available}
    parts = (wanted or "").strip().replace("_", "-").casefold().split("-")
    while parts:
        if (tag := by_key.get("-".join(parts))) is not None:
            return tag
        parts.pop()
    return default
