"""The statements of flows and of the compiler in the dialect of every warehouse: they parse, and call no function that
the warehouse lacks. The models of dbt are tested in tests/adapters."""

import sys
from datetime import timedelta

import pytest
import sqlglot
from sqlglot import exp

from compiler import Compiler, dialects, membership_statements
from compiler.sql.dialect import to_sql
from flows.pipeline.run import run_hour
from flows.preview import compiled_models
from flows.settings import Settings
from flows.warehouse.engines.duckdb import DuckDBConnection
from support.account import VOCABULARY
from support.cli import partnerflow
from support.dialect_checks import problems
from support.drawn_account import drawn_account
from support.states import HOUR

WAREHOUSES = [one for one in dialects() if one not in ("duckdb", "clickhouse")]

OF_AN_ENGINE = {
    "flows.warehouse.engines.duckdb",
    "flows.warehouse.time_zone_rules",
    "flows.warehouse.published_tables",
}
"""Modules whose statements are those of one engine: the adapter, the one that asks it for local times, and the one that
adds to the published file, which is DuckDB's."""

COMMANDS = [
    ("preview", "few-clicks-14"),
    ("explain", "few-clicks-14", "21005016"),
    ("simulate", "welcome", "--from", "2026-03-21", "--to", "2026-03-22"),
    ("history", "welcome", "--from", "2026-03-18", "--to", "2026-03-19"),
    ("check",),
    ("doctor",),
]


PARSE = compiled_models._parsed


def parsed_model(text: str, dialect: str) -> exp.Expression:
    """Return a compiled model as a preview reads it, marked."""
    model = PARSE(text, dialect).copy()
    model.meta["is_model"] = True
    return model


def without_models(statement: exp.Expression) -> exp.Expression:
    """Return a statement without the models in it, which dbt has compiled for one engine."""
    return statement.transform(
        lambda node: exp.select("*").from_("model") if node.meta.get("is_model") else node, copy=True
    )


@pytest.mark.engine("duckdb", "its connection is watched")
@pytest.mark.long
def test_statements_of_flows_parse_on_every_warehouse(copied: Settings, monkeypatch: pytest.MonkeyPatch):
    """What a run of the next hour and six commands ask of a connection, written in each dialect and read again."""
    asked: dict[str, exp.Expression] = {}
    written: set[str] = set()
    original, original_written = DuckDBConnection.execute, DuckDBConnection.written

    def execute(self: DuckDBConnection, statement: str | exp.Expression, parameters=()):
        if sys._getframe(1).f_globals["__name__"] not in OF_AN_ENGINE and statement not in written:
            ask(sqlglot.parse_one(statement, dialect="duckdb") if isinstance(statement, str) else statement)
        return original(self, statement, parameters)

    def write(self: DuckDBConnection, statement: exp.Expression) -> str:
        if is_direct := sys._getframe(1).f_globals["__name__"] not in OF_AN_ENGINE:
            ask(statement)
        text = original_written(self, statement)
        if is_direct:
            written.add(text)
        return text

    def ask(statement: exp.Expression) -> None:
        tree = without_models(statement)
        asked.setdefault(tree.sql("duckdb"), tree)

    monkeypatch.setattr(DuckDBConnection, "execute", execute)
    monkeypatch.setattr(DuckDBConnection, "written", write)
    monkeypatch.setattr(compiled_models, "_parsed", parsed_model)
    run_hour(copied, HOUR + timedelta(hours=1))
    assert [command for command in COMMANDS if partnerflow(copied, *command).code > 1] == []
    assert len(asked) > 60
    found: dict[str, str] = {}
    for dialect in WAREHOUSES:
        for text, tree in asked.items():
            for problem in problems(tree.sql(dialect), dialect):
                found.setdefault(f"{dialect}: {problem}", text)
    assert found == {}


def test_segments_parse_on_every_warehouse():
    """Fifty drawn segments as one plan of each engine."""
    workflows = drawn_account(50).workflows
    found = {}
    for dialect in WAREHOUSES:
        for relation, statement in membership_statements(workflows, Compiler(VOCABULARY), dialect).items():
            found |= {f"{dialect}: {one}": relation for one in problems(to_sql(statement, dialect), dialect)}
    assert found == {}
