"""A whole account in memory: raw rows in, members out, by the project's own models and the compiler's own statements.

dbt compiles the models once a session; after that an account is a handful of inserts, rolled back when it is done with.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from graphlib import TopologicalSorter
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import duckdb
from dbt.cli.main import dbtRunner

from compiler import Compiler, Workflow, membership_statements, project_vocabulary
from compiler.sql.dialect import to_sql
from flows.definitions.loader import Definitions
from flows.settings import Settings
from flows.transform.build import prepare_project
from flows.warehouse.connection import transaction
from flows.warehouse.evaluations import write_evaluations_at
from flows.warehouse.raw_tables import CREATE

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Raw table name to its rows. Times are aware; a column that is left out is null."""

VOCABULARY = project_vocabulary()

OF_EVENTS = 'INTO "warehouse"."intermediate"."int_email_events"'
"""Begins what fills a table that is empty while no provider has told anything, and as dear to plan as three others."""


@dataclass(frozen=True)
class Model:
    """A dbt model as dbt compiled it: `relation` is its full name, `kind` table or view."""

    relation: str
    kind: str
    sql: str


@cache
def compiled_models() -> tuple[Model, ...]:
    """The models that segments read and all that those are made of, each after what it reads."""
    nodes = {node.unique_id: node for node in _dbt_compile() if node.resource_type == "model"}
    wanted: set[str] = set()
    needed = _read_by_segments(nodes) | {"intermediate.int_partner_addresses"}
    waiting = [key for key, node in nodes.items() if f"{node.schema}.{node.name}" in needed]
    while waiting:
        key = waiting.pop()
        wanted.add(key)
        waiting += [one for one in nodes[key].depends_on.nodes if one in nodes and one not in wanted]
    order = TopologicalSorter({key: wanted.intersection(nodes[key].depends_on.nodes) for key in wanted}).static_order()
    return tuple(
        Model(node.relation_name, _KINDS.get(node.config.materialized, node.config.materialized), node.compiled_code)
        for node in map(nodes.get, order)
    )


_KINDS = {"incremental": "table"}
"""Where there was no build before, an incremental model is a table."""


def _read_by_segments(nodes: Mapping[str, Any]) -> set[str]:
    evaluated = {f"{node.schema}.{node.name}" for node in nodes.values() if node.name.endswith("_as_of")}
    return evaluated | {field.relation for field in VOCABULARY.fields}


def _dbt_compile() -> list[Any]:
    with tempfile.TemporaryDirectory() as state, patch.dict(os.environ, PARTNERFLOW_VAR=state):
        settings = Settings(state_dir=Path(state))
        project = prepare_project(settings, Definitions((), (), {}, Compiler(VOCABULARY)))
        folders = ["--project-dir", str(project), "--profiles-dir", str(project), "--log-path", f"{state}/logs"]
        with redirect_stdout(StringIO()):
            result = dbtRunner().invoke(["compile", *folders, "--quiet", "--log-level", "none"])
    assert result.success, result.exception or result.result
    return [one.node for one in result.result.results]


class Account:
    """An empty warehouse in memory, with every relation that segments read; one test fills it at a time."""

    def __init__(self, models: Iterable[Model]):
        self.connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": 1})
        self.connection.execute(
            "ATTACH ':memory:' AS warehouse; USE warehouse; SET TimeZone = 'UTC'; CREATE SCHEMA raw"
        )
        for statement in CREATE.values():
            self.connection.execute(statement)
        self.tables = []
        for model in models:
            assert model.kind in ("table", "view"), (
                f"{model.relation} is a {model.kind}; this harness knows no such kind"
            )
            schema = model.relation.rsplit(".", 1)[0]
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self.connection.execute(f"CREATE {model.kind} {model.relation} AS {model.sql}")
            if model.kind == "table":
                self.tables += [f"DELETE FROM {model.relation}", f"INSERT INTO {model.relation} {model.sql}"]

    @contextmanager
    def holding(self, rows: Rows, as_of: datetime) -> Iterator["Account"]:
        """The account with these rows, its tables built at the hour `as_of`; empty again at the end."""
        with transaction(self.connection, keep=False):
            self._insert_all(rows)
            self.turn_to(as_of)
            self._build()
            yield self

    def load(self, rows: Rows) -> None:
        """Add these rows, and build the tables again."""
        self._insert_all(rows)
        self._build()

    def _insert_all(self, rows: Rows) -> None:
        for table, records in rows.items():
            self._insert(table, records)

    def _build(self) -> None:
        (told,) = self.connection.execute("SELECT count(*) FROM raw.email_events").fetchone()
        for statement in self.tables:
            if told or OF_EVENTS not in statement:
                self.connection.execute(statement)

    def turn_to(self, *hours: datetime) -> None:
        """Ask for other hours. No table is built again: facts hold history and know no hour."""
        write_evaluations_at(self.connection, *[hour.astimezone(UTC) for hour in hours])

    def members(self, workflows: Sequence[Workflow], compiler: Compiler) -> dict[datetime, dict[str, set[str]]]:
        """Hour to workflow id to the partner ids of its members, of all workflows and hours at once."""
        *tables, membership = membership_statements(workflows, compiler).items()
        for relation, statement in tables:
            self.connection.execute(f"CREATE OR REPLACE TABLE {relation} AS {to_sql(statement)}")
        rows = self.connection.execute(to_sql(membership[1])).fetchall()
        programs = {workflow.id: workflow.program for workflow in workflows}
        found: dict[datetime, dict[str, set[str]]] = {
            hour: {workflow_id: set() for workflow_id in programs} for hour in self._hours()
        }
        for workflow_id, program_id, partner_id, hour in _once_each(rows):
            assert programs[workflow_id] == program_id
            found[hour.replace(tzinfo=UTC)][workflow_id].add(partner_id)
        return found

    def stages(self, hour: datetime) -> dict[tuple[str, str], tuple[str, date | None]]:
        """(program id, partner id) to the stage as of the hour and the local date of the transition to it."""
        stage, day = VOCABULARY["Relationship Stage"], VOCABULARY["Last Transition Date"]
        rows = self.connection.execute(
            f"SELECT program_id, partner_id, {stage.as_of_column}, {day.as_of_column} FROM {stage.relation} "
            "WHERE as_of = ?",
            [_stored(hour)],
        ).fetchall()
        return {(program, partner): (name, when) for program, partner, name, when in _once_each(rows)}

    def _hours(self) -> list[datetime]:
        rows = self.connection.execute("SELECT DISTINCT as_of FROM raw.evaluations").fetchall()
        return [hour.replace(tzinfo=UTC) for (hour,) in rows]

    def _insert(self, table: str, records: Sequence[Mapping[str, Any]]) -> None:
        for record in records:
            names = ", ".join(record)
            marks = ", ".join("?" for _ in record)
            values = [_stored(value) for value in record.values()]
            self.connection.execute(f"INSERT INTO raw.{table} ({names}) VALUES ({marks})", values)


def _stored(value: Any) -> Any:
    """Raw timestamps are UTC without a zone."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _once_each(rows: list[tuple]) -> list[tuple]:
    assert len(set(rows)) == len(rows), f"a row is there twice: {rows}"
    return rows


@cache
def empty_account() -> Account:
    """The session's account."""
    return Account(compiled_models())


# Accounts told in words


LONG_AGO = "2000-01-01 00:00"


def rows_told(stories: Mapping[str, Mapping[str, Any]], zone: ZoneInfo) -> dict[str, list[dict[str, Any]]]:
    """The raw rows of the partners of program 1000, by name, from what happened to them, all of it text:

    id                          the partner's id, where it is not the name
    joined, tagged              when a contract came into force; when the partner was tagged as a prospect
    supplied, emailed           {when: stage}; [the hour of a run that emailed the partner]
    clicks                      {date: number}
    actions                     [{at, amount, state}], APPROVED unless it says otherwise
    contracts                   [{stage, id, from, until, superseded by, term, created, changed}]
    groups                      [name]
    elsewhere                   all of this in program 2000

    Times are wall clocks of the zone, or of UTC or an offset where they say so.
    """
    programs = [{"program_id": program, "timezone": zone.key, "currency": "USD"} for program in ("1000", "2000")]
    rows: dict[str, list[dict[str, Any]]] = {"programs": programs, "partners": []}
    for name, story in stories.items():
        key = {"program_id": "1000", "partner_id": story.get("id", name)}
        rows["partners"].append(key | {"name": name})
        _tell(rows, key, story, zone)
        if "elsewhere" in story:
            rows["partners"].append(key | {"program_id": "2000", "name": name})
            _tell(rows, key | {"program_id": "2000"}, story["elsewhere"], zone)
    return rows


def _tell(rows: dict[str, list[dict[str, Any]]], key: dict[str, str], story: Mapping[str, Any], zone: ZoneInfo) -> None:
    for what in _TOLD.keys() & story.keys():
        for table, row in _TOLD[what](story[what], lambda text: text and _instant(text, zone)):
            numbered = {"contracts": "contract_id", "actions": "action_id"}.get(table)
            number = {numbered: f"{table} {len(rows.get(table, ()))}"} if numbered else {}
            rows.setdefault(table, []).append(key | number | row)


def _instant(text: str, zone: ZoneInfo) -> datetime:
    told = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    return told if told.tzinfo else told.replace(tzinfo=zone)


Told = Iterable[tuple[str, dict[str, Any]]]
When = Callable[[str | None], datetime | None]


def _contracts(contracts: Sequence[Mapping[str, str]], when: When) -> Told:
    for told in contracts:
        columns = {"contract_stage": "stage", "contract_id": "id", "template_term_name": "term"}
        columns |= {"superseded_by": "superseded by"}
        yield (
            "contracts",
            {
                **{column: told[key] for column, key in columns.items() if key in told},
                "starts_at": when(told.get("from")),
                "ends_at": when(told.get("until")),
                "created_at": when(told.get("created", LONG_AGO)),
                "updated_at": when(told.get("changed")),
            },
        )


def _actions(actions: Sequence[Mapping[str, str]], when: When) -> Told:
    for told in actions:
        row = {"event_at": when(told["at"]), "state": told.get("state", "APPROVED"), "currency": "USD"}
        yield "actions", row | ({"amount": Decimal(told["amount"])} if "amount" in told else {})


_TOLD: dict[str, Callable[[Any, When], Told]] = {
    "joined": lambda told, when: _contracts([{"stage": "Joined", "from": told}], when),
    "contracts": _contracts,
    "actions": _actions,
    "tagged": lambda told, when: [("prospects", {"tagged_at": when(told)})],
    "supplied": lambda told, when: [
        ("relationship_events", {"transitioned_at": when(at), "relationship_stage": stage})
        for at, stage in told.items()
    ],
    "emailed": lambda told, when: [
        ("sent_emails", {"action": "email", "state": "sent", "as_of": when(at), "sent_at": when(at)}) for at in told
    ],
    "clicks": lambda told, _: [
        ("partner_clicks_daily", {"click_date": date.fromisoformat(day), "clicks": int(number)})
        for day, number in told.items()
    ],
    "groups": lambda told, _: [("partner_groups", {"group_id": name, "group_name": name}) for name in told],
}
