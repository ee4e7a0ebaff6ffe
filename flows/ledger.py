"""The ledger: who has been contacted, and what became of each delivery. It makes "once" true.

A contact row a (workflow, program, partner), whose primary key is the promise, and under it a delivery row an address.
A delivery moves claimed -> sending -> sent, or to failed; `sending` is committed before the irrevocable step is
taken, so a run that dies there leaves a row that says so. Every move is one compare-and-swap, and a line of the log.
"""

import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError

from compiler import PartnerflowError

_METADATA = MetaData()

SETTING = Table("setting", _METADATA, Column("name", String, primary_key=True), Column("value", String, nullable=False))

CONTACT = Table(
    "contact",
    _METADATA,
    Column("workflow_id", String, primary_key=True),
    Column("program_id", String, primary_key=True),
    Column("partner_id", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("as_of", DateTime, nullable=False),
    Column("claimed_at", DateTime, nullable=False),
)

DELIVERY = Table(
    "delivery",
    _METADATA,
    Column("delivery_id", String, primary_key=True),
    Column("workflow_id", String, nullable=False),
    Column("program_id", String, nullable=False),
    Column("partner_id", String, nullable=False),
    Column("email", String),
    Column("action", String, nullable=False),
    Column("state", String, nullable=False),
    Column("message_id", String, nullable=False, unique=True),
    Column("context", JSON, nullable=False),
    Column("run_id", String, nullable=False),
    Column("as_of", DateTime, nullable=False),
    Column("claimed_at", DateTime, nullable=False),
    Column("sent_at", DateTime),
    Column("reason", String),
    ForeignKeyConstraint(
        ["workflow_id", "program_id", "partner_id"], ["contact.workflow_id", "contact.program_id", "contact.partner_id"]
    ),
)

DELIVERY_LOG = Table(
    "delivery_log",
    _METADATA,
    Column("entry", Integer, primary_key=True),
    Column("delivery_id", String, nullable=False),
    Column("from_state", String),
    Column("to_state", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("reason", String),
)

WORKFLOW_RUN = Table(
    "workflow_run",
    _METADATA,
    Column("run_id", String, primary_key=True),
    Column("workflow_id", String, primary_key=True),
    Column("as_of", DateTime, nullable=False),
    Column("status", String, nullable=False),
    *[
        Column(name, Integer, nullable=False)
        for name in (
            "members", "addresses", "already_contacted", "suppressed", "no_address", "recipients", "sent", "failed",
            "in_doubt",
        )
    ],
    Column("detail", String),
)  # fmt: skip


@dataclass(frozen=True)
class Delivery:
    """One email to one address, or one application to accept (`email` is None), as the ledger holds it.

    `context` is what the message is rendered with, fixed when it was claimed. Times are UTC without a zone, as stored.
    """

    delivery_id: str
    workflow_id: str
    program_id: str
    partner_id: str
    email: str | None
    action: str
    state: str
    message_id: str
    context: dict
    run_id: str
    as_of: datetime
    claimed_at: datetime
    sent_at: datetime | None = None
    reason: str | None = None


class Ledger:
    """The ledger of one installation, in a SQLite file (write-ahead log, every commit on disk before it returns)."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = _engine(path)
        try:
            _METADATA.create_all(self._engine)
            self.message_key = self._message_key()
        except DatabaseError as error:
            raise PartnerflowError(
                f"{path} cannot be used as the ledger: {error.orig}. It says who has been contacted; "
                "restore it from a backup rather than begin a new one."
            ) from None

    def close(self) -> None:
        """Give the file back."""
        self._engine.dispose()

    def claim(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """Record the deliveries of partners that their workflow has not contacted; those of the others are left out.

        All deliveries of a partner are claimed together or not at all; everything is one transaction.
        """
        by_contact: dict[tuple[str, str, str], list[Delivery]] = {}
        for one in deliveries:
            by_contact.setdefault((one.workflow_id, one.program_id, one.partner_id), []).append(one)
        claimed: list[Delivery] = []
        with self._engine.begin() as connection:
            for key, ones in by_contact.items():
                contact = dict(zip(("workflow_id", "program_id", "partner_id"), key, strict=True)) | {
                    "run_id": ones[0].run_id, "as_of": ones[0].as_of, "claimed_at": ones[0].claimed_at,
                }  # fmt: skip
                if connection.execute(insert_or_ignore(CONTACT).values(contact).on_conflict_do_nothing()).rowcount:
                    connection.execute(insert(DELIVERY), [asdict(one) for one in ones])
                    connection.execute(insert(DELIVERY_LOG), [_entry(one, None, "claimed") for one in ones])
                    claimed += ones
        return claimed

    def move(self, delivery: Delivery, source: str, target: str, run_id: str, reason: str | None = None) -> bool:
        """Move a delivery from one state to another, committed when this returns. False: it was not in `source`."""
        values = {"state": target, "reason": reason} | ({"sent_at": utc_now()} if target == "sent" else {})
        swap = update(DELIVERY).where(DELIVERY.c.delivery_id == delivery.delivery_id, DELIVERY.c.state == source)
        with self._engine.begin() as connection:
            moved = connection.execute(swap.values(values)).rowcount == 1
            if moved:
                entry = _entry(delivery, source, target) | {"run_id": run_id, "reason": reason}
                connection.execute(insert(DELIVERY_LOG), entry)
        return moved

    def in_state(self, state: str) -> list[Delivery]:
        """The deliveries in a state, in the order in which they were claimed."""
        query = (
            select(DELIVERY).where(DELIVERY.c.state == state).order_by(DELIVERY.c.claimed_at, DELIVERY.c.delivery_id)
        )
        with self._engine.connect() as connection:
            return [Delivery(**row._mapping) for row in connection.execute(query)]

    def deliveries(self) -> list[Delivery]:
        """All deliveries."""
        query = select(DELIVERY).order_by(DELIVERY.c.claimed_at, DELIVERY.c.delivery_id)
        with self._engine.connect() as connection:
            return [Delivery(**row._mapping) for row in connection.execute(query)]

    def record_runs(self, rows: list[dict]) -> None:
        """Record what a run did for each workflow (the columns of marts.workflow_runs)."""
        if rows:
            with self._engine.begin() as connection:
                connection.execute(insert(WORKFLOW_RUN), rows)

    def runs(self) -> list[dict]:
        """All rows of workflow_runs, by run and workflow."""
        query = select(WORKFLOW_RUN).order_by(WORKFLOW_RUN.c.as_of, WORKFLOW_RUN.c.run_id, WORKFLOW_RUN.c.workflow_id)
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def _message_key(self) -> bytes:
        """The secret of this ledger's Message-IDs, made once: an id that can be guessed can be pre-empted."""
        new = {"name": "message_key", "value": secrets.token_hex(32)}
        with self._engine.begin() as connection:
            connection.execute(insert_or_ignore(SETTING).values(new).on_conflict_do_nothing())
            query = select(SETTING.c.value).where(SETTING.c.name == "message_key")
            return bytes.fromhex(connection.execute(query).scalar_one())


def utc_now() -> datetime:
    """The clock in UTC, without a zone: what the ledger records as the time of a thing that it did."""
    return datetime.now(UTC).replace(tzinfo=None)


def _entry(delivery: Delivery, source: str | None, target: str) -> dict:
    return {
        "delivery_id": delivery.delivery_id, "from_state": source, "to_state": target, "run_id": delivery.run_id,
        "at": utc_now(), "reason": None,
    }  # fmt: skip


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def durable(connection, _):
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
