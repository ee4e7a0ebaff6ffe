"""What the published file has beside the tables of the warehouse."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from compiler import PROJECT
from flows.definitions.loader import read_definitions
from flows.definitions.workflow_rows import workflow_rows
from flows.settings import CHECKOUT, Settings
from flows.warehouse.connection import Connection
from flows.warehouse.publish import publish
from flows.warehouse.published_tables import PublishedRun
from support.warehouses import empty_warehouse

HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)
COLUMNS = "workflow_id VARCHAR, program_id VARCHAR, partner_id VARCHAR, evaluated_at TIMESTAMP"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Connection]:
    """A warehouse with a membership and an undescribed table."""
    with empty_warehouse(tmp_path, in_memory=False) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute(f"CREATE TABLE marts.segment_membership ({COLUMNS})")
        connection.execute("CREATE TABLE marts.mine AS SELECT 1 AS number")
        yield connection


def published(
    warehouse: Connection, file: Path, hours: int, members: str, active: str = "ab", done: str = "ab"
) -> None:
    """Publish the run of an hour: members are pairs of a workflow and a partner, as in `ap bq`."""
    hour = HOUR + timedelta(hours=hours)
    warehouse.execute("DELETE FROM marts.segment_membership")
    for workflow, partner in members.split():
        row = [workflow, "1", partner, hour.replace(tzinfo=None)]
        warehouse.execute("INSERT INTO marts.segment_membership VALUES (?, ?, ?, ?)", row)
    definitions = read_definitions(Settings(workflows=CHECKOUT / "workflows"))
    publish(warehouse, file, PublishedRun(hour, workflow_rows(definitions), set(done), set(active), PROJECT))


def query(file: Path, text: str) -> list[tuple]:
    """Return the rows of a query of the published file."""
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(text).fetchall()


def history(file: Path) -> list[str]:
    """Return each time in a segment: workflow, partner, and the hours after HOUR of its begin and its end."""
    rows = query(file, "SELECT workflow_id, partner_id, valid_from, valid_to FROM segment_membership_history")
    at = lambda one: "" if one is None else f"{(one.replace(tzinfo=UTC) - HOUR) // timedelta(hours=1)}"  # noqa: E731
    return sorted(f"{workflow}{partner} {at(begin)}-{at(end)}" for workflow, partner, begin, end in rows)


def test_history_has_who_was_ever_a_member(warehouse: Connection, tmp_path: Path):
    """Runs add to it: a member that comes back has two times; a held workflow ends none; a paused one ends all."""
    file = tmp_path / "published" / "partnerflow.duckdb"
    published(warehouse, file, 0, "ap aq bp")
    published(warehouse, file, 0, "ap aq bp")
    assert history(file) == ["ap 0-", "aq 0-", "bp 0-"]
    published(warehouse, file, 2, "aq ar", done="a")
    assert history(file) == ["ap 0-2", "aq 0-", "ar 2-", "bp 0-"]
    published(warehouse, file, 3, "ap aq", active="a", done="a")
    assert history(file) == ["ap 0-2", "ap 3-", "aq 0-", "ar 2-3", "bp 0-3"]
    published(warehouse, file, 1, "", active="a", done="a")
    assert history(file) == ["ap 0-2", "ap 3-", "aq 0-", "ar 2-3", "bp 0-3"]


def test_history_starts_again_when_the_former_file_is_damaged(warehouse: Connection, tmp_path: Path):
    """The run goes on."""
    file = tmp_path / "published" / "partnerflow.duckdb"
    file.parent.mkdir()
    file.write_bytes(b"no database")
    published(warehouse, file, 0, "ap")
    assert history(file) == ["ap 0-"]


def test_workflows_are_published_with_their_sentences(warehouse: Connection, tmp_path: Path):
    """Drafts too; without a schema, as every table."""
    file = tmp_path / "published" / "partnerflow.duckdb"
    published(warehouse, file, 0, "ap")
    assert query(file, "SELECT count(*) FROM workflows") == [(16,)]
    ((status, owner, action, segment),) = query(
        file, "SELECT status, owner, action, segment FROM marts.workflows WHERE workflow_id = 'few-clicks-14'"
    )
    assert (status, owner, action) == ("active", "", "email")
    assert segment.splitlines()[1:3] == [
        "Last Transition Date is 14 Days Ago", "Performance Date Range interval between 0 and 14 Days Ago",
    ]  # fmt: skip
    assert query(file, "FROM segment_membership") == query(file, "FROM marts.segment_membership") != []
    with duckdb.connect(file, read_only=True) as connection:
        frame = connection.sql("FROM segment_membership").df()
    assert list(map(tuple, frame[["workflow_id", "partner_id"]].to_numpy())) == query(
        file, "SELECT workflow_id, partner_id FROM segment_membership"
    )
    assert query(file, "FROM mine") == [(1,)]


def test_tables_and_columns_carry_their_descriptions(warehouse: Connection, tmp_path: Path):
    """As comments, in schema marts and without a schema; a table that nothing describes has none."""
    file = tmp_path / "published" / "partnerflow.duckdb"
    published(warehouse, file, 0, "ap")
    tables = dict(query(file, "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'marts'"))
    assert tables["segment_membership"].startswith("One row per active workflow, hour to evaluate, program and partner")
    assert tables["workflows"] == "One row per workflow, as of the last run."
    assert tables["mine"] is None
    columns = query(file, "SELECT schema_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL")
    assert ("marts", "evaluated_at", "The hour of the evaluation, in UTC.") in columns
    assert ("main", "evaluated_at", "The hour of the evaluation, in UTC.") in columns


def test_every_published_table_and_column_of_the_example_is_described(example):
    """In the schemas that people query, and without a schema."""
    file = example[0].published
    undescribed = "WHERE comment IS NULL AND NOT internal AND schema_name IN ('main', 'marts', 'snapshots')"
    for kind in ("tables", "views"):
        assert query(file, f"SELECT schema_name, {kind[:-1]}_name FROM duckdb_{kind}() {undescribed}") == []
    assert query(file, f"SELECT table_name, column_name FROM duckdb_columns() {undescribed}") == []
    assert query(file, "SELECT count(*) FROM duckdb_views() WHERE schema_name = 'main' AND comment <> ''") > [(20,)]
    assert query(file, "SELECT count(*) FROM segment_membership_history WHERE valid_to IS NULL") == query(
        file, "SELECT count(*) FROM segment_membership"
    )
