"""A message: what a workflow writes, in one or several languages, ready to be filled in for one recipient at a time.

It is what a folder of workflows/messages/ says (flows.messages.loader), but needs the folder no more: its
content is kept with the deliveries that it was decided for, so that what was decided is what is sent.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from liquid import BoundTemplate
from liquid.exceptions import LiquidError

from compiler import PartnerflowError
from flows.messages.liquid.environment import fill, parse
from flows.messages.mime.headers import without_controls
from flows.messages.mime.languages import choose

FORMAT = 1


@dataclass(frozen=True)
class RenderedContent:
    """What one recipient reads: a subject of one line, a text, and if the message has it the HTML."""

    language: str
    subject: str
    text: str
    html: str | None


class Message:
    """A message in all its languages.

    `content` is all that rendering needs, as JSON has it: format, language (the default), sender_name, reply_to, cc,
    bcc, and `languages`, a mapping of tags to subject, text, html (MJML already compiled) and sign_up_link, each Liquid
    or None. `version` is the SHA-256 of it, in hex.
    """

    def __init__(self, content: dict[str, Any]):
        self.content = content
        self.sender_name: str | None = content["sender_name"]
        self.reply_to: str | None = content["reply_to"]
        self.cc: str | None = content["cc"]
        self.bcc: str | None = content["bcc"]
        self._templates: dict[str, dict[str, BoundTemplate | None]] = {}

    @cached_property
    def version(self) -> str:
        """The same for the same content, whatever order its keys are in."""
        return sha256(json.dumps(self.content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def language_for(self, wanted: str | None) -> str:
        """The language in which a partner of the language `wanted` (BCP 47) is written to."""
        return choose(wanted, self.content["languages"], self.content["language"])

    def render(self, context: dict, language: str) -> RenderedContent:
        """The message for one recipient. `context` has the variables of flows.messages.variables but sign_up_link.

        Raises PartnerflowError when it cannot be filled in.
        """
        templates = self._of(language)
        context = without_controls(context)
        link = templates["sign_up_link"]
        context["sign_up_link"] = fill(link, context) if link else None
        html = templates["html"]
        return RenderedContent(
            language,
            subject=" ".join(fill(templates["subject"], context).split()),
            text=fill(templates["text"], context).strip() + "\n",
            html=fill(html, context) if html else None,
        )

    def _of(self, language: str) -> dict[str, BoundTemplate | None]:
        if language not in self._templates:
            texts = self.content["languages"][language]
            self._templates[language] = {
                part: parse(text, html=part == "html") if text is not None else None for part, text in texts.items()
            }
        return self._templates[language]


def message_from(content: dict[str, Any]) -> Message:
    """The message with this content. Raises PartnerflowError when another version of partnerflow wrote it."""
    if content.get("format") != FORMAT:
        raise PartnerflowError(f"The message has format {content.get('format')}; this partnerflow reads {FORMAT}.")
    message = Message(content)
    try:
        for language in content["languages"]:
            message._of(language)
    except (KeyError, TypeError, LiquidError) as error:
        raise PartnerflowError(f"The message cannot be read: {error}.") from None
    return message
