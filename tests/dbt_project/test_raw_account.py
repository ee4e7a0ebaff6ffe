"""The generator of raw accounts: the requested size, unique keys, and the same rows for the same options."""

import sys
from collections.abc import Iterator

import pytest

from flows.settings import CHECKOUT
from flows.warehouse.engines.duckdb import DuckDBConnection
from flows.warehouse.raw_tables import CREATE
from support.warehouses import duckdb_connection

sys.path.append(str(CHECKOUT / "benchmarks"))
from raw_account import RawAccount, fill

SMALL = RawAccount(partners=2_000, rows=40_000, months=12)

KEYS = {
    "partners": "program_id, partner_id",
    "partner_contacts": "program_id, partner_id, email",
    "partner_groups": "program_id, group_id, partner_id",
    "contracts": "program_id, contract_id",
    "prospects": "program_id, partner_id",
    "relationship_events": "program_id, partner_id, transitioned_at",
    "partner_clicks_daily": "program_id, partner_id, click_date",
    "actions": "program_id, action_id",
}


@pytest.fixture(scope="module")
def account() -> Iterator[DuckDBConnection]:
    """A small account in memory."""
    with duckdb_connection(threads=2) as connection:
        fill(connection, SMALL)
        yield connection


def test_account_has_the_requested_size(account):
    """The number of partners is exact; clicks and actions together are within 3 % of the rows."""
    (partners,) = account.execute("SELECT count(*) FROM raw.partners").fetchone()
    (clicks,) = account.execute("SELECT count(*) FROM raw.partner_clicks_daily").fetchone()
    (actions,) = account.execute("SELECT count(*) FROM raw.actions").fetchone()
    assert partners == SMALL.partners
    assert clicks + actions == pytest.approx(SMALL.rows, rel=0.03)


def test_keys_are_unique_and_partners_are_known(account):
    """Every partner is in raw.partners. The other raw tables exist too, and raw.sent_emails is empty."""
    for table, key in KEYS.items():
        (duplicates,) = account.execute(f"SELECT count(*) - count(DISTINCT ({key})) FROM raw.{table}").fetchone()
        unknown = account.execute(
            f"SELECT program_id, partner_id FROM raw.{table} EXCEPT SELECT program_id, partner_id FROM raw.partners"
        ).fetchall()
        assert (table, duplicates, unknown) == (table, 0, [])
    assert {name for (name,) in account.execute("SELECT table_name FROM duckdb_tables()").fetchall()} >= CREATE.keys()
    assert account.execute("SELECT count(*) FROM raw.sent_emails").fetchone() == (0,)


def test_no_row_is_later_than_the_evaluation_hour(account):
    """The account is a snapshot of 18:00 UTC on 20 March 2026, and its rows were loaded before."""
    (clicked,) = account.execute("SELECT max(click_date) FROM raw.partner_clicks_daily").fetchone()
    late = account.execute("""
        SELECT count(*) FROM raw.actions
        WHERE updated_at > TIMESTAMP '2026-03-20 18:00' OR event_at > updated_at OR _loaded_at >= '2026-03-20 18:00'""")
    assert (clicked.isoformat(), late.fetchone()) == ("2026-03-20", (0,))


def test_activity_has_the_requested_skew(account):
    """With skew 1 the busiest partner has over five times the average number of days, with skew 0 less than double."""
    even = duckdb_connection()
    fill(even, RawAccount(partners=2_000, rows=40_000, months=12, skew=0.0))
    top = """
        WITH days AS (SELECT count(*) AS n FROM raw.partner_clicks_daily GROUP BY partner_id)
        SELECT max(n) / avg(n) FROM days"""
    assert account.execute(top).fetchone()[0] > 5
    assert even.execute(top).fetchone()[0] < 2


def test_rows_depend_on_the_options_and_the_seed_only(account):
    """The figures are frozen: they come from integer arithmetic, so every version of DuckDB gives them."""
    figures = """
        SELECT (SELECT sum(clicks) FROM raw.partner_clicks_daily), (SELECT sum(amount) FROM raw.actions),
            (SELECT count(*) FROM raw.contracts), (SELECT max(event_at) FROM raw.actions)"""
    found = [str(value) for value in account.execute(figures).fetchone()]
    assert found == ["615635", "1038627.06000000", "1817", "2026-03-20 17:42:12"]
    other = duckdb_connection()
    fill(other, RawAccount(partners=2_000, rows=40_000, months=12, seed=2))
    assert [str(value) for value in other.execute(figures).fetchone()] != found
    again = duckdb_connection(threads=1)
    fill(again, SMALL)
    for table in KEYS:
        query = f"SELECT * FROM raw.{table} ORDER BY ALL"
        assert again.execute(query).fetchall() == account.execute(query).fetchall()
