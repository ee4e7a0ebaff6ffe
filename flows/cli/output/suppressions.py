"""The table of suppressed addresses."""

from rich import box
from rich.table import Table
from rich.text import Text

from flows.ledger.suppressions import Suppression


def suppressions_table(found: list[Suppression]) -> Table:
    """Return a table with one row per suppressed address and scope."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("address", "suppressed for", "since (UTC)", "reason"):
        table.add_column(name)
    for one in found:
        table.add_row(Text(one.email_key), one.scope, f"{one.at:%Y-%m-%d %H:%M}", Text(f"{one.reason} ({one.source})"))
    return table
