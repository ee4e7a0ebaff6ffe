"""What the ledger says: deliveries, messages, runs, and what has changed since a line of its log."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, text

from compiler import PartnerflowError
from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.schema import DELIVERY, DELIVERY_LOG, MESSAGE_VERSION, RUN, WORKFLOW_RUN


@dataclass(frozen=True)
class Mark:
    """A line of the log: everything up to it has been seen. `at` and `delivery_id` tell one ledger's from another's."""

    entry: int
    at: datetime
    delivery_id: str


@dataclass(frozen=True)
class Changes:
    """The deliveries that have moved after a mark, as they are now, and how many of all are in each state.

    `since_begin`: the mark is not of this ledger's log (another ledger, or one restored from a backup), so these are
    all deliveries. `mark` is the newest line; None when the log is empty.
    """

    deliveries: list[Delivery]
    since_begin: bool
    mark: Mark | None
    counts: dict[str, int]


def deliveries(ledger: Ledger, states: Collection[str] = (), workflow_id: str | None = None) -> list[Delivery]:
    """The deliveries, of these states and of this workflow when they are named, in the order of their claims."""
    query = select(DELIVERY).order_by(DELIVERY.c.claimed_at, DELIVERY.c.delivery_id)
    if states:
        query = query.where(DELIVERY.c.state.in_(states))
    if workflow_id is not None:
        query = query.where(DELIVERY.c.workflow_id == workflow_id)
    with ledger.store.reading() as connection:
        return [Delivery(**row._mapping) for row in connection.execute(query)]


def find_delivery(ledger: Ledger, identity: str) -> Delivery:
    """The delivery whose id, or Message-ID, begins like this. Raises PartnerflowError when none or several do."""
    with ledger.store.reading() as connection:
        begins = DELIVERY.c.delivery_id.startswith(identity.strip("<> ").partition("@")[0], autoescape=True)
        rows = connection.execute(select(DELIVERY).where(begins).limit(2)).all()
    if len(rows) != 1 or not identity.strip():
        found = "Several deliveries begin" if rows else "There is no delivery that begins"
        raise PartnerflowError(f"{found} with {identity!r}. `partnerflow deliveries` lists them.")
    return Delivery(**rows[0]._mapping)


def message_content(ledger: Ledger, version: str) -> dict:
    """The content of a message version."""
    with ledger.store.reading() as connection:
        query = select(MESSAGE_VERSION.c.content).where(MESSAGE_VERSION.c.version == version)
        return connection.execute(query).scalar_one()


def changes_since(ledger: Ledger, mark: Mark | None) -> Changes:
    """What has changed after a mark; everything when the mark is None or not of this log."""
    with ledger.store.reading() as connection:
        if ledger.store.dialect == "postgresql":
            # A line's number is drawn before its transaction commits; with every writer shut out for a moment, no
            # number below the newest can still appear.
            connection.execute(text("LOCK TABLE delivery_log IN SHARE MODE"))
        log = DELIVERY_LOG.c
        lines = select(log.entry, log.at, log.delivery_id)
        row = connection.execute(lines.order_by(log.entry.desc()).limit(1)).one_or_none()
        known = mark and connection.execute(lines.where(log.entry == mark.entry)).one_or_none()
        since_begin = known is None or Mark(*known) != mark
        moved = select(log.delivery_id).where(log.entry > mark.entry) if not since_begin else None
        query = select(DELIVERY) if moved is None else select(DELIVERY).where(DELIVERY.c.delivery_id.in_(moved))
        changed = [Delivery(**row._mapping) for row in connection.execute(query)]
        counts = select(DELIVERY.c.state, func.count()).group_by(DELIVERY.c.state)
        return Changes(changed, since_begin, row and Mark(*row), dict(map(tuple, connection.execute(counts))))


@dataclass(frozen=True)
class RunRecord:
    """One hour as it was run (UTC, without a zone), to be recorded.

    `workflows` are the columns of marts.workflow_runs but for the first and third, and `is_settled` (see
    WORKFLOW_RUN); `programs` those for which every active workflow has a row (see RUN).
    """

    run_id: str
    as_of: datetime
    programs: tuple[str, ...]
    workflows: tuple[dict, ...]


def record_runs(ledger: Ledger, records: Iterable[RunRecord]) -> None:
    """Record what has been run, all or nothing."""
    with ledger.store.writing() as connection:
        for one in records:
            key = {"run_id": one.run_id, "as_of": one.as_of}
            connection.execute(insert(RUN), key | {"programs": list(one.programs)})
            if one.workflows:
                connection.execute(insert(WORKFLOW_RUN), [key | row for row in one.workflows])


def runs_since(ledger: Ledger, mark: tuple[int, str] | None) -> tuple[list[dict], bool, tuple[int, str] | None]:
    """The rows of workflow_runs that were recorded after a mark (number and id of a run), in that order.

    Also whether these are all there are, because the mark is None or not of this ledger; and the newest mark.
    """
    with ledger.store.reading() as connection:
        if ledger.store.dialect == "postgresql":
            connection.execute(text("LOCK TABLE run IN SHARE MODE"))  # as in changes_since
        numbered = select(RUN.c.entry, RUN.c.run_id)
        known = mark and connection.execute(numbered.where(RUN.c.entry == mark[0])).one_or_none()
        since_begin = not known or tuple(known) != mark
        newest = connection.execute(numbered.order_by(RUN.c.entry.desc()).limit(1)).one_or_none()
        query = select(WORKFLOW_RUN).join(RUN, RUN.c.run_id == WORKFLOW_RUN.c.run_id)
        query = query.where(RUN.c.entry > (0 if since_begin else mark[0]))
        rows = connection.execute(query.order_by(RUN.c.entry, WORKFLOW_RUN.c.workflow_id))
        return [dict(row._mapping) for row in rows], since_begin, newest and tuple(newest)
