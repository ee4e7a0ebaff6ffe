"""The last state that was sent to each receiver of notices, so that a change is sent once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from flows.ledger.ledger import Ledger
from flows.ledger.schema import NOTICE, RUN


class NotifiedKey(NamedTuple):
    """A receiver, and a condition: its kind and its subject, such as a workflow's id."""

    receiver: str
    kind: str
    subject: str


@dataclass(frozen=True)
class Notified:
    """The last state of a condition that a receiver was notified of, empty for well, and when (UTC, no time zone).

    `error` says why the last notice about it could not be sent; None if it was.
    """

    state: str
    at: datetime
    error: str | None = None


def read_notified(ledger: Ledger) -> dict[NotifiedKey, Notified]:
    """Return the last state that each receiver was notified of, by receiver and condition."""
    with ledger.store.reading() as connection:
        rows = connection.execute(select(NOTICE)).all()
    return {NotifiedKey(row.receiver, row.kind, row.subject): Notified(row.state, row.at, row.error) for row in rows}


def record_notified(ledger: Ledger, notified: Mapping[NotifiedKey, Notified]) -> None:
    """Record states that receivers were notified of, in one transaction."""
    rows = [key._asdict() | asdict(one) for key, one in notified.items()]
    if not rows:
        return
    new = ledger.store.insert(NOTICE)
    changed = {name: new.excluded[name] for name in ("state", "at", "error")}
    with ledger.store.writing() as connection:
        connection.execute(new.on_conflict_do_update(index_elements=list(NotifiedKey._fields), set_=changed), rows)


def failed_notices(ledger: Ledger) -> dict[str, str]:
    """Return the receivers to which the last notice could not be sent, with the reason."""
    return {key.receiver: one.error for key, one in sorted(read_notified(ledger).items()) if one.error}


def newest_hour(ledger: Ledger) -> datetime | None:
    """Return the newest hour (UTC, without a time zone) that a run has recorded; None before the first."""
    with ledger.store.reading() as connection:
        found: datetime | None = connection.execute(select(func.max(RUN.c.as_of))).scalar()
        return found
