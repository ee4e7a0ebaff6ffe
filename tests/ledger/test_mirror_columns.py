"""A mirror that an earlier program has written, without a column of today, is filled again."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import mirror
from flows.ledger.queries import RunRecord, record_runs
from flows.ledger.recovery.restore import restore
from flows.ledger.suppressions import suppress
from flows.settings import Settings
from flows.warehouse.connection import Connection, open_warehouse
from flows.warehouse.raw_tables import raw_columns
from support.ledgers import HOUR, application, delivery
from support.warehouses import empty_warehouse

MIRRORED = {
    "sent_emails": "contract_id",
    "workflow_runs": "notes",
    "suppressions": "scope",
    "ledger_watermark": "log_id",
    "run_watermark": "log_id",
}
"""Each mirrored table, and the column that it lacks."""


NOTES = ("1 row is set aside.", "The data are old.")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Connection]:
    """An empty warehouse."""
    with empty_warehouse(tmp_path) as connection:
        yield connection


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """A ledger with an email, an application, a run and a suppression."""
    ledger.claim([delivery("p"), application("q", "C1")], {})
    counts = ("members", "addresses", "already_contacted", "suppressed", "no_address", "recipients", "sent", "failed")
    row = dict.fromkeys((*counts, "in_doubt"), 0) | {"workflow_id": "w", "status": "done", "detail": "a detail"}
    record_runs(ledger, [RunRecord("r", HOUR, ("1",), (row | {"is_settled": True},), NOTES)])
    suppress(ledger, ["x@x.example"], "By telephone", "person:ann", "w")
    return ledger


def contents(connection: Connection) -> dict[str, list[tuple]]:
    """Return the rows of every mirrored table, its columns in the order of today."""
    return {
        name: sorted(connection.execute(f"SELECT {', '.join(raw_columns(name))} FROM raw.{name}").fetchall(), key=str)
        for name in MIRRORED
    }


@pytest.mark.parametrize("table", MIRRORED)
def test_mirror_fills_a_table_without_a_column_again(warehouse: Connection, filled: Ledger, table: str):
    """The column is added and filled, and a view on the table stays. Afterwards only changes are written, although the
    column may be the last one now."""
    mirror(warehouse, filled)
    expected = contents(warehouse)
    assert all(expected.values())
    warehouse.execute(f"ALTER TABLE raw.{table} DROP COLUMN {MIRRORED[table]}")
    kept = next(name for name in raw_columns(table) if name != MIRRORED[table])
    warehouse.execute(f"CREATE VIEW raw.kept AS SELECT {kept} FROM raw.{table}")
    mirror(warehouse, filled)
    assert contents(warehouse) == expected
    assert len(warehouse.execute("SELECT * FROM raw.kept").fetchall()) == len(expected[table])
    filled.claim([application("q", "C2")], {})
    filled.reclaim_expired("r", utc_now())
    mirror(warehouse, filled)
    query = "SELECT partner_id, contract_id, action FROM raw.sent_emails ORDER BY partner_id, contract_id"
    assert warehouse.execute(query).fetchall() == [
        ("p", "", "email"), ("q", "C1", "accept application"), ("q", "C2", "accept application"),
    ]  # fmt: skip


def test_notes_of_a_run_are_in_the_mirror_and_restored_from_it(filled: Ledger, tmp_path: Path):
    """Each row of the run has them, one per line."""
    place = Settings(state_dir=tmp_path).warehouse
    query = "SELECT workflow_id, notes FROM raw.workflow_runs"
    with open_warehouse(place) as connection:
        mirror(connection, filled)
        assert connection.execute(query).fetchall() == [("w", "\n".join(NOTES))]
    with closing(Ledger(tmp_path / "restored.db")) as restored:
        restore(restored, place, tmp_path / "no.duckdb", "ann", "The disk was replaced")
        with open_warehouse(place) as connection:
            connection.execute("DROP TABLE raw.workflow_runs")
            mirror(connection, restored)
            assert connection.execute(query).fetchall() == [("w", "\n".join(NOTES))]
