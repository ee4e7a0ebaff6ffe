"""Deliveries as a table or as JSON."""

from collections import Counter
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from flows.cli.output.sparkline import per_day
from flows.ledger.delivery import STATES, Delivery
from flows.local_time import counted
from flows.preview.partner.deliveries import day_of
from flows.sending.evidence import Evidence
from flows.warehouse.partner_names import PartnerNames
from flows.warehouse.program_names import ProgramNames

COLUMNS = (
    "delivery_id", "workflow_id", "program_id", "partner_id", "contract_id", "email", "action", "state", "reason",
    "run_id", "as_of", "claimed_at", "send_started_at", "sent_at", "attempts", "next_attempt_at", "not_before",
    "message_id", "reply_code", "reply_status", "reply_text",
)  # fmt: skip
STYLES = {"sent": "green", "in_doubt": "yellow", "failed": "red", "expired": "red"}
SHOWN = 8
"""Characters of an id that are printed; `settle` accepts the start of an id."""


def as_json(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as the command line prints it; times are UTC, and the contract of an email is None."""
    values = {name: _value(getattr(delivery, name)) for name in COLUMNS}
    return values | {"contract_id": delivery.contract_id or None}


def deliveries_lines(found: list[Delivery], programs: ProgramNames) -> list[str]:
    """Return the number of deliveries by state, and a line with their number per day if there are several days."""
    counts = Counter(one.state for one in found)
    states = ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts[state])
    return [
        f"{counted(len(found), 'delivery', 'deliveries')}{f': {states}' if states else ''}.",
        *per_day((day_of(one, programs) for one in found), "delivery", "deliveries"),
    ]


def deliveries_table(found: list[Delivery], programs: ProgramNames, names: PartnerNames) -> Table:
    """Return a table with one row per delivery: when it was sent, or for which hour it was claimed, and its reason."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    zone, at = programs.column(one.program_id for one in found)
    table.add_column(f"time{zone}", no_wrap=True)
    for name in ("workflow\ndelivery", "partner\naddress"):
        table.add_column(name)
    table.add_column("state", no_wrap=True)
    table.add_column("reason", ratio=1)
    for one in found:
        workflow = Text(one.workflow_id) + Text(f"\n{one.delivery_id[:SHOWN]}", style="dim")
        partner = Text(names.beside(one.program_id, one.partner_id)) + Text(f"\n{one.email or ''}", style="dim")
        state = Text(one.state, style=STYLES.get(one.state, ""))
        when = Text(at(one.sent_at or one.as_of, one.program_id))
        table.add_row(when, workflow, partner, state, Text(_reason(one, programs)))
    return table


def _reason(one: Delivery, programs: ProgramNames) -> str:
    """Return the reason in one line, and of an email that waits the hour at which it can leave."""
    reason = " ".join((one.reason or "").split())
    if one.state != "pending" or one.not_before is None:
        return reason
    return f"{reason} Until {programs.time(one.not_before, one.program_id)}".strip()


def evidence_as_json(one: Evidence) -> dict[str, Any]:
    """Return a delivery as the command line prints it, with the evidence that it left."""
    found = {"events": one.events, "file": one.has_file, "mail_log": one.is_logged}
    return as_json(one.delivery) | {"evidence": found}


def evidence_table(found: list[Evidence], programs: ProgramNames, limit: int | None = None) -> Table:
    """Return a table with one row per delivery: when it was sent, what shows that it left, and the reason.

    With `limit` it has only so many rows; the counts below it are those of all.
    """
    number, proven = counted(len(found), "delivery", "deliveries"), sum(one.is_found for one in found)
    caption = f"{number}, {proven:,} with evidence that they left"
    if limit is not None and limit < len(found):
        caption += f"; these are the first {limit}, and --dry-run lists all"
    table = Table(box=box.SIMPLE_HEAD, caption=caption, caption_justify="left", padding=(0, 1, 0, 0))
    zone, shown = programs.column(one.delivery.program_id for one in found)
    for name in ("delivery", "workflow", "email", "state"):
        table.add_column(name)
    table.add_column(f"sent at{zone}", no_wrap=True)
    table.add_column("evidence")
    table.add_column("reason", ratio=1)
    for one in found[:limit]:
        delivery = one.delivery
        at = shown(delivery.send_started_at, delivery.program_id) if delivery.send_started_at else ""
        cells = (delivery.delivery_id[:SHOWN], delivery.workflow_id, delivery.email or "", delivery.state, at)
        table.add_row(*map(Text, cells), Text(_evidence(one)), Text(" ".join((delivery.reason or "").split())))
    return table


def _evidence(one: Evidence) -> str:
    found = [counted(one.events, "event")] * bool(one.events) + ["its file"] * one.has_file
    return ", ".join([*found, *["the mail log"] * bool(one.is_logged)]) or "none"


def _value(value: Any) -> Any:
    return value.isoformat() + "Z" if isinstance(value, datetime) else value
