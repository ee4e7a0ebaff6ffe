"""The mirror writes what differs, and an interrupted one is completed, on an engine without transactions as well."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import duckdb
import pytest
from sqlglot import exp

from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import mirror
from flows.ledger.queries import RunRecord, deliveries, record_runs
from flows.ledger.resolution import settle_by_person
from flows.ledger.schema import MESSAGE_VERSION
from flows.ledger.suppressions import suppress, unsuppress
from flows.warehouse.connection import transaction
from flows.warehouse.engines.duckdb import DuckDBConnection, DuckDBRows
from flows.warehouse.raw_tables import raw_columns
from support.ledgers import HOUR, application, delivery

MIRRORED = ("sent_emails", "workflow_runs", "suppressions", "copy_addresses", "ledger_watermark", "run_watermark")

READS = ("SELECT",)
"""How statements begin that write nothing."""


class Killed(Exception):
    """The process ended."""


class Warehouse(DuckDBConnection):
    """A warehouse in memory without transactions, whose process may end before a statement."""

    has_transactions = False

    def __init__(self):
        super().__init__(duckdb.connect(), lambda error: AssertionError(str(error)))
        self.statements: list[str] = []
        self.limit: int | None = None

    def execute(self, statement: str | exp.Expr, parameters: Sequence[Any] = ()) -> DuckDBRows:
        """Run a statement, unless the process has ended."""
        if self.limit == len(self.statements):
            raise Killed
        text = statement if isinstance(statement, str) else statement.sql("duckdb")
        self.statements.append(" ".join(text.split()))
        return super().execute(text, parameters)

    def mirror(self, ledger: Ledger, limit: int | None = None) -> list[str]:
        """Mirror the ledger, and return the statements; the process ends after `limit` of them."""
        self.statements, self.limit = [], limit
        try:
            with transaction(self):
                mirror(self, ledger)
        except Killed:
            pass
        self.limit = None
        return self.statements

    def contents(self) -> dict[str, list[tuple]]:
        """Return the rows of the mirrored tables."""
        query = "SELECT {} FROM raw.{} ORDER BY ALL"
        return {
            name: super(Warehouse, self).execute(query.format(", ".join(raw_columns(name)), name)).fetchall()
            for name in MIRRORED
        }


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """A ledger with deliveries, a run, suppressions and a copy address."""
    with ledger.store.writing() as connection:
        connection.execute(MESSAGE_VERSION.insert(), {"version": "1", "content": {"cc": "a@x.example", "bcc": None}})
    ledger.claim([delivery("p"), delivery("q"), application("r", "C1")], {})
    suppress(ledger, ["gone@x.example", "back@x.example"], "By telephone", "person:ann")
    add_run(ledger, "first")
    return ledger


def add_run(ledger: Ledger, run_id: str) -> None:
    """Record a run of one workflow."""
    counts = ("members", "addresses", "already_contacted", "suppressed", "no_address", "recipients", "sent", "failed")
    row = dict.fromkeys((*counts, "in_doubt"), 0) | {"workflow_id": "w", "status": "done", "detail": None}
    record_runs(ledger, [RunRecord(run_id, HOUR, ("1",), (row | {"is_settled": True},))])


def change(ledger: Ledger) -> None:
    """Change every mirrored table: new rows, changed ones, and one that is removed."""
    ledger.claim([delivery("new")], {})
    ledger.heartbeat("s", "here", utc_now())
    for one in ledger.lease("s", ["w"], 1, utc_now()):
        ledger.mark_sending(one)
    ledger.reclaim_expired("other", utc_now())
    (doubted,) = deliveries(ledger, states=["in_doubt"])
    settle_by_person(ledger, doubted.delivery_id, "failed", "It came back", "ann")
    unsuppress(ledger, "back@x.example")
    suppress(ledger, ["more@x.example"], "By mail", "person:ann")
    with ledger.store.writing() as connection:
        connection.execute(MESSAGE_VERSION.insert(), {"version": "2", "content": {"cc": None, "bcc": "b@x.example"}})
    add_run(ledger, "second")


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """The warehouses of a test, closed at its end."""
    with ExitStack() as stack:
        yield stack


def test_mirror_of_an_unchanged_ledger_writes_nothing(filled: Ledger, opened: ExitStack):
    """It reads the catalog, the watermarks, the numbers by state and the lists."""
    warehouse = opened.enter_context(Warehouse())
    warehouse.mirror(filled)
    statements = warehouse.mirror(filled)
    assert [one for one in statements if not one.startswith(READS)] == []
    assert len(statements) == 6


def test_mirror_writes_only_the_rows_that_changed(filled: Ledger, opened: ExitStack):
    """The result is that of a new mirror."""
    warehouse, new = opened.enter_context(Warehouse()), opened.enter_context(Warehouse())
    warehouse.mirror(filled)
    warehouse.execute("UPDATE raw.sent_emails SET reason = 'not touched' WHERE partner_id = 'r'")
    change(filled)
    warehouse.mirror(filled)
    new.mirror(filled)
    query = "SELECT partner_id FROM raw.sent_emails WHERE reason = 'not touched'"
    assert warehouse.execute(query).fetchall() == [("r",)]
    warehouse.execute("UPDATE raw.sent_emails SET reason = NULL WHERE partner_id = 'r'")
    assert warehouse.contents() == new.contents()


@pytest.mark.parametrize("is_new", [pytest.param(True, marks=pytest.mark.long), False])
def test_interrupted_mirror_is_completed_by_the_next_one(filled: Ledger, opened: ExitStack, is_new: bool):
    """Whichever statement is the last one of the process: no row is missing, old or there twice afterwards."""
    warehouses = [opened.enter_context(Warehouse()) for _ in range(60)]
    for one in warehouses if not is_new else ():
        one.mirror(filled)
    change(filled)
    expected, *interrupted = warehouses
    total = len(expected.mirror(filled))
    assert 12 < total < len(interrupted)
    for limit, warehouse in zip(range(total), interrupted, strict=False):
        warehouse.mirror(filled, limit)
        warehouse.mirror(filled)
        assert warehouse.contents() == expected.contents(), (limit, warehouse.statements)


def test_mirror_with_a_row_twice_is_corrected(filled: Ledger, opened: ExitStack):
    """As after a process that ended between adding a row and marking it, without transactions."""
    warehouse = opened.enter_context(Warehouse())
    warehouse.mirror(filled)
    before = warehouse.contents()
    for name in ("sent_emails", "suppressions", "copy_addresses"):
        warehouse.execute(f"INSERT INTO raw.{name} SELECT * FROM raw.{name} LIMIT 1")
    warehouse.mirror(filled)
    assert warehouse.contents() == before
