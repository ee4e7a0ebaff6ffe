"""Terminal output of `templates` and `new`."""

from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from flows.definitions.scaffold.create import ScaffoldResult


def templates_table(templates: list[dict[str, Any]]) -> Table:
    """Return the templates as a table: id, program types, description, and workflows."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False)
    table.add_column("template", overflow="fold")
    table.add_column("what it does", ratio=1)
    for one in templates:
        chain = Text("\n".join(f"  {workflow['id']}" for workflow in one["workflows"]), style="dim")
        kinds = Text(", ".join(one["program_types"]), style="dim")
        table.add_row(Text(f"{one['id']}\n", style="bold") + kinds, Text(f"{one['description']}\n") + chain)
    return table


def draft_lines(result: ScaffoldResult) -> list[str]:
    """Return the files written, warnings, notes, and what to do next."""
    first = result.workflows[0]
    return [
        *[f"Wrote {file}" for file in result.files],
        *[str(problem) for problem in result.warnings],
        *[f"Note: {note}" for note in result.notes],
        f"Drafts send nothing. Edit them, try `partnerflow preview {first}`, then set status: active.",
    ]
