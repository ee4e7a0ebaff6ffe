"""Ask a person for what a new workflow still needs; each answer is tried at once and asked again if wrong."""

from collections.abc import Callable
from dataclasses import replace

from compiler import PartnerflowError, SentenceError, parse, project_vocabulary
from flows.definitions.loader import message_ids, read_segments
from flows.definitions.scaffold.create import WorkflowRequest, slug
from flows.definitions.scaffold.programs import program_types, require_program
from flows.settings import Settings

Prompt = Callable[[str, str], str]
"""Asks a question with a default answer ("" for none) and returns the answer, without blanks around it."""

Say = Callable[[str], None]

OPTIONS = {"name": "--name", "program": "--program", "message": "--message", "conditions": "--condition or --segment"}


def missing_options(wish: WorkflowRequest) -> list[str]:
    """The options that are still needed."""
    needed = [key for key in ("name", "program", "message") if not getattr(wish, key)]
    return [OPTIONS[key] for key in [*needed, *([] if wish.conditions or wish.segment else ["conditions"])]]


def prompt_for_missing(settings: Settings, wish: WorkflowRequest, prompt: Prompt, say: Say) -> WorkflowRequest:
    """The wish with every question answered that it leaves open; an empty answer ends the conditions."""
    name = wish.name or _until(prompt, say, "Workflow name", "", _name)
    programs = ", ".join(f"{one} ({kind})" for one, kind in sorted(program_types(settings).items()))
    program = wish.program or _until(
        prompt, say, f"Program{f' ({programs})' if programs else ''}", "", lambda text: require_program(settings, text)
    )
    segments, _ = read_segments(settings.workflows)
    wish = replace(wish, name=name, program=program)
    if not wish.conditions and not wish.segment:
        if segments:
            chosen = prompt(f"Segment ({', '.join(sorted(segments))}; empty for a new one)", "")
            wish = replace(wish, segment=chosen or None)
        if not wish.segment:
            wish = replace(wish, conditions=_conditions(prompt, say))
    known = ", ".join(message_ids(settings.workflows))
    return replace(wish, message=wish.message or prompt(f"Message ({known}; or a new name)", slug(name)))


def _conditions(prompt: Prompt, say: Say) -> tuple[str, ...]:
    vocabulary = project_vocabulary()
    say("Conditions, all of which must hold, in the words of the help page; an empty answer ends them.")
    found: list[str] = []
    while answer := prompt("And" if found else "Condition", ""):
        try:
            found.append(str(parse(answer, vocabulary)))
        except SentenceError as error:
            say(f"{error.message} {error.hint}")
    return tuple(found)


def _until(prompt: Prompt, say: Say, question: str, default: str, check: Callable[[str], None]) -> str:
    while True:
        answer = prompt(question, default)
        try:
            check(answer)
        except PartnerflowError as error:
            say(str(error))
        else:
            return answer


def _name(text: str) -> None:
    if not 1 <= len(text) <= 50:
        raise PartnerflowError("A workflow name is text of 1 to 50 characters.")
