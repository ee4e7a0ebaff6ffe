"""The table of suppressed addresses."""

from zoneinfo import ZoneInfo

from rich import box
from rich.table import Table
from rich.text import Text

from flows.ledger.suppressions import Suppression
from flows.local_time import local_time


def suppressions_table(found: list[Suppression], zone: ZoneInfo) -> Table:
    """Return a table with one row per suppressed address and scope, with times in `zone`: an address has no program."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("address", "suppressed for", "since", "reason"):
        table.add_column(name)
    for one in found:
        table.add_row(Text(one.email_key), one.scope, local_time(one.at, zone), Text(f"{one.reason} ({one.source})"))
    return table
