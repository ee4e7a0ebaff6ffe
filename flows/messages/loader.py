"""Reads a message from its folder, and finds everything that is wrong with it before anybody is written to.

messages/welcome/message.yml     subject, and if wanted the other keys of flows.messages.schema
messages/welcome/body.txt        the text (Liquid); left out, it is made of body.mjml
messages/welcome/body.mjml       the HTML, if wanted (MJML with Liquid)
messages/welcome/body.de.txt     the same in German, whose subject is under translations: in message.yml
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from compiler import DefinitionError, Problem, SendEmail, Source, read_yaml
from compiler.language.definition import did_you_mean
from flows.definitions.loader import Definitions, message_ids, shown
from flows.messages.liquid.lint import Passage, check_passage
from flows.messages.liquid.tokens import masked
from flows.messages.message import FORMAT, Message
from flows.messages.mjml.compile import LINK, compile_mjml
from flows.messages.mjml.plain_text import text_part
from flows.messages.mjml.tags import read_tags
from flows.messages.schema import MessageFile, read_keys, wrong_keys
from flows.messages.variables import NAMES
from flows.settings import Settings


@dataclass
class _Reading:
    """A message while it is read: what was found so far."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    languages: dict[str, dict[str, str | None]] = field(default_factory=dict)


def read_message(folder: Path) -> Message:
    """The message of a folder. Raises DefinitionError with every error in it, warnings left out."""
    message, problems = check_message(folder)
    errors = [problem for problem in problems if problem.severity == "error"]
    if message is None or errors:
        raise DefinitionError(errors)
    return message


def check_message(folder: Path) -> tuple[Message | None, list[Problem]]:
    """The message of a folder if it has no error, and every problem, sorted by place."""
    reading = _Reading(folder)
    content = None
    try:
        content = _read(reading)
    except DefinitionError as error:
        reading.problems += error.problems
    sound = not any(problem.severity == "error" for problem in reading.problems)
    return Message(content) if content and sound else None, sorted(set(reading.problems))


def check_messages(definitions: Definitions, settings: Settings, only_used: bool = False) -> Definitions:
    """The definitions with the problems of the messages; a workflow is broken when its message has an error.

    `only_used` leaves out the messages that none of these workflows uses.
    """
    users: dict[str, list[str]] = {} if only_used else {name: [] for name in message_ids(settings.workflows)}
    for workflow in definitions.workflows:
        if isinstance(workflow.action, SendEmail):
            users.setdefault(workflow.action.message, []).append(workflow.id)
    problems, broken = list(definitions.problems), dict(definitions.broken)
    for name, workflows in users.items():
        found = check_message(settings.workflows / "messages" / name)[1]
        problems += found
        broken |= dict.fromkeys(workflows, _errors(found)) if _errors(found) else {}
    sound = tuple(workflow for workflow in definitions.workflows if workflow.id not in broken)
    return replace(definitions, workflows=sound, problems=tuple(sorted(set(problems))), broken=broken)


def _errors(problems: list[Problem]) -> str:
    return "\n".join(str(problem) for problem in problems if problem.severity == "error")


def _read(reading: _Reading) -> dict:
    settings = _file(reading.folder / "message.yml")
    source = read_yaml(settings.path, settings.text)
    keys = read_keys(source)
    reading.problems += wrong_keys(source, keys)
    routes = {keys.language: (), **{tag: ("translations", tag) for tag in keys.translations}}
    reading.problems += _orphans(reading.folder, keys, routes)
    for language, route in routes.items():
        own = keys.translations[language] if route else keys
        link_route = (*route, "sign_up_link") if own.sign_up_link or not route else ("sign_up_link",)
        link = own.sign_up_link or keys.sign_up_link
        _read_language(
            reading,
            language,
            suffix=f".{language}" if route else "",
            subject=Passage(source, own.subject, (*route, "subject")),
            link=Passage(source, link, link_route) if link else None,
        )
    return {
        "format": FORMAT, "language": keys.language, "sender_name": keys.sender_name, "reply_to": keys.reply_to,
        "cc": keys.cc, "bcc": keys.bcc, "languages": reading.languages,
    }  # fmt: skip


def _read_language(reading: _Reading, language: str, suffix: str, subject: Passage, link: Passage | None) -> None:
    """Subject, link and bodies in one language, checked; added to `reading`."""
    offered = [name for name in NAMES if name != "sign_up_link" or link]
    problems = check_passage(subject, offered)
    if link:
        problems += [*check_passage(link, [name for name in offered if name != "sign_up_link"]), *_wrong_link(link)]
    text_file, mjml_file = reading.folder / f"body{suffix}.txt", reading.folder / f"body{suffix}.mjml"
    html, text, uses = None, None, []
    if mjml_file.exists():
        source = _file(mjml_file)
        mjml = Passage(source, source.text, html=True)
        found = check_passage(mjml, offered)
        if not found or all(problem.severity == "warning" for problem in found):
            html, wrong = compile_mjml(mjml.liquid, language, mjml.at_liquid)
            found += wrong
        problems += found
        uses.append(mjml)
        if html is not None and not text_file.exists():
            text = text_part(read_tags(mjml.liquid, masked(mjml.liquid)))
    if text_file.exists() or not mjml_file.exists():
        source = _file(text_file)
        body = Passage(source, source.text)
        problems += check_passage(body, offered)
        problems += [] if body.written.strip() else [body.at(0, "empty-text", "The text is empty.", "Write it.")]
        uses.append(body)
        text = body.liquid
    problems += [_no_way_out(passage) for passage in uses if "unsubscribe_link" not in passage.written]
    reading.problems += problems
    reading.languages[language] = {
        "subject": subject.liquid, "text": text, "html": html, "sign_up_link": link.liquid if link else None,
    }  # fmt: skip


def _no_way_out(passage: Passage) -> Problem:
    hint = "Add for example: Unsubscribe: {{ unsubscribe_link }}"
    message = "The reader finds no link to unsubscribe, which mailbox providers ask for."
    return passage.at(0, "no-unsubscribe-link", message, hint, "warning")


def _wrong_link(link: Passage) -> list[Problem]:
    if LINK.match(link.written.strip()) and link.written.lower().startswith("http"):
        return []
    hint = "Write https://… with the host in full."
    return [link.at(0, "bad-link", f"{link.written[:60]!r} is no link to sign up at.", hint)]


def _orphans(folder: Path, keys: MessageFile, languages: dict) -> Iterator[Problem]:
    """Files that nobody would read: a body of a language that message.yml does not name, a slip in a name."""
    bodies = {
        f"body{f'.{tag}' if route else ''}.{kind}" for tag, route in languages.items() for kind in ("txt", "mjml")
    }
    for file in sorted(folder.iterdir()):
        if file.name not in bodies and file.name != "message.yml" and not file.name.startswith("."):
            hint = did_you_mean(file.name, bodies) + "A body.de.txt needs translations: de: in message.yml."
            yield Problem(shown(file), 1, 1, "unread-file", "error", "Nothing reads this file.", hint)


def _file(file: Path) -> Source:
    """A file as text. Raises DefinitionError when there is none, or none in UTF-8."""
    try:
        return Source(shown(file), file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        name = f"{file.parent.name}/{file.name}"
        hint = "A message is a folder with message.yml and body.txt or body.mjml."
        problem = Problem(shown(file), 1, 1, "missing-file", "error", f"There is no {name}.", hint)
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        problem = Problem(shown(file), line, 1, "message", "error", "This is not UTF-8 text.", "Save it as UTF-8.")
    raise DefinitionError([problem])
