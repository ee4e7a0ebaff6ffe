"""A message: the content that a workflow sends, in one or more languages, to be rendered for one recipient at a time.

flows.messages.loader reads it from a folder of workflows/messages/. Its content is then stored with the deliveries that
were created for it, so that later changes of the folder do not alter them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

from liquid import BoundTemplate
from liquid.exceptions import LiquidError

from compiler import PartnerflowError
from flows.messages.liquid.environment import fill, parse
from flows.messages.mime.headers import without_controls
from flows.messages.mime.languages import negotiate_language

FORMAT = 2
"""The version of the stored content's structure. Format 1 has neither preview nor reason, and can be read."""


@dataclass(frozen=True)
class RenderedContent:
    """What one recipient reads: a subject of one line, a plain text, and the HTML if the message has one."""

    language: str
    subject: str
    text: str
    html: str | None


class _Templates(NamedTuple):
    """The parsed templates of one language."""

    subject: BoundTemplate
    text: BoundTemplate
    html: BoundTemplate | None
    sign_up_link: BoundTemplate | None
    preview: BoundTemplate | None
    reason: BoundTemplate | None


class Message:
    """A message in all its languages.

    `content` is everything that rendering needs, as JSON values: format, language (the default), sender_name, reply_to,
    cc, bcc, and `languages`, which maps language tags to subject, text, html (compiled from MJML), sign_up_link,
    preview and reason, each a Liquid template or None.
    """

    def __init__(self, content: dict[str, Any]):
        self.content = content
        self.sender_name: str | None = content["sender_name"]
        self.reply_to: str | None = content["reply_to"]
        self.cc: str | None = content["cc"]
        self.bcc: str | None = content["bcc"]
        self._templates: dict[str, _Templates] = {}

    @cached_property
    def version(self) -> str:
        """The SHA-256 of `content` in hex, independent of the order of its keys."""
        return sha256(json.dumps(self.content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def language_for(self, requested: str | None) -> str:
        """Return the language of this message that suits a partner of language `requested` (BCP 47) best."""
        return negotiate_language(requested, self.content["languages"], self.content["language"])

    def render(self, context: Mapping[str, Any], language: str) -> RenderedContent:
        """Return the message for one recipient. `context` has every variable of VARIABLES but those of message.yml.

        Raises PartnerflowError when a template fails.
        """
        templates = self.templates(language)
        values: dict[str, Any] = without_controls(dict(context))
        values["sign_up_link"] = fill(templates.sign_up_link, values) if templates.sign_up_link else None
        subject = _line(templates.subject, values)
        preview, reason = (one and _line(one, values) for one in (templates.preview, templates.reason))
        values |= {"subject": subject, "preview": preview, "reason": reason}
        return RenderedContent(
            language,
            subject=subject,
            text=fill(templates.text, values).strip() + "\n",
            html=fill(templates.html, values) if templates.html else None,
        )

    def templates(self, language: str) -> _Templates:
        """Return the parsed templates of a language. Raises LiquidError, KeyError or TypeError on invalid content."""
        if language not in self._templates:
            texts = self.content["languages"][language]
            optional = {name: texts.get(name) for name in ("preview", "reason")} | {
                "sign_up_link": texts["sign_up_link"]
            }
            self._templates[language] = _Templates(
                subject=parse(texts["subject"]),
                text=parse(texts["text"]),
                html=None if texts["html"] is None else parse(texts["html"], html=True),
                **{name: None if text is None else parse(text) for name, text in optional.items()},
            )
        return self._templates[language]


def _line(template: BoundTemplate, values: Mapping[str, Any]) -> str:
    return " ".join(fill(template, values).split())


def message_from(content: dict[str, Any]) -> Message:
    """Return the message with this stored content. Raises PartnerflowError when it is invalid or of another format."""
    if content.get("format") not in (1, FORMAT):
        raise PartnerflowError(
            f"The message has format {content.get('format')}; this version reads format {FORMAT}. "
            "Use the newer partnerflow that stored it."
        )
    message = Message(content)
    try:
        for language in content["languages"]:
            message.templates(language)
    except (KeyError, TypeError, LiquidError) as error:
        raise PartnerflowError(f"The stored message is not valid: {error}.") from None
    return message
