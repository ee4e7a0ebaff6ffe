"""Read and check the messages of a workflows folder.

messages/welcome/message.yml     subject, and optionally the other keys of flows.messages.schema
messages/welcome/body.txt        the text (Liquid); without it, the text is derived from body.mjml
messages/welcome/body.mjml       optional HTML (MJML with Liquid)
messages/welcome/body.de.txt     the text in German, whose subject is in message.yml under translations:
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compiler import DefinitionError, Problem, SendEmail, Source, Workflow, read_yaml
from compiler.errors import did_you_mean
from flows.definitions.loader import Definitions, message_ids, shown
from flows.messages.in_use import check_in_use
from flows.messages.liquid.environment import fill, parse
from flows.messages.liquid.lint import TemplateSource, check_template
from flows.messages.liquid.tokens import masked
from flows.messages.message import FORMAT, Message
from flows.messages.mjml.compile import LINK, compile_mjml
from flows.messages.mjml.plain_text import plain_text
from flows.messages.mjml.tags import read_tags
from flows.messages.placeholders import placeholders
from flows.messages.schema import MessageFile, read_keys, wrong_keys
from flows.messages.variables import NAMES, sample
from flows.settings import Settings

_CODE = re.compile(r"<(script|iframe|frame|object|embed|applet|form|base|link|svg)\b|@import", re.IGNORECASE)


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
        of_users = {one.id: check_in_use(settings, one, message, found) for one in workflows}
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
    file = _file(reading.folder / "message.yml")
    source = read_yaml(file.path, file.text)
    keys = read_keys(source)
    reading.problems += wrong_keys(source, keys)
    reading.problems += _unread_files(reading.folder, keys)
    for language in (keys.language, *keys.translations):
        own = keys.translations.get(language, keys)
        route = ("translations", language) if language in keys.translations else ()
        link = own.sign_up_link or keys.sign_up_link
        link_route = (*route, "sign_up_link") if own.sign_up_link else ("sign_up_link",)
        _read_language(
            reading,
            language,
            suffix=f".{language}" if route else "",
            subject=TemplateSource(source, own.subject, (*route, "subject")),
            link=TemplateSource(source, link, link_route) if link else None,
        )
    return {
        "format": FORMAT, "language": keys.language, "sender_name": keys.sender_name, "reply_to": keys.reply_to,
        "cc": keys.cc, "bcc": keys.bcc, "languages": reading.languages,
    }  # fmt: skip


def _read_language(
    reading: _Reading, language: str, suffix: str, subject: TemplateSource, link: TemplateSource | None
) -> None:
    """Read and check subject, sign-up link and bodies in one language, and add them to `reading`."""
    variables = [name for name in NAMES if name != "sign_up_link" or link]
    problems = check_template(subject, variables)
    if link:
        problems += [*check_template(link, [one for one in variables if one != "sign_up_link"]), *_wrong_link(link)]
    text_file, mjml_file = reading.folder / f"body{suffix}.txt", reading.folder / f"body{suffix}.mjml"
    html, text, bodies = None, None, []
    if mjml_file.exists():
        file = _file(mjml_file)
        mjml = TemplateSource(file, file.text, html=True)
        found = check_template(mjml, variables)
        if not any(problem.severity == "error" for problem in found):
            html, wrong = compile_mjml(mjml.liquid, language, mjml.at_liquid)
            found += wrong
            found += [_rendered_markup(mjml)] if html and _runs_code(html) else []
        problems += found
        bodies.append(mjml)
        if html is not None and not text_file.exists():
            text = plain_text(read_tags(mjml.liquid, masked(mjml.liquid)))
    if text_file.exists() or not mjml_file.exists():
        file = _file(text_file)
        body = TemplateSource(file, file.text)
        problems += check_template(body, variables)
        problems += [] if body.text.strip() else [body.at(0, "empty-text", "The text is empty.", "Write the text.")]
        bodies.append(body)
        text = body.liquid
    problems += [_no_unsubscribe_link(body) for body in bodies if "unsubscribe_link" not in body.text]
    problems += [one for source in (*bodies, *([link] if link else [])) for one in placeholders(source)]
    reading.problems += problems
    reading.languages[language] = {
        "subject": subject.liquid, "text": text, "html": html, "sign_up_link": link.liquid if link else None,
    }  # fmt: skip


def _runs_code(html: str) -> bool:
    """Return whether an email made of this template has a tag that runs code: filters can assemble one."""
    template = parse(html, html=True)
    rendered = (fill(template, {**sample(omit), "sign_up_link": "https://x.example/"}) for omit in (False, True))
    return any(_CODE.search(text) for text in rendered)


def _rendered_markup(body: TemplateSource) -> Problem:
    message = "Filters make a tag that runs code or loads markup."
    return body.at(0, "hidden-markup", message, "Write the markup without filters.")


def _no_unsubscribe_link(body: TemplateSource) -> Problem:
    hint = "Add one, for example: Unsubscribe: {{ unsubscribe_link }}"
    message = "The body has no unsubscribe link, which mailbox providers require."
    return body.at(0, "no-unsubscribe-link", message, hint, "warning")


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


def _file(file: Path) -> Source:
    """Return the text of a file. Raises DefinitionError when it does not exist or is not UTF-8."""
    try:
        return Source(shown(file), file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        name = f"{file.parent.name}/{file.name}"
        hint = "A message is a folder with message.yml and body.txt or body.mjml."
        problem = Problem(shown(file), 1, 1, "missing-file", "error", f"There is no {name}.", hint)
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        problem = Problem(shown(file), line, 1, "message", "error", "This is not UTF-8 text.", "Save it as UTF-8.")
    except OSError as error:
        message, hint = f"It cannot be read: {error.strerror}.", "Correct its permissions."
        problem = Problem(shown(file), 1, 1, "unreadable-file", "error", message, hint)
    raise DefinitionError([problem])
