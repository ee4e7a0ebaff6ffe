"""One account of many draws of `support.strategies`, always the same: each draw has programs of its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas
from hypothesis import HealthCheck, Phase, given, settings

from compiler import Compiler, Workflow, membership_statements
from compiler.sql.dialect import to_sql
from flows.warehouse.addresses import CONTRACT, update_addresses
from flows.warehouse.connection import Connection, open_warehouse, transaction
from flows.warehouse.evaluations import Hour, evaluation_hours, write_evaluations
from flows.warehouse.raw_tables import CREATE, raw_columns, replace_raw_table
from support.definitions import workflow
from support.strategies import Draw, draws

MOST_DRAWS = 100
"""Draws of the account, at most."""


@dataclass
class DrawnAccount:
    """Raw rows by table, segments as active workflows, and the hours at which each program is evaluated.

    Last N Days do not include today, as everywhere in a project that does not say so.
    """

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    workflows: list[Workflow] = field(default_factory=list)
    hours: list[Hour] = field(default_factory=list)

    def add(self, number: int, drawn: Draw) -> None:
        """Add a draw: its programs, actions and emails get ids with its number."""
        for table, rows in drawn.rows.items():
            unique = {"program_id", "action_id", "delivery_id"}
            self.rows.setdefault(table, []).extend(
                {name: f"{number}-{value}" if name in unique else value for name, value in row.items()} for row in rows
            )
        self.workflows += [
            replace(
                workflow(f"d{number}-{name}", f"{number}-{one.program}", one.sentences, drawn.named_sentences),
                status="active",
            )
            for name, one in drawn.segments.items()
        ]
        zones = {f"{number}-{row['program_id']}": row["timezone"] for row in drawn.rows["programs"]}
        self.hours += evaluation_hours(zones, *drawn.hours)

    def members_on(self, warehouse: Connection, compiler: Compiler) -> list[tuple[Any, ...]]:
        """Return the members that DuckDB finds, sorted: workflow id, program id, partner id and hour, in UTC."""
        write_evaluations(warehouse, self.hours)
        *tables, membership = membership_statements(self.workflows, compiler).items()
        for relation, statement in tables:
            warehouse.execute(f"CREATE OR REPLACE TABLE {relation} AS {to_sql(statement)}")
        return sorted(warehouse.execute(to_sql(membership[1])).fetchall())

    @property
    def hour(self) -> datetime:
        """Return an hour of the account."""
        return self.hours[0].as_of

    def fill(self, file: Path) -> None:
        """Write the raw tables to a new DuckDB file, with the first hour of each program: facts are built at one."""
        with open_warehouse(file) as connection, transaction(connection):
            for table in CREATE:
                rows = [[_stored(row.get(name)) for name in raw_columns(table)] for row in self.rows.get(table, ())]
                replace_raw_table(connection, table, pandas.DataFrame(rows, columns=raw_columns(table), dtype=object))
            update_addresses(connection, CONTRACT)
            write_evaluations(connection, [*{one.program_id: one for one in reversed(self.hours)}.values()])


def _stored(value: Any) -> Any:
    """Return a datetime as raw tables store it: in UTC, without a time zone."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def drawn_account(segments: int) -> DrawnAccount:
    """Return an account with at least this number of segments."""
    account = DrawnAccount()
    for number, drawn in enumerate(_drawn()):
        if not drawn.include_today:
            account.add(number, drawn)
        if len(account.workflows) >= segments:
            return account
    raise AssertionError(f"{MOST_DRAWS} draws have only {len(account.workflows)} segments")


def _drawn() -> Iterator[Draw]:
    """Yield the same draws each time, the larger ones first."""
    found: list[Draw] = []

    @settings(
        max_examples=MOST_DRAWS, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(drawn=draws())
    def collect(drawn: Draw) -> None:
        found.append(drawn)

    collect()
    yield from reversed(found)
