"""Ledgers in SQLite and PostgreSQL for tests, and deliveries to put into them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import create_engine, text

from flows.ledger.delivery import Delivery, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from support.databases import server

HOUR = datetime(2026, 3, 20, 18)


def ledger_location(store: str, folder: Path) -> Path | str:
    """Return where a new ledger may be created: a file in the folder, or a new database on the server."""
    if store == "sqlite":
        return folder / "ledger.db"
    started = server()
    name = f"ledger_{uuid4().hex}"
    admin = create_engine(started.get_uri(driver="psycopg2"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return started.get_uri(database=name)


def delivery(partner: str, email: str = "a@x.example", workflow: str = "w", **more: Any) -> Delivery:
    """Return a pending delivery of run r."""
    identity = f"{workflow}-{partner}-{email}"
    known = {"email_key": email, "claimed_at": HOUR} | more
    return Delivery(
        identity, workflow, "1", partner, email, "email", "pending", identity, {}, "r", HOUR, **known
    )  # fmt: skip


def application(partner: str, contract: str, workflow: str = "accept") -> Delivery:
    """Return a pending decision of run r about an application."""
    identity = f"{workflow}-{partner}-{contract}"
    return Delivery(
        identity, workflow, "1", partner, None, "accept application", "pending", identity, {}, "r", HOUR, HOUR, contract
    )  # fmt: skip


def leased(ledger: Ledger, *partners: str, run_id: str = "r") -> list[Delivery]:
    """Claim and lease deliveries to these partners for a live run, and return them."""
    ledger.claim([delivery(partner) for partner in partners], {})
    ledger.heartbeat(run_id, "here", utc_now() + timedelta(minutes=2))
    return ledger.lease(run_id, ["w"], len(partners), utc_now())


def states(ledger: Ledger) -> dict[str, str]:
    """Return the state of each partner's last delivery."""
    return {one.partner_id: one.state for one in deliveries(ledger)}


def log(ledger: Ledger) -> list[tuple[str | None, str, str]]:
    """Return from-state, to-state and actor of every row of the log."""
    with ledger.store.reading() as connection:
        query = text("SELECT from_state, to_state, actor FROM delivery_log ORDER BY id")
        return [tuple(row) for row in connection.execute(query)]


@contextmanager
def opened(place: Path | str) -> Iterator[Ledger]:
    """Open a ledger, and close it at the end."""
    with closing(Ledger(place)) as ledger:
        yield ledger
