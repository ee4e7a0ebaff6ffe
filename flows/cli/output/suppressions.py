"""The table of suppressed addresses."""

from zoneinfo import ZoneInfo

from rich import box
from rich.table import Table
from rich.text import Text

from flows.ledger.suppressions import LIFTED, Suppression
from flows.local_time import local_time


def suppressions_table(found: list[Suppression], zone: ZoneInfo) -> Table:
    """Return a table with one row per address and scope, with times in `zone`: an address has no program."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("address", "suppressed for", "since", "reason"):
        table.add_column(name)
    for one in found:
        scope = f"{one.scope.removeprefix(LIFTED)} (lifted)" if one.scope.startswith(LIFTED) else one.scope
        table.add_row(Text(one.email_key), scope, local_time(one.at, zone), Text(f"{one.reason} ({one.source})"))
    return table
