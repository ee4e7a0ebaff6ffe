"""Render the report as one self-contained HTML file that needs neither a network nor a server.

The template escapes every value. The page's content security policy blocks all requests and all scripts but its own,
which it identifies by hash. A message's HTML is shown in a sandboxed frame.
"""

import base64
import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from compiler import PartnerflowError, SendEmail, Workflow, compile_workflow
from compiler.sql import DEFAULT
from compiler.sql.explain import describe
from flows.addresses import mask_address
from flows.atomic import write_atomic
from flows.definitions.loader import Definitions, read_definitions
from flows.local_time import counted
from flows.messages.loader import read_message
from flows.messages.variables import sample, today
from flows.permissions import make_readable
from flows.report.chart import Chart, weekly_chart
from flows.report.data import RATES, ReportData, Row, by_workflow, read_report
from flows.report.health import count_signs, signs_of
from flows.report.lift import lift_sentences
from flows.report.templates import FOLDER, page
from flows.settings import Settings
from flows.warehouse.program_names import ProgramNames, read_program_names
from flows.warehouse.quarantine import describe_set_aside, hint_of_set_aside
from flows.warehouse.unreadable import HINT, describe_unreadable

EMPTY = (
    dict.fromkeys(("sent", "with_events", "bot_opened_only", "accepted"), 0)
    | dict.fromkeys(("goal_partners", "goal_complete", "goal_reached", "goal_revenue"), 0)
    | {"goal": None, "goal_rate": None}
    | dict.fromkeys((count for count, _ in RATES), 0)
    | dict.fromkeys(rate for _, rate in RATES)
)
"""The totals of a workflow that has not run yet."""

TOTALS = ("sent", "with_events", "delivered", "opened", "clicked", "accepted")
"""The counts that are added up over all workflows."""


@dataclass(frozen=True)
class MessagePreview:
    """A message rendered with sample values, in one of its languages (BCP 47)."""

    language: str
    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True)
class WorkflowPage:
    """Everything that the page shows of one workflow. `state` is active, draft, paused, broken or deleted.

    `program` is the program's name with its id. `signs` are those of flows.report.health. `distinctive` are the
    conditions, those that the fewest workflows have first, since most have the others in common.
    `lift` says in sentences what the emails have changed; it is empty without a holdout.
    """

    id: str
    name: str
    program_id: str
    program: str
    description: str
    owner: str
    state: str
    signs: tuple[str, ...]
    sentence: str
    conditions: list[str]
    distinctive: list[str]
    sql: str
    message: str | None
    totals: Row
    lift: list[str]
    weeks: list[Row]
    chart: Chart | None
    runs: list[Row]
    recipients: list[Row]
    members: list[Row]
    waiting: list[Row]
    skipped: list[Row]

    @property
    def message_key(self) -> str | None:
        """Return the key of its message as its program sends it; None without a message."""
        return f"{self.message}@{self.program_id}" if self.message else None


def write_report(settings: Settings, definitions: Definitions, file: Path, show_addresses: bool = False) -> None:
    """Write the page of the published data atomically. Addresses are masked unless `show_addresses`."""
    data = read_report(settings.published)
    programs = read_program_names(settings)
    write_atomic(file, render_report(data, definitions, settings.workflows, programs, show_addresses))
    if file == settings.report:
        make_readable(file)


def report_file(settings: Settings, file: Path, show_addresses: bool) -> None:
    """Write the page for `partnerflow report --html`, with the current definitions."""
    write_report(settings, read_definitions(settings), file, show_addresses)


def render_report(
    data: ReportData, definitions: Definitions, folder: Path, programs: ProgramNames, show_addresses: bool
) -> str:
    """Return the page as HTML. `folder` is the workflows folder, which has the messages."""
    totals = {row["workflow_id"]: row for row in data.totals}
    lists = (data.weeks, data.runs, data.recipients, data.members, data.waiting, data.skipped)
    weeks, runs, recipients, members, waiting, skipped = map(by_workflow, lists)
    lifts = {row["workflow_id"]: row for row in data.lifts}
    defined = {workflow.id: workflow for workflow in definitions.workflows}
    common = Counter(str(condition) for workflow in definitions.workflows for condition in workflow.segment)
    pages = [
        _workflow(
            workflow_id, defined.get(workflow_id), definitions, programs, common, data.in_doubt.get(workflow_id, 0),
            totals.get(workflow_id, {"workflow_id": workflow_id, **EMPTY}), lifts.get(workflow_id),
            weeks.get(workflow_id, []), runs.get(workflow_id, []), recipients.get(workflow_id, []),
            members.get(workflow_id, []), waiting.get(workflow_id, []), skipped.get(workflow_id, []),
        )
        for workflow_id in sorted(defined.keys() | totals.keys() | definitions.broken.keys())
    ]  # fmt: skip
    pages.sort(key=lambda shown: shown.name.casefold())
    script = (FOLDER / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return page(
        "report.html",
        workflows=pages,
        messages=_messages(pages, folder, definitions, programs, data.as_of),
        total={name: sum(shown.totals[name] for shown in pages) for name in TOTALS},
        columns=RATES,
        as_of=programs.hour(data.as_of) if data.as_of else None,
        problems=_problems(data),
        signs=count_signs(shown.signs for shown in pages),
        made_at=datetime.now(UTC),
        address=str if show_addresses else mask_address,
        outcome=outcome,
        at=programs.time,
        counted=counted,
        script=Markup(script),
        script_digest=digest,
    )


def _problems(data: ReportData) -> list[str]:
    """Return what was received or loaded and could not be used, and what the last run noted, each with what to do."""
    unreadable = [f"{describe_unreadable(data.unreadable)}. {HINT}"] if data.unreadable else []
    set_aside = [f"{describe_set_aside(data.set_aside)} {hint_of_set_aside()}"] if data.set_aside else []
    return list(dict.fromkeys([*unreadable, *set_aside, *data.notes]))


def outcome(delivery: Row) -> str:
    """Return the outcome of a row of marts.fct_email_deliveries: its worst event, else its latest, else its state."""
    outcomes = ("complained", "unsubscribed", "bounced", "clicked", "opened", "delivered")
    return next((one for one in outcomes if delivery[f"is_{one}"]), str(delivery["state"]).replace("_", " "))


def _workflow(
    workflow_id: str, workflow: Workflow | None, definitions: Definitions, programs: ProgramNames, common: Counter[str],
    in_doubt: int, totals: Row, lift: Row | None, weeks: list[Row], runs: list[Row], recipients: list[Row],
    members: list[Row], waiting: list[Row], skipped: list[Row],
) -> WorkflowPage:  # fmt: skip
    state = workflow.status if workflow else "broken" if workflow_id in definitions.broken else "deleted"
    program_id = workflow.program if workflow else recipients[0]["program_id"] if recipients else ""
    conditions = [str(condition) for condition in workflow.segment] if workflow else []
    return WorkflowPage(
        id=workflow_id,
        name=workflow.name if workflow else workflow_id,
        program_id=program_id,
        program=programs.name(program_id) if program_id else "",
        description=workflow.description if workflow else "",
        owner=workflow.owner if workflow else "",
        state=state,
        signs=signs_of(state, runs[0]["status"] if runs else None, in_doubt),
        sentence=describe(workflow) if workflow else definitions.broken.get(workflow_id, "Its definition was deleted."),
        conditions=conditions,
        distinctive=sorted(conditions, key=lambda one: common[one]),
        sql=compile_workflow(workflow, definitions.compiler, DEFAULT) if workflow else "",
        message=workflow.action.message if workflow and isinstance(workflow.action, SendEmail) else None,
        totals=totals,
        lift=lift_sentences(lift) if lift else [],
        weeks=weeks,
        chart=weekly_chart(weeks) if weeks else None,
        runs=runs,
        recipients=recipients,
        members=members,
        waiting=waiting,
        skipped=skipped,
    )


def _messages(
    pages: list[WorkflowPage],
    folder: Path,
    definitions: Definitions,
    programs: ProgramNames,
    as_of: datetime | None,
) -> dict[str, list[MessagePreview] | str]:
    """Return each message as each program sends it, by `message_key`: in all its languages, its own first.

    The partner and the links are samples. Of a message that cannot be read, the problems are returned.
    """
    messages: dict[str, list[MessagePreview] | str] = {}
    for key, one in {shown.message_key: shown for shown in reversed(pages) if shown.message_key}.items():
        try:
            message = read_message(folder / "messages" / (one.message or ""))
            context = _sample_of(one, definitions, programs)
            languages = dict.fromkeys([message.content["language"], *message.content["languages"]])
            zone = programs.zone(one.program_id).key
            dates = {name: {"today": today(as_of, zone, name)} if as_of else {} for name in languages}
            contents = [message.render(context | dates[name], name) for name in languages]
            messages[key] = [MessagePreview(each.language, each.subject, each.text, each.html) for each in contents]
        except PartnerflowError as error:
            messages[key] = str(error)
    return messages


def _sample_of(one: WorkflowPage, definitions: Definitions, programs: ProgramNames) -> dict[str, Any]:
    """Return the variables of a message for a sample partner, as the workflow's program sends it."""
    program = {
        "id": one.program_id, "name": programs.names.get(one.program_id, one.program_id),
        "postal_address": definitions.postal_address(one.program_id),
    }  # fmt: skip
    return sample(omit_optional=False) | {"program": program, "workflow": {"id": one.id, "name": one.name}}
