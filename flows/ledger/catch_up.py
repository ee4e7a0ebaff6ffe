"""Which hours are over for a workflow, by the runs that the ledger has recorded."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from flows.ledger.ledger import Ledger
from flows.ledger.schema import RUN, WORKFLOW_RUN

INSTANT = timedelta(microseconds=1)
"""The smallest step of a timestamp, on every engine."""


def not_over_since(ledger: Ledger, programs: Mapping[str, str], before: datetime) -> dict[str, datetime]:
    """Workflow id to the first instant before an hour from which on nothing is over for it (UTC, without a zone).

    `programs` are the programs of the active workflows, by id. Where a workflow was not active when its program was
    last run, its absence is meant, not missed; and one that never ran has missed nothing. Neither is in the answer.
    """
    with ledger.store.reading() as connection:
        found = {one: _not_over_since(connection, one, program, before) for one, program in programs.items()}
    return {one: since for one, since in found.items() if since is not None}


def _not_over_since(connection: Connection, workflow_id: str, program_id: str, before: datetime) -> datetime | None:
    mine = WORKFLOW_RUN.c.workflow_id == workflow_id
    rows = select(WORKFLOW_RUN.c.as_of).where(mine, WORKFLOW_RUN.c.as_of < before)
    settled = connection.execute(select(func.max(rows.where(WORKFLOW_RUN.c.is_settled).subquery().c.as_of))).scalar()
    if settled is not None:
        rows = rows.where(WORKFLOW_RUN.c.as_of > settled)
    unsettled = set(connection.execute(rows).scalars())
    since = settled or min(unsettled, default=None)
    if since is None:
        return None
    absent = max(_runs_of(connection, program_id, since, before) - unsettled - {since}, default=None)
    if absent is not None:
        return min((hour for hour in unsettled if hour > absent), default=None)
    return settled + INSTANT if settled else since


def _runs_of(connection: Connection, program_id: str, since: datetime, before: datetime) -> set[datetime]:
    """The hours from `since` on at which a run would have had a row for every active workflow of the program."""
    query = select(RUN.c.as_of, RUN.c.programs).where(RUN.c.as_of >= since, RUN.c.as_of < before)
    return {as_of for as_of, covered in connection.execute(query) if covered is None or program_id in covered}
