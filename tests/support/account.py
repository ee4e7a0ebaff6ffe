"""An account in a warehouse of its own: raw rows go in, members come out, by dbt models and compiled statements.

dbt compiles the models once per session. After that an account is a few inserts, which are rolled back at the end.
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

from dbt.cli.main import dbtRunner
from sqlglot import exp

from compiler import Compiler, Workflow, membership_statements, project_vocabulary
from flows.definitions.loader import Definitions
from flows.preview.compiled_models import MODELS, CompiledModels
from flows.settings import Settings
from flows.transform.build import prepare_project
from flows.warehouse.addresses import CONTRACT, update_addresses
from flows.warehouse.connection import Connection, open_warehouse
from flows.warehouse.engines import named_engine
from flows.warehouse.evaluations import write_evaluations_at
from flows.warehouse.raw_tables import CREATE, create_raw_table
from support.databases import ENGINE, database_variables
from support.warehouses import duckdb_connection, run_native

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by raw table. Datetimes have a time zone; a column that is left out is null."""

VOCABULARY = project_vocabulary()

EVENTS = '"intermediate"."int_email_events"'
"""A table whose statement is slow to plan. It is empty without events, and is not filled then."""


@dataclass(frozen=True)
class Model:
    """A dbt model as dbt compiled it: `relation` is its full name, `kind` table or view.

    A snapshot has the columns of its key and those whose change makes a new version.
    """

    relation: str
    kind: str
    sql: str
    key: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()


@cache
def compiled_models() -> tuple[Model, ...]:
    """Return the models that segments read and all their ancestors, each after its parents."""
    nodes = {node.unique_id: node for node in _dbt_compile() if node.resource_type in ("model", "snapshot")}
    wanted: set[str] = set()
    needed = _read_by_segments(nodes) | {"intermediate.int_partner_addresses"}
    waiting = [key for key, node in nodes.items() if f"{node.schema}.{node.name}" in needed]
    while waiting:
        key = waiting.pop()
        wanted.add(key)
        waiting += [one for one in nodes[key].depends_on.nodes if one in nodes and one not in wanted]
    order = TopologicalSorter({key: wanted.intersection(nodes[key].depends_on.nodes) for key in wanted}).static_order()
    return tuple(map(_model, map(nodes.get, order)))


def _model(node: Any) -> Model:
    kind, sql = node.config.materialized, node.compiled_code
    if kind == "snapshot":
        assert (node.config.strategy, node.config.get("hard_deletes")) == ("check", "ignore")
        columns = tuple(node.config.unique_key), tuple(node.config.check_cols)
        return Model(node.relation_name, "table", _FIRST_SNAPSHOT.format(sql=sql), *columns)
    return Model(node.relation_name, _KINDS.get(kind, kind), sql)


_KINDS = {"incremental": "table"}
"""In the first build an incremental model is a table."""

SNAPSHOT_AT = datetime(2100, 1, 1, tzinfo=UTC)
"""When every snapshot was taken, for the models: after every hour, as when a long history is loaded at once."""

_FIRST_SNAPSHOT = (
    f"SELECT *, TIMESTAMP '{SNAPSHOT_AT:%Y-%m-%d}' AS dbt_valid_from, CAST(NULL AS TIMESTAMP) AS dbt_valid_to "
    "FROM ({sql}) AS versions"
)


def _read_by_segments(nodes: Mapping[str, Any]) -> set[str]:
    evaluated = {f"{node.schema}.{node.name}" for node in nodes.values() if node.name.endswith("_as_of")}
    return evaluated | {field.relation for field in VOCABULARY.fields}


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return the state folder of the account, which is removed when the process ends."""
    return tempfile.TemporaryDirectory()


def _dbt_compile() -> list[Any]:
    settings = Settings(state_dir=Path(_folder().name))
    with patch.dict(os.environ, {"PARTNERFLOW_VAR": _folder().name, **database_variables(settings)}):
        project = prepare_project(settings, Definitions((), (), {}, VOCABULARY))
        folders = ["--project-dir", str(project), "--profiles-dir", str(project)]
        folders += ["--log-path", str(settings.state_dir / "logs")]
        with redirect_stdout(StringIO()):
            result = dbtRunner().invoke(["compile", *folders, "--quiet", "--log-level", "none"])
    assert result.success, result.exception or result.result
    return [one.node for one in result.result.results]


class Account:
    """A warehouse with every relation that segments read. One test at a time fills it."""

    def __init__(self, models: Sequence[Model]):
        self._opened = _open()
        self.connection = self._opened.__enter__()
        for name in CREATE:
            create_raw_table(self.connection, name)
        self.tables = [model for model in models if model.kind == "table"]
        self.snapshots = [model for model in models if model.checked]
        for model in models:
            assert model.kind in ("table", "view"), (
                f"{model.relation} is a {model.kind}; only tables and views are supported"
            )
            schema = model.relation.split(".")[-2]
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self._run(f"CREATE {model.kind} {model.relation} AS {model.sql}")

    @contextmanager
    def holding(self, rows: Rows, as_of: datetime) -> Iterator["Account"]:
        """Yield the account with these rows and its tables built at the hour `as_of`, and empty it afterwards."""
        with self._undone():
            self._insert_all(rows)
            self.turn_to(as_of)
            self._build(self.tables)
            yield self

    @contextmanager
    def changing(self) -> Iterator["Account"]:
        """Yield the account without rows, for `run`, and empty it afterwards."""
        with self._undone():
            for model in self.snapshots:
                self.connection.execute(f"DELETE FROM {model.relation}")
            yield self

    @contextmanager
    def _undone(self) -> Iterator[None]:
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self.connection.execute("ROLLBACK")

    def run(self, rows: Rows, as_of: datetime) -> None:
        """Replace all rows of these tables, take the snapshots at `as_of` and build the other tables."""
        for table in rows:
            self.connection.execute(f"DELETE FROM raw.{table}")
        self._insert_all(rows)
        self.turn_to(as_of)
        for model in self.snapshots:
            self._take_snapshot(model, as_of)
        self._build([model for model in self.tables if model not in self.snapshots])

    def _take_snapshot(self, model: Model, as_of: datetime) -> None:
        """Add the versions that are new, as dbt's strategy `check` does with `hard_deletes: ignore`."""
        same = " AND ".join(f"old.{column} = new.{column}" for column in model.key)
        unchanged = " AND ".join(f"old.{column} IS NOT DISTINCT FROM new.{column}" for column in model.checked)
        changed = f"FROM ({model.sql}) AS new WHERE {same} AND NOT ({unchanged})"
        at = f"CAST('{_stored(as_of)}' AS TIMESTAMP)"
        self._run(f"UPDATE {model.relation} AS old SET dbt_valid_to = {at} {changed} AND old.dbt_valid_to IS NULL")
        names = [column[0] for column in self.connection.execute(f"SELECT * FROM {model.relation}").description]
        selected = ", ".join(at if name == "dbt_valid_from" else f"new.{name}" for name in names)
        self._run(
            f"INSERT INTO {model.relation} SELECT {selected} FROM ({model.sql}) AS new "
            f"WHERE NOT EXISTS (SELECT 1 FROM {model.relation} AS old WHERE {same} AND old.dbt_valid_to IS NULL)"
        )

    def load(self, rows: Rows) -> None:
        """Add these rows and rebuild the tables."""
        self._insert_all(rows)
        self._build(self.tables)

    def _insert_all(self, rows: Rows) -> None:
        for table, records in rows.items():
            self._insert(table, records)

    def _build(self, tables: Iterable[Model]) -> None:
        update_addresses(self.connection, CONTRACT)
        (events,) = self.connection.execute("SELECT count(*) FROM raw.email_events").fetchone()
        for model in tables:
            self.connection.execute(f"DELETE FROM {model.relation}")
            if events or not model.relation.endswith(EVENTS):
                self._run(f"INSERT INTO {model.relation} {model.sql}")

    def _run(self, statement: str) -> None:
        """Run a statement that has a model as dbt compiled it."""
        run_native(self.connection, statement)

    def turn_to(self, *hours: datetime) -> None:
        """Evaluate at other hours. No table is rebuilt, because the facts contain the whole history."""
        write_evaluations_at(self.connection, *[hour.astimezone(UTC) for hour in hours])

    def members(self, workflows: Sequence[Workflow], compiler: Compiler) -> dict[datetime, dict[str, set[str]]]:
        """Return the partner ids of the members by hour and workflow id, for all workflows and hours at once."""
        *tables, membership = membership_statements(workflows, compiler, ENGINE).items()
        for relation, statement in tables:
            self.connection.execute(f"DROP TABLE IF EXISTS {relation}")
            self.connection.execute(exp.Create(this=exp.to_table(relation), kind="TABLE", expression=statement))
        rows = self.connection.execute(membership[1]).fetchall()
        programs = {workflow.id: workflow.program for workflow in workflows}
        found: dict[datetime, dict[str, set[str]]] = {
            hour: {workflow_id: set() for workflow_id in programs} for hour in self._hours()
        }
        for workflow_id, program_id, partner_id, hour in _once_each(rows):
            assert programs[workflow_id] == program_id
            found[hour.replace(tzinfo=UTC)][workflow_id].add(partner_id)
        return found

    def stages(self, hour: datetime) -> dict[tuple[str, str], tuple[str, date | None]]:
        """Return the stage as of the hour and the local date of its transition, by (program id, partner id)."""
        return self.stages_by_hour()[hour.astimezone(UTC)]

    def stages_by_hour(self) -> dict[datetime, dict[tuple[str, str], tuple[str, date | None]]]:
        """Return the stages as of each hour that is evaluated."""
        stage, day = VOCABULARY["Relationship Stage"], VOCABULARY["Last Transition Date"]
        rows = self.connection.execute(
            f"SELECT as_of, program_id, partner_id, {stage.as_of_column}, {day.as_of_column} FROM {stage.relation}"
        ).fetchall()
        found: dict[datetime, dict[tuple[str, str], tuple[str, date | None]]] = {hour: {} for hour in self._hours()}
        for hour, program, partner, name, when in _once_each(rows):
            found[hour.replace(tzinfo=UTC)][program, partner] = name, when
        return found

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
    """Return a datetime as raw tables store it: in UTC, without a time zone."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _once_each(rows: list[tuple]) -> list[tuple]:
    assert len(set(rows)) == len(rows), f"a row occurs twice: {rows}"
    return rows


@contextmanager
def _open() -> Iterator[Connection]:
    """Yield a connection to the empty warehouse for which dbt has compiled the models."""
    if ENGINE != "duckdb":
        with open_warehouse(Settings(state_dir=Path(_folder().name)).warehouse) as connection:
            yield connection
        return
    with duckdb_connection(autoinstall_known_extensions="false", threads=1) as connection:
        connection.execute("ATTACH ':memory:' AS warehouse; USE warehouse; SET TimeZone = 'UTC'")
        yield connection


def models_of_segments() -> CompiledModels:
    """Return the models that a preview gives values to, as it reads them from a state."""
    texts = {".".join(model.relation.replace('"', "").split(".")[-2:]): model.sql for model in compiled_models()}
    read = {name: text for name, text in texts.items() if name in MODELS or name.endswith("_as_of")}
    return CompiledModels(read, named_engine(ENGINE).dialect)


@cache
def empty_account() -> Account:
    """Return the account that all tests of the session share."""
    return Account(compiled_models())


# Raw rows from short descriptions


LONG_AGO = "2000-01-01 00:00"


def raw_rows(histories: Mapping[str, Mapping[str, Any]], zone: ZoneInfo) -> dict[str, list[dict[str, Any]]]:
    """Return the raw rows of partners of program 1000, from each partner's history by name. All values are text:

    id                          the partner's id, if it is not the name
    joined, tagged              when a contract came into force; when the partner was tagged as a prospect
    supplied, emailed           {when: stage}; [the hour of a run that emailed the partner]
    contacted                   [{by, at, state, action, email, failed_before_sending}]: deliveries, by default emails
                                that were sent
    clicks                      {date: number}
    actions                     [{at, amount, state}], the default state is APPROVED
    contracts                   [{stage, id, from, until, superseded by, term, created, changed}]
    groups                      [name]
    elsewhere                   a history in program 2000, with the same keys

    Times are in the zone unless they have an offset or end in UTC.
    """
    programs = [{"program_id": program, "timezone": zone.key, "currency": "USD"} for program in ("1000", "2000")]
    rows: dict[str, list[dict[str, Any]]] = {"programs": programs, "partners": []}
    for name, history in histories.items():
        key = {"program_id": "1000", "partner_id": history.get("id", name)}
        rows["partners"].append(key | {"name": name})
        _add_rows(rows, key, history, zone)
        if "elsewhere" in history:
            rows["partners"].append(key | {"program_id": "2000", "name": name})
            _add_rows(rows, key | {"program_id": "2000"}, history["elsewhere"], zone)
    return rows


def _add_rows(
    rows: dict[str, list[dict[str, Any]]], key: dict[str, str], history: Mapping[str, Any], zone: ZoneInfo
) -> None:
    for what in _RAW_ROWS.keys() & history.keys():
        for table, row in _RAW_ROWS[what](history[what], lambda text: text and _instant(text, zone)):
            numbered = {"contracts": "contract_id", "actions": "action_id"}.get(table)
            number = {numbered: f"{table} {len(rows.get(table, ()))}"} if numbered else {}
            rows.setdefault(table, []).append(key | number | row)


def _instant(text: str, zone: ZoneInfo) -> datetime:
    instant = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)


RawRows = Iterable[tuple[str, dict[str, Any]]]
When = Callable[[str | None], datetime | None]


def _contracts(contracts: Sequence[Mapping[str, str]], when: When) -> RawRows:
    for value in contracts:
        columns = {"contract_stage": "stage", "contract_id": "id", "template_term_name": "term"}
        columns |= {"superseded_by": "superseded by"}
        yield (
            "contracts",
            {
                **{column: value[key] for column, key in columns.items() if key in value},
                "starts_at": when(value.get("from")),
                "ends_at": when(value.get("until")),
                "created_at": when(value.get("created", LONG_AGO)),
                "updated_at": when(value.get("changed")),
            },
        )


def _actions(actions: Sequence[Mapping[str, str]], when: When) -> RawRows:
    for value in actions:
        row = {"event_at": when(value["at"]), "state": value.get("state", "APPROVED"), "currency": "USD"}
        yield "actions", row | ({"amount": Decimal(value["amount"])} if "amount" in value else {})


_RAW_ROWS: dict[str, Callable[[Any, When], RawRows]] = {
    "joined": lambda value, when: _contracts([{"stage": "Joined", "from": value}], when),
    "contracts": _contracts,
    "actions": _actions,
    "tagged": lambda value, when: [("prospects", {"tagged_at": when(value)})],
    "supplied": lambda value, when: [
        ("relationship_events", {"transitioned_at": when(at), "relationship_stage": stage})
        for at, stage in value.items()
    ],
    "emailed": lambda value, when: [
        ("sent_emails", {"action": "email", "state": "sent", "as_of": when(at), "sent_at": when(at)}) for at in value
    ],
    "contacted": lambda value, when: [
        (
            "sent_emails",
            {
                "workflow_id": one["by"],
                "action": one.get("action", "email"),
                "state": one.get("state", "sent"),
                "as_of": when(one["at"]),
                "email": one.get("email"),
                "failed_before_sending": one.get("failed_before_sending", False),
            },
        )
        for one in value
    ],
    "clicks": lambda value, _: [
        ("partner_clicks_daily", {"click_date": date.fromisoformat(day), "clicks": int(number)})
        for day, number in value.items()
    ],
    "groups": lambda value, _: [("partner_groups", {"group_id": name, "group_name": name}) for name in value],
}
