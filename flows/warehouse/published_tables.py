"""What the published file has beside the tables of the warehouse: workflows, who was ever a member, views, comments.

It is a DuckDB file on every engine, so that these are the same everywhere.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from sqlglot import exp

from compiler import PartnerflowError
from compiler.yaml_source import SAFE_LOADER
from flows.warehouse.connection import has_table
from flows.warehouse.engine import Connection
from flows.warehouse.engines.duckdb import ENGINE, literal
from flows.warehouse.published import open_published

if TYPE_CHECKING:
    import pandas

logger = logging.getLogger(__name__)

MARTS = "marts"

COMPILED = ("preview", "compiled_models")
"""Schema and name of the table of models as they were compiled: a relation and its SELECT per row."""

WORKFLOWS = {
    "workflow_id": "The workflow: the name of its definition file without `.yml`, unless it has an `id:`.",
    "name": "Its name.",
    "description": "Its description for colleagues; empty without one.",
    "program_id": "The program, as text.",
    "status": "draft, active, paused, or broken: its definition is not valid, and nothing else of it is known.",
    "owner": "The person responsible; empty without one.",
    "action": "email or accept application.",
    "segment": "Its conditions, one per line.",
}
"""The columns of marts.workflows, all text, with their descriptions."""

HISTORY = {
    "workflow_id": "The workflow: the name of its definition file without `.yml`.",
    "program_id": "The program, as text. A key is unique within its program only.",
    "partner_id": "The partner, as text even where it looks like a number.",
    "valid_from": "The hour of the first run at which the partner was in the segment, in UTC.",
    "valid_to": "The hour of the first run at which it no longer was, in UTC; null while it is.",
}
"""The columns of marts.segment_membership_history with their descriptions."""

DESCRIPTIONS = {
    "workflows": ("One row per workflow, as of the last run.", WORKFLOWS),
    "segment_membership_history": (
        "One row per workflow, program, partner and time in the segment, as runs have seen it. The time of a workflow "
        "ends when it is no longer active; hours at which it is held do not end it.",
        HISTORY,
    ),
}


@dataclass(frozen=True)
class PublishedRun:
    """What a run knows that the tables of the warehouse do not have.

    `workflows` are the rows of marts.workflows. `evaluated` are the ids of the workflows whose segments were evaluated
    at `as_of` (UTC), `active` those of all active ones. `project` is the folder of the dbt project. `compiled` has the
    SELECT of models that previews read, by relation.
    """

    as_of: datetime
    workflows: "pandas.DataFrame"
    evaluated: Collection[str]
    active: Collection[str]
    project: Path
    compiled: Mapping[str, str] = field(default_factory=dict)


def complete(fresh: Path, former: Path, run: PublishedRun | None) -> None:
    """Add to a new file (`fresh`) what it has beside tables of the warehouse, given the file that it replaces.

    Without a run, only the views are added. Raises PartnerflowError when the disk is full.
    """
    with ENGINE.connect(fresh) as connection:
        has_history = run is not None and _attach_history(connection, former)
        connection.execute("BEGIN")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {MARTS}")
        if run is not None:
            _add_workflows(connection, run)
            _add_compiled_models(connection, run.compiled)
            _add_history(connection, run, has_history)
        _add_views(connection)
        _add_comments(connection, run.project if run else None)
        connection.execute("COMMIT")


def _add_workflows(connection: Connection, run: PublishedRun) -> None:
    columns = ", ".join(f"{name} VARCHAR" for name in WORKFLOWS)
    connection.execute(f"CREATE TABLE marts.workflows ({columns})")
    target = exp.Table(this=exp.to_identifier("workflows"), db=exp.to_identifier(MARTS))
    connection.append(exp.Schema(this=target, expressions=[*map(exp.to_identifier, WORKFLOWS)]), run.workflows)


def _add_compiled_models(connection: Connection, compiled: Mapping[str, str]) -> None:
    schema, name = COMPILED
    connection.execute(f"CREATE SCHEMA {schema}")
    connection.execute(f"CREATE TABLE {schema}.{name} (relation VARCHAR, query VARCHAR)")
    import pandas  # slow to import, and readers of the published file do not need it

    rows = pandas.DataFrame(compiled.items(), columns=["relation", "query"], dtype=object)
    columns = [exp.to_identifier("relation"), exp.to_identifier("query")]
    connection.append(exp.Schema(this=exp.table_(name, db=schema), expressions=columns), rows)


def _attach_history(connection: Connection, former: Path) -> bool:
    """Attach the file that is replaced as `former`; return whether it has a history."""
    if not former.exists():
        return False
    try:
        with open_published(former) as read:
            found = has_table(read, MARTS, "segment_membership_history")
    except PartnerflowError as error:
        logger.warning("The history of members starts again: %s", error)
        return False
    if found:
        connection.execute(f"ATTACH {literal(former)} AS former (READ_ONLY)")
    return found


def _add_history(connection: Connection, run: PublishedRun, has_history: bool) -> None:
    """Copy the history of the former file, end the times that are over, and begin those of new members.

    A run of an hour before what the history knows changes nothing.
    """
    connection.execute(_CREATE_HISTORY)
    if has_history:
        columns = ", ".join(HISTORY)
        rows = f"SELECT {columns} FROM former.marts.segment_membership_history"
        connection.execute(f"INSERT INTO marts.segment_membership_history {rows}")
    hour = run.as_of.replace(tzinfo=None)
    ((newest,),) = connection.execute(_NEWEST).fetchall()
    if has_table(connection, MARTS, "segment_membership") and not (newest and newest > hour):
        connection.execute(_END, [hour, sorted(run.evaluated), sorted(run.active)])
        connection.execute(_BEGIN, [hour, sorted(run.evaluated)])


def _add_views(connection: Connection) -> None:
    for name in sorted(connection.columns(MARTS)):
        source = exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(MARTS))
        view = exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier("main"))
        connection.execute(exp.Create(this=view, kind="VIEW", expression=exp.select("*").from_(source)).sql("duckdb"))


def _add_comments(connection: Connection, project: Path | None) -> None:
    """Comment every table, view and column that the dbt project or DESCRIPTIONS describes."""
    described = {**_described(project), **DESCRIPTIONS} if project else DESCRIPTIONS
    query = """
        SELECT schema_name, table_name, list(column_name), bool_or(is_view) FROM (
            SELECT columns.schema_name, columns.table_name, column_name, views.view_name IS NOT NULL AS is_view
            FROM duckdb_columns() AS columns
            LEFT JOIN duckdb_views() AS views
                ON columns.schema_name = views.schema_name AND columns.table_name = views.view_name
                    AND views.database_name = columns.database_name
            WHERE NOT columns.internal AND columns.database_name = current_database()
                AND columns.schema_name IN ('main', 'marts', 'segments', 'snapshots')
        ) GROUP BY ALL"""
    for schema, name, columns, is_view in connection.execute(query).fetchall():
        text, texts = described.get(name, ("", {}))
        place = f"{schema}.{_quoted(name)}"
        if text:
            connection.execute(f"COMMENT ON {'VIEW' if is_view else 'TABLE'} {place} IS {_text(text)}")
        for column in columns:
            if texts.get(column):
                connection.execute(f"COMMENT ON COLUMN {place}.{_quoted(column)} IS {_text(texts[column])}")


def _described(project: Path) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Return the description of each model and snapshot, and of its columns, by its name."""
    return {
        one["name"]: (_in_one_line(one), {column["name"]: _in_one_line(column) for column in one.get("columns", [])})
        for one in _nodes(project)
    }


def _nodes(project: Path) -> Iterator[Mapping[str, Any]]:
    for folder in ("models/marts", "models/segments", "models/custom", "snapshots"):
        for file in sorted((project / folder).rglob("*.yml")):
            document = yaml.load(file.read_text(encoding="utf-8"), Loader=SAFE_LOADER) or {}
            yield from document.get("models", [])
            yield from document.get("snapshots", [])


def _in_one_line(described: Mapping[str, Any]) -> str:
    return " ".join(str(described.get("description") or "").split())


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def _text(text: str) -> str:
    return exp.Literal.string(text).sql("duckdb")


_CREATE_HISTORY = """
    CREATE TABLE marts.segment_membership_history (
        workflow_id VARCHAR, program_id VARCHAR, partner_id VARCHAR, valid_from TIMESTAMP, valid_to TIMESTAMP
    )"""

_NEWEST = "SELECT max(greatest(valid_from, coalesce(valid_to, valid_from))) FROM marts.segment_membership_history"

_IS_MEMBER = """
    SELECT 1 FROM marts.segment_membership AS members
    WHERE members.workflow_id = history.workflow_id AND members.program_id = history.program_id
        AND members.partner_id = history.partner_id"""

_END = f"""
    UPDATE marts.segment_membership_history AS history SET valid_to = $1
    WHERE valid_to IS NULL
        AND (NOT list_contains($3, workflow_id) OR (list_contains($2, workflow_id) AND NOT EXISTS ({_IS_MEMBER})))"""

_BEGIN = """
    INSERT INTO marts.segment_membership_history
    SELECT DISTINCT workflow_id, program_id, partner_id, CAST($1 AS TIMESTAMP), CAST(NULL AS TIMESTAMP)
    FROM marts.segment_membership AS members
    WHERE list_contains($2, workflow_id) AND NOT EXISTS (
        SELECT 1 FROM marts.segment_membership_history AS history
        WHERE valid_to IS NULL AND members.workflow_id = history.workflow_id
            AND members.program_id = history.program_id AND members.partner_id = history.partner_id
    )"""
