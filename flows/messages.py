"""Messages: folders of workflows/messages/, Liquid templates that are rendered for one recipient at a time.

    messages/few-clicks/message.yml    subject (Liquid), and if wanted sender_name and reply_to
    messages/few-clicks/body.txt       the text (Liquid)

Liquid's values are data: a partner named `{{ x }}` is written to by that name. The variables are those of SAMPLE.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from liquid import BoundTemplate, Environment, StrictDefaultUndefined
from liquid.exceptions import LiquidError
from pydantic import BaseModel, ConfigDict, StrictStr, ValidationError

from compiler import DefinitionError, PartnerflowError, read_yaml
from flows.compose import Email, without_controls

SAMPLE = {
    "partner": {"id": "21004711", "name": "Sample Partner"},
    "contact": {"first_name": None, "last_name": None},
    "program": {"id": "1000", "name": "Sample Program"},
    "workflow": {"id": "sample", "name": "Sample"},
}
"""Every variable that a message may use, with values that it must stand (a contact may have no name)."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    subject: StrictStr
    sender_name: StrictStr | None = None
    reply_to: StrictStr | None = None


class _Liquid(Environment):
    loop_iteration_limit = 10_000
    local_namespace_limit = 100_000
    output_stream_limit = 500_000
    context_depth_limit = 20


_ENVIRONMENT = _Liquid(undefined=StrictDefaultUndefined)


@dataclass(frozen=True)
class Message:
    """A message that has been read and tried. `content` is all that rendering needs, as JSON takes it."""

    content: dict
    subject: BoundTemplate
    body: BoundTemplate
    sender_name: str | None
    reply_to: str | None

    @property
    def version(self) -> str:
        """The digest of its content."""
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()

    def render(self, context: dict) -> Email:
        """The message for one recipient. `context` has the keys of SAMPLE; raises PartnerflowError when it cannot be
        rendered."""
        context = without_controls(context)
        return Email(
            sender_name=self.sender_name or context["program"]["name"] or context["program"]["id"],
            reply_to=self.reply_to,
            subject=" ".join(_render(self.subject, context).split()),
            text=_render(self.body, context),
        )


def read_message(folder: Path) -> Message:
    """The message in a folder, rendered once with SAMPLE so that a slip shows before anybody is claimed.

    Raises PartnerflowError with file, line and caret.
    """
    settings = _read_settings(folder / "message.yml")
    content = {"name": folder.name, **settings.model_dump(), "body": _read(folder / "body.txt")}
    message = message_from(content)
    if not message.render(SAMPLE).subject:
        raise PartnerflowError(f"{folder.name}/message.yml: the subject is empty. Write a subject.")
    return message


def message_from(content: dict) -> Message:
    """The message of a content that was kept. Raises PartnerflowError when it is no template."""
    return Message(
        content=content,
        subject=_parse(content["subject"], f"{content['name']}/message.yml"),
        body=_parse(content["body"], f"{content['name']}/body.txt"),
        sender_name=content["sender_name"],
        reply_to=content["reply_to"],
    )


def _parse(text: str, name: str) -> BoundTemplate:
    try:
        return _ENVIRONMENT.from_string(text, name=name)
    except LiquidError as error:
        raise PartnerflowError(f"{name}: {error}") from None


def _render(template: BoundTemplate, context: dict) -> str:
    try:
        return template.render(**context)
    except LiquidError as error:
        raise PartnerflowError(f"{template.name}: {error}") from None


def _read_settings(file: Path) -> _Settings:
    try:
        return _Settings.model_validate(read_yaml(str(file), _read(file)).value)
    except ValidationError as error:
        details = [f"{'.'.join(map(str, detail['loc'])) or 'file'}: {detail['msg']}" for detail in error.errors()]
        hint = "Its keys are subject, sender_name and reply_to."
        raise PartnerflowError(f"{file.parent.name}/message.yml: {'; '.join(details)}. {hint}") from None
    except DefinitionError as error:
        raise PartnerflowError(str(error)) from None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "A message is a folder with message.yml and body.txt."
        raise PartnerflowError(f"There is no {file.parent.name}/{file.name}. {hint}") from None
    except UnicodeDecodeError:
        raise PartnerflowError(f"{file.parent.name}/{file.name} is not UTF-8 text. Save it as UTF-8.") from None
