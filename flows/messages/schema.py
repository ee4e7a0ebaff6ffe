"""The keys of message.yml, and their checks."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError
from pydantic_core import ErrorDetails

from compiler import DefinitionError, PartnerflowError, Problem, Source
from compiler.errors import did_you_mean
from flows.addresses import normalize_address
from flows.messages.mime.languages import TAG

Text = Annotated[StrictStr, Field(min_length=1)]


class Translation(BaseModel):
    """The keys of one further language."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    subject: Text = Field(description="The subject (Liquid).")
    preview: Text | None = Field(None, description="The preview in this language.")
    reason: Text | None = Field(None, description="The reason in this language.")
    sign_up_link: Text | None = Field(None, description="The sign-up link in this language.")


class MessageFile(BaseModel):
    """The keys of message.yml."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    subject: Text = Field(description="The subject (Liquid).")
    preview: Text | None = Field(None, description="What mail programs show beside the subject (Liquid).")
    reason: Text | None = Field(
        None,
        description="Why one gets the email (Liquid). Default: as a partner of the program, if the layout says so.",
    )
    language: Text = Field("en", description="The language of `subject` and of the body files without a language tag.")
    sender_name: Text | None = Field(None, description="The name in From. Default: the program's name.")
    reply_to: Text | None = Field(None, description="The address for replies. Default: the sender's address.")
    cc: Text | None = Field(None, description="One address that receives a visible copy of every email.")
    bcc: Text | None = Field(None, description="One address that receives a hidden copy of every email.")
    sign_up_link: Text | None = Field(None, description="The link for `{{ sign_up_link }}` (Liquid).")
    translations: dict[StrictStr, Translation] = Field(
        {}, description="Further languages: a language tag, and its subject, `preview` and `reason`."
    )


def read_keys(source: Source) -> MessageFile:
    """Return the keys of message.yml. Raises DefinitionError with a problem for each invalid key."""
    hint = f"The keys are {', '.join(MessageFile.model_fields)}."
    if not isinstance(source.value, dict):
        raise DefinitionError([source.problem((), "message", "message.yml must be a mapping of keys.", hint)])
    try:
        return MessageFile.model_validate(source.value)
    except ValidationError as error:
        raise DefinitionError([_invalid(source, detail, hint) for detail in error.errors(include_url=False)]) from None


def _invalid(source: Source, detail: ErrorDetails, hint: str) -> Problem:
    route = tuple(step for step in detail["loc"] if step != "[key]")
    key = ".".join(map(str, route))
    if detail["type"] == "extra_forbidden":
        near = did_you_mean(str(route[-1]), MessageFile.model_fields)
        return source.problem(route, "message", f"There is no key {key}.", near + hint)
    if detail["type"] == "missing":
        return source.problem(route, "message", f"The key {key} is missing.", f"Add {route[-1]}: with a value.")
    wrong = "is empty" if detail["input"] in ("", None) else "is not text"
    return source.problem(
        route, "message", f"{key} {wrong}.", "Write text, quoted if YAML would read it as something else."
    )


def wrong_keys(source: Source, keys: MessageFile) -> Iterator[Problem]:
    """Yield a problem for each address, language tag and name that is not valid."""
    for key in ("reply_to", "cc", "bcc"):
        address = getattr(keys, key)
        try:
            if address is not None:
                normalize_address(address)
        except PartnerflowError as error:
            hint = "Write one plain address, such as partners@example.com."
            yield source.problem((key,), "address", str(error), hint)
    for route, tag in [(("language",), keys.language), *((("translations", tag), tag) for tag in keys.translations)]:
        if not TAG.fullmatch(tag):
            yield source.problem(
                route, "language", f"{tag!r} is not a language tag.", "Write a tag such as de, de-AT or zh-Hant."
            )
    if keys.language in keys.translations:
        message = f"{keys.language} is the language of the message itself."
        yield source.problem(("translations", keys.language), "language", message, "Remove the translation.")
    if any(opening in (keys.sender_name or "") for opening in ("{{", "{%")):
        message = "sender_name cannot contain Liquid."
        yield source.problem(("sender_name",), "liquid", message, "Leave it out to use the program's name.")
