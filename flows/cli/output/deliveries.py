"""The deliveries as a person looks at them: a table, or JSON."""

from collections import Counter
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from compiler import PartnerflowError
from flows.ledger.delivery import STATES, Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries

COLUMNS = (
    "delivery_id", "workflow_id", "program_id", "partner_id", "email", "action", "state", "reason", "run_id", "as_of",
    "claimed_at", "sending_at", "sent_at", "attempt", "not_before", "message_id", "reply_code", "reply_status",
    "reply_text",
)  # fmt: skip
STYLES = {"sent": "green", "in_doubt": "yellow", "failed": "red", "expired": "red"}
SHOWN = 8
"""Signs of an id that are printed; `settle` takes an id by its beginning."""


def list_deliveries(ledger: Ledger, state: str | None, workflow_id: str | None) -> list[Delivery]:
    """The deliveries in a state, and of a workflow, where these are given. Raises PartnerflowError for no state."""
    if state is not None and state not in STATES:
        raise PartnerflowError(f"There is no state {state}. The states are {', '.join(STATES)}.")
    return deliveries(ledger, [state] if state else (), workflow_id)


def as_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery as the command line answers with it; times are UTC."""
    return {name: _value(getattr(delivery, name)) for name in COLUMNS}


def deliveries_table(found: list[Delivery]) -> Table:
    """One row a delivery, with the reason where it is not sent; the counts of the states below."""
    counts = Counter(one.state for one in found)
    footer = ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts[state]) or "none"
    table = Table(box=box.SIMPLE_HEAD, caption=footer, caption_justify="left", padding=(0, 1, 0, 0))
    for name in ("delivery", "workflow", "partner", "email", "state"):
        table.add_column(name)
    table.add_column("why", ratio=1)
    for one in found:
        state = Text(one.state, style=STYLES.get(one.state, ""))
        cells = (one.delivery_id[:SHOWN], one.workflow_id, one.partner_id, one.email or "")
        table.add_row(*map(Text, cells), state, Text(" ".join((one.reason or "").split())))
    return table


def _value(value: Any) -> Any:
    return value.isoformat() + "Z" if isinstance(value, datetime) else value
