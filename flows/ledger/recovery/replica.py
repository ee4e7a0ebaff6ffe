"""Replicas of the ledger: its mirror in the warehouse, and the published file.

Both are written from the ledger, the warehouse before the first email of a run leaves. So the ledger must know
everything that they contain.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from compiler import PartnerflowError
from flows.ledger.queries import Watermark
from flows.settings import Place
from flows.warehouse.connection import Connection, open_warehouse
from flows.warehouse.published import connect_published

Row = dict[str, Any]
"""A row, by column name."""

Open = Callable[[Place], AbstractContextManager[Connection]]


class Replica:
    """One replica. `place` is its name in messages; a table that it does not have counts as empty."""

    def __init__(self, place: str, connection: Connection, schema: str):
        self.place, self._connection, self._schema = place, connection, schema
        self._tables: frozenset[str] | None = None

    def watermark(self) -> Watermark | None:
        """Return the row of the log up to which the mirror follows the ledger; None if there is none."""
        rows = self._rows("ledger_watermark", "SELECT log_id, logged_at, delivery_id FROM raw.ledger_watermark")
        return Watermark(**rows[0]) if rows else None

    def count(self) -> int:
        """Return the number of deliveries."""
        query = f"SELECT count(*) AS found FROM {self._schema}.sent_emails"
        return sum(row["found"] for row in self._rows("sent_emails", query))

    def newest_run(self) -> str | None:
        """Return the id of the run of the newest hour."""
        query = f"SELECT run_id FROM {self._schema}.workflow_runs ORDER BY as_of DESC, run_id DESC LIMIT 1"
        return next((row["run_id"] for row in self._rows("workflow_runs", query)), None)

    def deliveries(self) -> list[Row]:
        """Return all deliveries, with the columns of marts.sent_emails.

        As in the ledger, the contract of an email is empty; so is every contract if an earlier program wrote the rows.
        """
        rows = self._rows("sent_emails", f"SELECT * FROM {self._schema}.sent_emails ORDER BY delivery_id")
        return [row | {"contract_id": row.get("contract_id") or ""} for row in rows]

    def runs(self) -> list[Row]:
        """Return all rows of workflow_runs."""
        return self._rows("workflow_runs", f"SELECT * FROM {self._schema}.workflow_runs")

    def suppressions(self) -> list[Row]:
        """Return the suppressions of the ledger; the published file has none."""
        return self._rows("suppressions", "SELECT * FROM raw.suppressions") if self._schema == "raw" else []

    def _rows(self, table: str, query: str) -> list[Row]:
        """Return the rows of a query; none of a damaged published file. Raises PartnerflowError if the warehouse is."""
        try:
            if self._tables is None:
                self._tables = frozenset(self._connection.columns(self._schema))
            if table not in self._tables:
                return []
            found = self._connection.execute(query)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        except PartnerflowError:
            if self._schema == "raw":
                raise
            return []


def replicas(warehouse: Place, published: Path, opened: Open = open_warehouse) -> Iterator[Replica]:
    """Yield each available replica; each is closed before the next is opened.

    A published file that cannot be read is skipped, because it must never stop a run. Raises PartnerflowError if the
    warehouse cannot be read.
    """
    if warehouse.exists():
        with opened(warehouse) as connection:
            yield Replica(str(warehouse), connection, "raw")
    if published.exists():
        try:
            connection = connect_published(published)
        except PartnerflowError:
            return
        with connection:
            yield Replica(str(published), connection, "marts")
