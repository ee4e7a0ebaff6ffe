"""Prompt for what a new workflow still needs; an invalid answer is explained and the question repeated."""

from collections.abc import Callable
from dataclasses import replace

from compiler import PartnerflowError, SentenceError, parse, project_vocabulary
from flows.definitions.loader import message_ids, read_segments
from flows.definitions.scaffold.create import WorkflowRequest, slug
from flows.definitions.scaffold.programs import program_types, require_program
from flows.settings import Settings

Prompt = Callable[[str, str], str]
"""Asks a question with a default ("" for none) and returns the stripped answer."""

Say = Callable[[str], None]

OPTIONS = {"name": "--name", "program": "--program", "message": "--message", "conditions": "--condition or --segment"}


def missing_options(request: WorkflowRequest) -> list[str]:
    """Return the command-line options that are still needed."""
    needed = [key for key in ("name", "program", "message") if not getattr(request, key)]
    return [OPTIONS[key] for key in [*needed, *([] if request.conditions or request.segment else ["conditions"])]]


def prompt_for_missing(settings: Settings, request: WorkflowRequest, prompt: Prompt, say: Say) -> WorkflowRequest:
    """Return the request completed by the user's answers; an empty answer ends the conditions."""
    name = request.name or _until(prompt, say, "Workflow name", "", _name)
    programs = ", ".join(f"{one} ({kind})" for one, kind in sorted(program_types(settings).items()))
    program = request.program or _until(
        prompt, say, f"Program{f' ({programs})' if programs else ''}", "", lambda text: require_program(settings, text)
    )
    segments, _ = read_segments(settings.workflows)
    request = replace(request, name=name, program=program)
    if not request.conditions and not request.segment:
        if segments:
            chosen = prompt(f"Segment ({', '.join(sorted(segments))}; empty for a new one)", "")
            request = replace(request, segment=chosen or None)
        if not request.segment:
            request = replace(request, conditions=_conditions(prompt, say))
    known = ", ".join(message_ids(settings.workflows))
    return replace(request, message=request.message or prompt(f"Message ({known}; or a new name)", slug(name)))


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
