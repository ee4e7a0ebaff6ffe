"""Read and check the messages of a workflows folder.

messages/welcome/message.yml     subject, and optionally the other keys of flows.messages.schema
messages/welcome/body.txt        the text (Liquid); without it, the text is derived from body.mjml
messages/welcome/body.mjml       optional HTML (MJML with Liquid)
messages/welcome/body.de.txt     the text in German, whose subject is in message.yml under translations:
messages/layout.mjml             the header and footer around bodies without <mjml> (flows.messages.layout)
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compiler import DefinitionError, Problem, SendEmail, Workflow, read_yaml
from compiler.errors import did_you_mean
from flows.definitions.loader import Definitions, message_ids, shown
from flows.messages.bodies import Bodies, read_file
from flows.messages.in_use import check_in_use
from flows.messages.liquid.lint import TemplateSource, check_template
from flows.messages.message import FORMAT, Message
from flows.messages.mjml.compile import LINK
from flows.messages.placeholders import placeholders
from flows.messages.schema import MessageFile, read_keys, wrong_keys
from flows.messages.variables import NAMES, OF_THE_MESSAGE
from flows.settings import Settings


@dataclass
class _Reading:
    """A message folder while it is read: the problems and languages found so far."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    languages: dict[str, dict[str, str | None]] = field(default_factory=dict)


def read_message(folder: Path) -> Message:
    """Return the message of a folder. Raises DefinitionError with every error in it; warnings are ignored."""
    message, problems = check_message(folder)
    errors = [problem for problem in problems if problem.severity == "error"]
    if message is None or errors:
        raise DefinitionError(errors)
    return message


def check_message(folder: Path) -> tuple[Message | None, list[Problem]]:
    """Return the message of a folder, or None if it has errors, and every problem, sorted by position."""
    reading = _Reading(folder)
    content = None
    try:
        content = _read(reading)
    except DefinitionError as error:
        reading.problems += error.problems
    is_valid = not any(problem.severity == "error" for problem in reading.problems)
    return Message(content) if content and is_valid else None, sorted(set(reading.problems))


def check_messages(definitions: Definitions, settings: Settings, only_used: bool = False) -> Definitions:
    """Return the definitions with the problems of their messages added; a workflow is broken if its message has errors.

    With `only_used`, messages that none of these workflows uses are not checked.
    """
    users: dict[str, list[Workflow]] = {} if only_used else {name: [] for name in message_ids(settings.workflows)}
    for workflow in definitions.workflows:
        if isinstance(workflow.action, SendEmail):
            users.setdefault(workflow.action.message, []).append(workflow)
    problems, broken = set(definitions.problems), dict(definitions.broken)
    for name, workflows in users.items():
        message, found = check_message(settings.workflows / "messages" / name)
        of_users = {
            one.id: check_in_use(settings, one, message, found, definitions.postal_address(one.program))
            for one in workflows
        }
        problems |= set(found).union(*of_users.values())
        broken |= {one: errors for one, its in of_users.items() if (errors := error_text(its))}
    valid = tuple(workflow for workflow in definitions.workflows if workflow.id not in broken)
    return replace(definitions, workflows=valid, problems=tuple(_strictest(problems)), broken=broken)


def error_text(problems: Iterable[Problem]) -> str:
    """Return the errors among the problems, one after the other; empty without any."""
    return "\n".join(str(problem) for problem in problems if problem.severity == "error")


def _strictest(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems in order, without a warning that is an error for another workflow."""
    errors = {one for one in problems if one.severity == "error"}
    return sorted(one for one in problems if one in errors or replace(one, severity="error") not in errors)


def _read(reading: _Reading) -> dict[str, Any]:
    """Return the content of a Message; problems are added to `reading`."""
    file = read_file(reading.folder / "message.yml")
    source = read_yaml(file.path, file.text)
    keys = read_keys(source)
    reading.problems += wrong_keys(source, keys)
    reading.problems += _unread_files(reading.folder, keys)
    for language in (keys.language, *keys.translations):
        own = keys.translations.get(language, keys)
        route = ("translations", language) if language in keys.translations else ()
        link = own.sign_up_link or keys.sign_up_link
        link_route = (*route, "sign_up_link") if own.sign_up_link else ("sign_up_link",)
        texts = {name: getattr(own, name) for name in OF_THE_MESSAGE}
        _read_language(
            reading,
            language,
            keys.language,
            lines={name: TemplateSource(source, text, (*route, name)) for name, text in texts.items() if text},
            link=TemplateSource(source, link, link_route) if link else None,
        )
    return {
        "format": FORMAT, "language": keys.language, "sender_name": keys.sender_name, "reply_to": keys.reply_to,
        "cc": keys.cc, "bcc": keys.bcc, "languages": reading.languages,
    }  # fmt: skip


def _read_language(
    reading: _Reading, language: str, default: str, lines: dict[str, TemplateSource], link: TemplateSource | None
) -> None:
    """Read and check the texts in one language, and add them to `reading`.

    `lines` are those of OF_THE_MESSAGE that the message has. `default` is the language of files without a tag.
    """
    variables = [name for name in NAMES if name != "sign_up_link" or link]
    own = [name for name in variables if name not in OF_THE_MESSAGE]
    problems = [one for line in lines.values() for one in check_template(line, own)]
    if link:
        problems += [*check_template(link, [one for one in own if one != "sign_up_link"]), *_wrong_link(link)]
    bodies = Bodies(reading.folder, language, default, variables)
    bodies.read()
    problems += [one for source in (*bodies.sources, *([link] if link else [])) for one in placeholders(source)]
    reading.problems += [*problems, *bodies.problems]
    reading.languages[language] = {
        **{name: lines[name].liquid if name in lines else None for name in OF_THE_MESSAGE},
        "text": bodies.text, "html": bodies.html, "sign_up_link": link.liquid if link else None,
    }  # fmt: skip


def _wrong_link(link: TemplateSource) -> list[Problem]:
    if LINK.match(link.text.strip()) and link.text.lower().startswith("http"):
        return []
    hint = "Write https://… with the host in full."
    return [link.at(0, "bad-link", f"{link.text[:60]!r} is not a valid sign-up link.", hint)]


def _unread_files(folder: Path, keys: MessageFile) -> Iterator[Problem]:
    """Yield a problem for each file that is not read: a language missing in message.yml, or a misspelled name."""
    suffixes = ("", *(f".{language}" for language in keys.translations if language != keys.language))
    names: Collection[str] = {f"body{suffix}.{kind}" for suffix in suffixes for kind in ("txt", "mjml")}
    for file in sorted(folder.iterdir()):
        if file.name not in names and file.name != "message.yml" and not file.name.startswith("."):
            hint = did_you_mean(file.name, names) + "A body.de.txt needs translations: de: in message.yml."
            yield Problem(shown(file), 1, 1, "unread-file", "error", "This file is not used.", hint)
