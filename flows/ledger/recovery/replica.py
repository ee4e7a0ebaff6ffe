"""What is remembered of the ledger outside it: by the warehouse, whose mirror has a mark, and by the published file.

Both came from the ledger, the warehouse before the first email of a run leaves. So whatever they know, it must know.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from flows.ledger.queries import Mark
from flows.settings import Postgres
from flows.warehouse.connection import Connection, has_table, open_warehouse

Row = dict[str, Any]
"""A row by column name."""

Open = Callable[[Path | Postgres], AbstractContextManager[Connection]]


class Memory:
    """One place that remembers. `place` is its name; tables that it does not have are empty."""

    def __init__(self, place: str, connection: Connection, schema: str):
        self.place, self._connection, self._schema = place, connection, schema

    def mark(self) -> Mark | None:
        """The line of the log up to which the mirror follows the ledger; None where there is none."""
        rows = self._rows("ledger_watermark", "SELECT log_id, logged_at, delivery_id FROM raw.ledger_watermark")
        return (
            Mark(**{"entry": row.pop("log_id"), "at": row.pop("logged_at"), **row})
            if rows and (row := rows[0])
            else None
        )

    def count(self) -> int:
        """How many deliveries are remembered."""
        query = f"SELECT count(*) AS found FROM {self._schema}.sent_emails"
        return sum(row["found"] for row in self._rows("sent_emails", query))

    def newest_run(self) -> str | None:
        """The run of the newest hour."""
        query = f"SELECT run_id FROM {self._schema}.workflow_runs ORDER BY as_of DESC, run_id DESC LIMIT 1"
        return next((row["run_id"] for row in self._rows("workflow_runs", query)), None)

    def deliveries(self) -> list[Row]:
        """All deliveries, with the columns of marts.sent_emails."""
        return self._rows("sent_emails", f"SELECT * FROM {self._schema}.sent_emails ORDER BY delivery_id")

    def runs(self) -> list[Row]:
        """All rows of workflow_runs."""
        return self._rows("workflow_runs", f"SELECT * FROM {self._schema}.workflow_runs")

    def suppressions(self) -> list[Row]:
        """The suppressions of the ledger; the published file has none."""
        return self._rows("suppressions", "SELECT * FROM raw.suppressions") if self._schema == "raw" else []

    def _rows(self, table: str, query: str) -> list[Row]:
        if not has_table(self._connection, self._schema, table):
            return []
        found = self._connection.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextmanager
def to_read(place: Path | Postgres) -> Iterator[Connection]:
    """The warehouse for whoever only looks: waits for nobody, and raises duckdb.IOException while another writes."""
    with open_warehouse(place) if isinstance(place, Postgres) else duckdb.connect(place, read_only=True) as connection:
        yield connection


def memories(warehouse: Path | Postgres, published: Path, opened: Open = open_warehouse) -> Iterator[Memory]:
    """Whatever there is that remembers; each is closed when the next one is asked for.

    A published file that cannot be read is passed over: it must never stop a run. Raises PartnerflowError when the
    warehouse cannot be read.
    """
    if isinstance(warehouse, Postgres) or warehouse.exists():
        place = "the database" if isinstance(warehouse, Postgres) else str(warehouse)
        with opened(warehouse) as connection:
            yield Memory(place, connection, "raw")
    if published.exists():
        try:
            connection = duckdb.connect(published, read_only=True)
        except duckdb.Error:
            return
        with connection:
            yield Memory(str(published), connection, "marts")
