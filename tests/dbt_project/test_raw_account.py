"""The generator of raw accounts: the size asked for, sound, and the same rows for the same options."""

import sys

import duckdb
import pytest

from flows.settings import CHECKOUT
from flows.warehouse.raw_tables import CREATE

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
def account() -> duckdb.DuckDBPyConnection:
    """A small account in memory."""
    connection = duckdb.connect(config={"threads": 2})
    fill(connection, SMALL)
    return connection


def test_the_account_has_the_size_asked_for(account):
    """Partners exactly; clicks and actions together to a few in a hundred."""
    (partners,) = account.execute("SELECT count(*) FROM raw.partners").fetchone()
    (clicks,) = account.execute("SELECT count(*) FROM raw.partner_clicks_daily").fetchone()
    (actions,) = account.execute("SELECT count(*) FROM raw.actions").fetchone()
    assert partners == SMALL.partners
    assert clicks + actions == pytest.approx(SMALL.rows, rel=0.03)


def test_the_keys_of_the_contract_hold_and_nobody_is_unknown(account):
    """Each key once, each partner in raw.partners; the mirrored tables are there, and empty."""
    for table, key in KEYS.items():
        (twice,) = account.execute(f"SELECT count(*) - count(DISTINCT ({key})) FROM raw.{table}").fetchone()
        unknown = account.execute(
            f"SELECT program_id, partner_id FROM raw.{table} EXCEPT SELECT program_id, partner_id FROM raw.partners"
        ).fetchall()
        assert (table, twice, unknown) == (table, 0, [])
    assert {name for (name,) in account.execute("SELECT table_name FROM duckdb_tables()").fetchall()} >= CREATE.keys()
    assert account.execute("SELECT count(*) FROM raw.sent_emails").fetchone() == (0,)


def test_nothing_lies_after_the_hour_and_all_is_loaded_before_it(account):
    """The account is a snapshot of 18:00 UTC on 20 March 2026: no row is later than that hour."""
    (clicked,) = account.execute("SELECT max(click_date) FROM raw.partner_clicks_daily").fetchone()
    late = account.execute("""
        SELECT count(*) FROM raw.actions
        WHERE updated_at > TIMESTAMP '2026-03-20 18:00' OR event_at > updated_at OR _loaded_at >= '2026-03-20 18:00'""")
    assert (clicked.isoformat(), late.fetchone()) == ("2026-03-20", (0,))


def test_activity_is_skewed_as_asked(account):
    """With skew 1 the busiest hundredth has many times its share; with skew 0 everybody has about the same."""
    even = duckdb.connect()
    fill(even, RawAccount(partners=2_000, rows=40_000, months=12, skew=0.0))
    top = """
        WITH days AS (SELECT count(*) AS n FROM raw.partner_clicks_daily GROUP BY partner_id)
        SELECT max(n) / avg(n) FROM days"""
    assert account.execute(top).fetchone()[0] > 5
    assert even.execute(top).fetchone()[0] < 2


def test_the_same_options_give_the_same_rows_and_another_seed_others(account):
    """Frozen figures: whole numbers are mixed, so no version of DuckDB may change them."""
    figures = """
        SELECT (SELECT sum(clicks) FROM raw.partner_clicks_daily), (SELECT sum(amount) FROM raw.actions),
            (SELECT count(*) FROM raw.contracts), (SELECT max(event_at) FROM raw.actions)"""
    found = [str(value) for value in account.execute(figures).fetchone()]
    assert found == ["615635", "1038627.06000000", "1817", "2026-03-20 17:42:12"]
    other = duckdb.connect()
    fill(other, RawAccount(partners=2_000, rows=40_000, months=12, seed=2))
    assert [str(value) for value in other.execute(figures).fetchone()] != found
    again = duckdb.connect(config={"threads": 1})
    fill(again, SMALL)
    for table in KEYS:
        query = f"SELECT * FROM raw.{table} ORDER BY ALL"
        assert again.execute(query).fetchall() == account.execute(query).fetchall()
