"""The conditions that a segment can use."""

from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text


def fields_table(fields: list[dict[str, Any]]) -> Table:
    """Return the conditions that a segment can use: label, operators and values, and the column."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("condition", no_wrap=True)
    table.add_column("followed by")
    table.add_column("column", no_wrap=True)
    for field in fields:
        follows = ", ".join(field["operators"]) + (": " + ", ".join(field["values"]) if field["values"] else "")
        table.add_row(Text(field["label"]), Text(follows), Text(f"{field['model']}.{field['column']}"))
    return table
