"""The hours that are still pending for a workflow, by the runs that the ledger has recorded."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from flows.ledger.ledger import Ledger
from flows.ledger.schema import RUN, WORKFLOW_RUN

MICROSECOND = timedelta(microseconds=1)
"""The resolution of a timestamp, on every engine."""


def pending_since(ledger: Ledger, programs: Mapping[str, str], before: datetime) -> dict[str, datetime]:
    """Return, by workflow id, the first instant from which on every hour before `before` is pending for the workflow.

    Times are UTC without a time zone. `programs` maps the id of each active workflow to its program. A workflow that
    was not active when its program was last run did not miss that run, and one that has never run has missed nothing:
    neither is in the result.
    """
    with ledger.store.reading() as connection:
        found = {one: _pending_since(connection, one, program, before) for one, program in programs.items()}
    return {one: since for one, since in found.items() if since is not None}


def _pending_since(connection: Connection, workflow_id: str, program_id: str, before: datetime) -> datetime | None:
    ours = WORKFLOW_RUN.c.workflow_id == workflow_id
    rows = select(WORKFLOW_RUN.c.as_of).where(ours, WORKFLOW_RUN.c.as_of < before)
    newest_settled = select(func.max(rows.where(WORKFLOW_RUN.c.is_settled).subquery().c.as_of))
    settled: datetime | None = connection.execute(newest_settled).scalar()
    if settled is not None:
        rows = rows.where(WORKFLOW_RUN.c.as_of > settled)
    unsettled = set(connection.execute(rows).scalars())
    since = settled or min(unsettled, default=None)
    if since is None:
        return None
    absent = max(_runs_of(connection, program_id, since, before) - unsettled - {since}, default=None)
    if absent is not None:
        return min((hour for hour in unsettled if hour > absent), default=None)
    return settled + MICROSECOND if settled else since


def _runs_of(connection: Connection, program_id: str, since: datetime, before: datetime) -> set[datetime]:
    """Return the hours since `since` for which every active workflow of the program has a row."""
    query = select(RUN.c.as_of, RUN.c.programs).where(RUN.c.as_of >= since, RUN.c.as_of < before)
    return {as_of for as_of, covered in connection.execute(query) if covered is None or program_id in covered}
