"""What is wrong with a message for the workflow that sends it, beside what is wrong with the message itself."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from compiler import Problem, SendEmail, Workflow, read_yaml
from flows.definitions.loader import shown
from flows.definitions.program_settings import FILE as PROGRAM_SETTINGS
from flows.definitions.scaffold.templates import template_of
from flows.messages.message import Message
from flows.messages.placeholders import as_errors
from flows.settings import Settings


def check_in_use(
    settings: Settings,
    workflow: Workflow,
    message: Message | None,
    problems: Iterable[Problem],
    postal_address: str | None,
) -> list[Problem]:
    """Return the problems of a message and of its use by an email workflow. `message` is None if it has errors.

    An active workflow may have no placeholders in it and, with a mail server, not the default sender. It should have
    the postal address of its program.
    """
    found = list(problems)
    if workflow.status == "active":
        found = [*as_errors(found), *_default_sender(settings)]
        found += [] if postal_address else [_no_postal_address(settings, workflow.program)]
    if message is not None and isinstance(workflow.action, SendEmail):
        found += _languages(settings.workflows / "messages" / workflow.action.message, workflow, message)
    return found


def _default_sender(settings: Settings) -> Iterator[Problem]:
    if settings.smtp_host and settings.has_default_sender:
        message = f"Emails would come from {settings.sender_address}, which is not your address."
        hint = "Set PARTNERFLOW_SENDER_ADDRESS, or sender_address in partnerflow.toml, to an address of your own."
        yield Problem("settings", 1, 1, "default-sender", "error", message, hint)


def _no_postal_address(settings: Settings, program_id: str) -> Problem:
    message = f"Program {program_id} has no postal address, which commercial emails must show in many countries."
    hint = f'Add it: `"{program_id}": {{postal_address: "…"}}`. The layout of the messages shows it.'
    file = shown(settings.workflows / PROGRAM_SETTINGS)
    return Problem(file, 1, 1, "no-postal-address", "warning", message, hint)


def _languages(folder: Path, workflow: Workflow, message: Message) -> Iterator[Problem]:
    """Yield a problem for more languages than the template of the workflow allows."""
    template = template_of(workflow.id)
    allowed = template.about.max_languages if template else None
    if template and allowed and len(message.content["languages"]) > allowed:
        file = folder / "message.yml"
        source = read_yaml(shown(file), file.read_text(encoding="utf-8"))
        text = f"Emails of {template.about.name} ({workflow.id}) can only be sent in {allowed} language."
        hint = "Remove the translations and their bodies, or use a workflow of your own for each language."
        yield source.problem(("translations",), "languages", text, hint)
