"""Choose the language of a message for one partner."""

import re
from collections.abc import Collection

TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
"""A language tag as file names and settings may have it: de, de-AT, zh-Hant (BCP 47 without its rarer forms)."""


def negotiate_language(requested: str | None, available: Collection[str], default: str) -> str:
    """Return the available language closest to the requested one by RFC 4647 lookup: de-AT, then de, then the default.

    Babel's negotiate_locale is not used: it tries only the whole tag and its first subtag, so that zh-Hant-TW would
    not find zh-Hant.

    >>> negotiate_language("de-AT", ["en", "de"], "en"), negotiate_language("fr", ["en", "de"], "en")
    ('de', 'en')
    >>> negotiate_language("zh_Hant-TW", ["en", "zh-Hant"], "en")
    'zh-Hant'
    """
    by_key = {tag.casefold(): tag for tag in available}
    subtags = (requested or "").strip().replace("_", "-").casefold().split("-")
    while subtags:
        if (tag := by_key.get("-".join(subtags))) is not None:
            return tag
        subtags.pop()
    return default
