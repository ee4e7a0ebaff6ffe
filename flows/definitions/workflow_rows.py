"""The definitions as rows of marts.workflows, which people query."""

import pandas

from compiler import Workflow
from flows.definitions.loader import Definitions
from flows.warehouse.published_tables import WORKFLOWS


def workflow_rows(definitions: Definitions) -> pandas.DataFrame:
    """Return one row per workflow, by id, with the columns of WORKFLOWS; of a broken one only id and status."""
    rows = {one.id: _row(one) for one in definitions.workflows}
    rows |= {name: {"workflow_id": name, "status": "broken"} for name in definitions.broken}
    return pandas.DataFrame([rows[name] for name in sorted(rows)], columns=list(WORKFLOWS), dtype=object)


def _row(workflow: Workflow) -> dict[str, str]:
    return {
        "workflow_id": workflow.id,
        "name": workflow.name,
        "description": workflow.description,
        "program_id": workflow.program,
        "status": workflow.status,
        "owner": workflow.owner,
        "action": str(workflow.action),
        "segment": "\n".join(map(str, workflow.segment)),
    }
