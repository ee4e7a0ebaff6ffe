"""The members of a segment."""

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from flows.local_time import counted
from flows.preview.preview import Preview


def members_table(workflow_id: str, preview: Preview) -> Table:
    """Return the members of a segment as a table."""
    members, addresses = counted(len(preview.members), "member"), counted(preview.addresses, "address", "addresses")
    title = f"{workflow_id}: {members}, {addresses}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, min_width=cell_len(title))
    for column in ("program", "partner", "name"):
        table.add_column(column)
    for program, partner, name in preview.members:
        table.add_row(Text(program), Text(partner), Text(" ".join((name or "").split())))
    return table
