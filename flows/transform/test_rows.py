"""The rows that dbt tests found, read from the warehouse for the reasons of held workflows."""

from pathlib import Path
from typing import Any

from sqlglot import exp, maybe_parse, parse_one

from flows.transform.impact import Findings
from flows.warehouse.connection import Connection

SHOWN = 3
"""Rows of a failed test that a reason names."""


def programs_found(connection: Connection, test: Any) -> Findings:
    """Return the programs in the stored rows of a program-scoped test, each with its column `finding`, if any."""
    query = exp.select("*").from_(maybe_parse(test.relation_name, into=exp.Table))
    rows = _rows(connection, query)
    return {row["program_id"]: row.get("finding") for row in rows}


def describe_rows(connection: Connection, test: Any, project: Path, dialect: str) -> str:
    """Return a text with the first rows that a failed test found, the query that finds them, and what to do.

    `project` is the folder of the dbt project, and `dialect` that of the test's SQL.
    """
    query = exp.Subquery(this=parse_one(test.compiled_code, dialect=dialect), alias="found")
    shown = exp.select("*").from_(query).limit(SHOWN + 1)
    rows = _rows(connection, shown)
    texts = [", ".join(f"{name} {value}" for name, value in row.items()) for row in rows[:SHOWN]]
    more = " and more" if len(rows) > SHOWN else ""
    return (
        f"it found {'; '.join(texts)}{more}. The query is in {project / test.compiled_path}. Correct the rows in the "
        "source: the next run builds again"
    )


def _rows(connection: Connection, query: exp.Select) -> list[dict[str, Any]]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
