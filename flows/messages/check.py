"""The messages of a folder of definitions, checked with them."""

from dataclasses import replace

from compiler import Problem, SendEmail
from flows.definitions.loader import Definitions, message_ids
from flows.messages.loader import check_message
from flows.settings import Settings


def with_messages(definitions: Definitions, settings: Settings, only_used: bool = False) -> Definitions:
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
