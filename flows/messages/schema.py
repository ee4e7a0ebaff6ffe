"""message.yml: the keys of a message, each checked in its place."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from compiler import DefinitionError, PartnerflowError, Problem, Source
from compiler.language.definition import did_you_mean
from flows.addresses import address
from flows.messages.liquid.tokens import LIQUID
from flows.messages.mime.languages import TAG

Text = Annotated[StrictStr, Field(min_length=1)]


class Translation(BaseModel):
    """What message.yml says of a further language."""

    model_config = ConfigDict(extra="forbid")
    subject: Text = Field(description="The subject, Liquid.")
    sign_up_link: Text | None = Field(None, description="Another sign-up link for this language.")


class MessageFile(BaseModel):
    """The keys of message.yml."""

    model_config = ConfigDict(extra="forbid")
    subject: Text = Field(description="The subject, Liquid.")
    language: Text = Field("en", description="The language of `subject` and of the bodies without a tag.")
    sender_name: Text | None = Field(None, description="Who it is from; the program's name unless given.")
    reply_to: Text | None = Field(None, description="Where answers go; the sender's address unless given.")
    cc: Text | None = Field(None, description="One address that receives a copy of every email, for all to see.")
    bcc: Text | None = Field(None, description="One address that receives a copy of every email, unseen.")
    sign_up_link: Text | None = Field(None, description="Where a partner signs up, Liquid: `{{ sign_up_link }}`.")
    translations: dict[StrictStr, Translation] = Field({}, description="Further languages: a tag, and its subject.")


def read_keys(source: Source) -> MessageFile:
    """The keys of message.yml. Raises DefinitionError with each that is wrong."""
    hint = f"The keys are {', '.join(MessageFile.model_fields)}."
    if not isinstance(source.value, dict):
        raise DefinitionError([source.problem((), "message", "This file says nothing of a message.", hint)])
    try:
        return MessageFile.model_validate(source.value)
    except ValidationError as error:
        raise DefinitionError([_invalid(source, detail, hint) for detail in error.errors(include_url=False)]) from None


def _invalid(source: Source, detail: dict, hint: str) -> Problem:
    route = tuple(step for step in detail["loc"] if step != "[key]")
    key = ".".join(map(str, route))
    if detail["type"] == "extra_forbidden":
        near = did_you_mean(str(route[-1]), MessageFile.model_fields)
        return source.problem(route, "message", f"There is no key {key}.", near + hint)
    if detail["type"] == "missing":
        return source.problem(route, "message", f"The key {key} is missing.", f"Add {route[-1]}: with a text.")
    wrong = "is empty" if detail["input"] in ("", None) else "is no text that can be used"
    return source.problem(route, "message", f"{key} {wrong}.", "Write a text, in quotes if need be.")


def wrong_keys(source: Source, keys: MessageFile) -> Iterator[Problem]:
    """Addresses, language tags and names that cannot be used."""
    for key in ("reply_to", "cc", "bcc"):
        try:
            address(getattr(keys, key) or "a@b.example")
        except PartnerflowError as error:
            hint = "Write one plain address, such as partners@example.com."
            yield source.problem((key,), "address", str(error), hint)
    for route, tag in [(("language",), keys.language), *((("translations", tag), tag) for tag in keys.translations)]:
        if not TAG.fullmatch(tag):
            yield source.problem(route, "language", f"{tag!r} is no language tag.", "Write de, de-AT or zh-Hant.")
    if keys.language in keys.translations:
        message = f"{keys.language} is the language of the message itself."
        yield source.problem(("translations", keys.language), "language", message, "Take the translation away.")
    if LIQUID.search(keys.sender_name or ""):
        message = "The sender's name is written as it is, without Liquid."
        yield source.problem(("sender_name",), "liquid", message, "Leave it out for the program's name.")
