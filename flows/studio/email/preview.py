"""What a partner would get: the subject, the text and the HTML of a message, in each of its languages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from compiler import PartnerflowError
from flows.messages.message import Message, RenderedContent
from flows.messages.render import render_content
from flows.preview.plan_preview import LINK

_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_BOTH = re.compile(r"\bcolor-scheme\s*:\s*light\s+dark\b", re.IGNORECASE)


@dataclass(frozen=True)
class EmailPreview:
    """A message as rendered for a partner in one language; `error` says why it cannot be, if it cannot."""

    language: str
    content: RenderedContent | None
    error: str = ""
    is_own_language: bool = False


def preview_email(message: Message, context: Mapping[str, Any], as_of: datetime) -> list[EmailPreview]:
    """Return the message in all its languages, first in that in which the partner would get it, at an hour (UTC)."""
    own = message.language_for(context["partner"].get("language"))
    languages = [own, *(one for one in message.content["languages"] if one != own)]
    return [_rendered(message, context, as_of, one, one == own) for one in languages]


def _rendered(
    message: Message, context: Mapping[str, Any], as_of: datetime, language: str, is_own: bool
) -> EmailPreview:
    partner = context["partner"] if is_own else {**context["partner"], "language": language}
    try:
        content = render_content(message, {**context, "partner": partner}, as_of.replace(tzinfo=None), LINK)
    except PartnerflowError as error:
        return EmailPreview(language, None, str(error), is_own)
    return EmailPreview(language, content, is_own_language=is_own)


def in_scheme(html: str, scheme: Literal["dark", "light"]) -> str:
    """Return the HTML of an email as a mail program shows it in a scheme, whatever the browser has.

    >>> in_scheme("@media screen and (prefers-color-scheme: dark) { … }", "light")
    '@media screen and (max-width: 0) { … }'
    """
    chosen = _QUERY.sub(lambda found: "(min-width: 0)" if found[1].lower() == scheme else "(max-width: 0)", html)
    return _BOTH.sub(f"color-scheme: {scheme}", chosen)
