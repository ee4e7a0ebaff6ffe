"""The example account on PostgreSQL has the rows of DuckDB in every relation, and publishes them."""

from collections import Counter

import duckdb
import pytest

from flows.pipeline.run import run_hour
from flows.settings import Settings
from flows.warehouse.connection import Connection, open_warehouse
from support.states import HOUR, with_example

pytestmark = pytest.mark.engine("postgres", "compares it with DuckDB")

NOT_COMPARED = {
    "delivery_id", "message_id", "run_id", "sent_at", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from",
    "clicks_checksum", "actions_checksum", "loaded_row",
}  # fmt: skip
"""Columns that differ from run to run, checksums, and JSON: each engine writes these two in its own way."""

RELATIONS = """
    SELECT table_schema, table_name FROM information_schema.tables
    WHERE table_schema IN ('staging', 'intermediate', 'snapshots', 'marts', 'segments')"""

PUBLISHED = """
    SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('marts', 'snapshots')"""


@pytest.fixture(scope="module")
def on_duckdb(example, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account on DuckDB after one run at its hour."""
    settings = example[0].model_copy(update={"target": "duckdb", "state_dir": tmp_path_factory.mktemp("duck") / "var"})
    assert run_hour(with_example(settings), HOUR).ok
    return settings


def contents(connection: Connection) -> dict[str, Counter]:
    """Return the rows, in any order, of each relation that dbt has built."""
    relations = sorted(connection.execute(RELATIONS).fetchall())
    return {f"{schema}.{name}": rows(connection, schema, name) for schema, name in relations}


def rows(connection: Connection | duckdb.DuckDBPyConnection, schema: str, name: str) -> Counter:
    """Return the rows of a relation as (column, value) pairs, without the columns that are not compared."""
    query = """
        SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?
        ORDER BY ordinal_position"""
    names = [column for (column,) in connection.execute(query, [schema, name]).fetchall()]
    found = connection.execute(f"SELECT * FROM {schema}.{name}").fetchall()
    return Counter(frozenset((n, v) for n, v in zip(names, row, strict=True) if n not in NOT_COMPARED) for row in found)


def test_every_relation_has_the_rows_of_duckdb(example, on_duckdb: Settings):
    """All rows of all relations are compared: staging, facts, membership and recipients."""
    with open_warehouse(on_duckdb.warehouse) as duck, open_warehouse(example[0].warehouse) as postgres:
        expected, actual = contents(duck), contents(postgres)
    assert expected.keys() == actual.keys()
    assert [name for name in expected if expected[name] != actual[name]] == []
    assert all(expected[name] for name in ("marts.segment_membership", "marts.recipients", "marts.sent_emails"))


def test_published_file_has_the_rows_of_the_database(example):
    """Each run exports marts and snapshots; the file is the one that the report, doctor and checks of names read."""
    with (
        open_warehouse(example[0].warehouse) as postgres,
        duckdb.connect(example[0].published, read_only=True) as published,
    ):
        tables = sorted(postgres.execute(PUBLISHED).fetchall())
        additions = {("marts", "segment_membership_history"), ("marts", "workflows")}
        assert {*published.execute(PUBLISHED).fetchall()} == {*tables, *additions}
        assert ("snapshots", "contract_history") in tables
        assert [one for one in tables if rows(postgres, *one) != rows(published, *one)] == []
