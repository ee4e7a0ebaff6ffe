"""The texts of a message as the form of the editor sends them, and the files of its folder that they make.

The fields of a language end with its tag; `language` has the tags, that of message.yml's own texts first.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from compiler import DefinitionError, PartnerflowError, read_yaml
from compiler.yaml_source import YamlPath
from flows.definitions.scaffold.templates import STARTER
from flows.messages.schema import MessageFile
from flows.studio.email.draft import BODIES, BY_LANGUAGE, COMMON, MESSAGE, body_file
from flows.studio.email.message_text import with_texts


class Fields(Protocol):
    """The fields of a form that has been sent."""

    def __getitem__(self, name: str) -> str:
        """Return the last value of a field; empty without one."""

    def __contains__(self, name: str) -> bool:
        """Return whether the form has the field."""

    def all(self, name: str) -> list[str]:
        """Return all values of a field."""


@dataclass(frozen=True)
class LanguageTexts:
    """The texts of one language: the values of BY_LANGUAGE, and the bodies by BODIES; empty where there is none."""

    language: str
    lines: Mapping[str, str]
    bodies: Mapping[str, str]


@dataclass(frozen=True)
class MessageTexts:
    """The texts of a message: the values of COMMON, and the languages, the message's own first."""

    common: Mapping[str, str]
    languages: tuple[LanguageTexts, ...]


def new_message(subject: str) -> dict[str, str]:
    """Return the files of a message that does not exist yet."""
    return {MESSAGE: with_texts(MESSAGE, "subject: New\n", {("subject",): subject}), "body.mjml": STARTER}


def texts_of(files: Mapping[str, str]) -> MessageTexts:
    """Return the texts of a message's files. Raises DefinitionError when message.yml is not valid YAML."""
    value = read_yaml(MESSAGE, files.get(MESSAGE, "")).value
    values = value if isinstance(value, dict) else {}
    translations = values.get("translations")
    default = str(values.get("language", MessageFile.model_fields["language"].default))
    by_language = {default: values, **(translations if isinstance(translations, dict) else {})}
    languages = tuple(_texts(one, its, files, one == default) for one, its in by_language.items())
    return MessageTexts({name: str(values.get(name) or "") for name in COMMON}, languages)


def _texts(language: str, values: object, files: Mapping[str, str], is_default: bool) -> LanguageTexts:
    found = values if isinstance(values, dict) else {}
    lines = {name: str(found.get(name) or "") for name in BY_LANGUAGE}
    return LanguageTexts(
        language, lines, {kind: files.get(body_file(kind, language, is_default), "") for kind in BODIES}
    )


def sent_texts(form: Fields) -> MessageTexts:
    """Return the texts of a form, after its action: `add` the language `new_language`, or `remove:TAG`."""
    found = [
        LanguageTexts(
            one,
            {name: form[f"{name}-{one}"] for name in BY_LANGUAGE},
            {kind: form[f"{kind}-{one}"] for kind in BODIES},
        )
        for one in dict.fromkeys(form.all("language"))
    ]
    action, _, argument = form["action"].partition(":")
    new = form["new_language"].strip()
    if action == "add" and new and found and new not in {one.language for one in found}:
        found.append(LanguageTexts(new, found[0].lines, found[0].bodies))
    if action == "remove":
        found = [one for number, one in enumerate(found) if number == 0 or one.language != argument]
    return MessageTexts({name: form[name] for name in COMMON}, tuple(found))


def files_of(texts: MessageTexts, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a message with these texts, given the files as they are.

    Raises PartnerflowError (as DefinitionError when it is not valid YAML) if message.yml cannot be changed so, or a
    language, which is a part of the name of a file, has other characters than a tag.
    """
    for one in texts.languages:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,35}", one.language):
            raise PartnerflowError(f"{one.language!r} is not a language tag. Write a tag such as de, de-AT or zh-Hant.")
    default, *others = texts.languages
    changes: dict[YamlPath, str | None] = {(name,): texts.common[name] for name in COMMON}
    changes |= {(name,): default.lines[name] for name in BY_LANGUAGE}
    for one in others:
        changes |= {("translations", one.language, name): one.lines[name] for name in BY_LANGUAGE}
    for gone in _languages(files) - {one.language for one in texts.languages}:
        changes |= {("translations", gone, name): None for name in (*BY_LANGUAGE[1:], BY_LANGUAGE[0])}
    bodies = {
        body_file(kind, one.language, one is default): text
        for one in texts.languages
        for kind, text in one.bodies.items()
        if text.strip()
    }
    ends = {name: _with_line_ends(text, files.get(name, "")) for name, text in bodies.items()}
    return {MESSAGE: with_texts(MESSAGE, files[MESSAGE], changes), **ends}


def _languages(files: Mapping[str, str]) -> set[str]:
    try:
        return {one.language for one in texts_of(files).languages}
    except DefinitionError:
        return set()


def _with_line_ends(text: str, before: str) -> str:
    """Return a text with a line end at its end, unless it is the text of before without one, and with its line ends."""
    whole = text if text.endswith("\n") or text == before.replace("\r\n", "\n") else f"{text}\n"
    return whole.replace("\n", "\r\n") if "\r\n" in before else whole


def changed_files(before: Mapping[str, str], after: Mapping[str, str]) -> Sequence[str]:
    """Return the names of the files that differ, sorted."""
    return [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
