"""The database of the ledger: a SQLite file, or PostgreSQL if several hosts send.

Every commit is on disk before it returns, on both, so a power cut never loses a `sending`.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import QueuePool

from compiler import PartnerflowError
from flows.ledger.shared_commits import Result, SharedCommits

DIALECTS = ("sqlite", "postgresql")
"""The databases that a ledger can be in, as SQLAlchemy names them."""

_HINTS = {
    "sqlite": "Let this user read and write it and its folder, and free disk space. Never replace it by an empty file.",
    "postgresql": "Start its database, or free disk space.",
}

BUSY_TIMEOUT = 30.0
"""Seconds that a writer of the SQLite file waits for another."""


class Store:
    """A ledger's database. `insert` is the insert statement of its dialect, which has `on_conflict_do_nothing`."""

    def __init__(self, url: URL):
        self.name = str(url.database) if url.drivername == "sqlite" else url.render_as_string(hide_password=True)
        self._engine = _sqlite(url) if url.drivername == "sqlite" else _postgresql(url)
        self.dialect = self._engine.dialect.name
        self.insert: Callable[..., Any] = import_module(f"sqlalchemy.dialects.{self.dialect}").insert
        # SQLite has one writer and polls for its lock; threads of one process take turns here instead.
        self._turn: AbstractContextManager[Any] = threading.Lock() if self.dialect == "sqlite" else nullcontext()
        self._shared = SharedCommits(self.writing)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes: committed and on disk when the block ends, rolled back on an error."""
        with self._turn, self._clear_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    def write_together(self, work: Callable[[Connection], Result]) -> Result:
        """Run statements in a transaction, in SQLite one that threads may share, and return their result when it is
        on disk. PostgreSQL writes the commits of several connections at once by itself."""
        if self.dialect == "sqlite":
            return self._shared.run(work)
        with self.writing() as connection:
            return work(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that reads one snapshot of the ledger."""
        options: dict[str, Any] = (
            {"reads": True} if self.dialect == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        )
        with self._clear_errors(), self._engine.connect().execution_options(**options) as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Raise PartnerflowError if the database does not answer or is damaged."""
        try:
            yield
        except DBAPIError as error:
            text = str(error.orig)
            if "not a database" in text or "malformed" in text:
                raise PartnerflowError(
                    f"{self.name} cannot be used as the ledger: {text}. The ledger records who has been contacted: "
                    "restore it from a backup instead of creating a new one, with `partnerflow restore FILE`."
                ) from None
            if isinstance(error, (OperationalError, InterfaceError)):
                hint = _HINTS[self.dialect]
                raise PartnerflowError(f"The ledger {self.name} does not answer: {text}\n{hint}") from None
            raise


def ledger_url(place: str | Path) -> URL:
    """Return the URL of the database that a file's path or a URL names.

    >>> ledger_url("postgresql://db.example/partnerflow").drivername
    'postgresql+psycopg2'

    Raises PartnerflowError for any database but SQLite and PostgreSQL.
    """
    if isinstance(place, Path):
        return URL.create("sqlite", database=str(place))
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() not in DIALECTS:
        raise PartnerflowError(
            "PARTNERFLOW_LEDGER_URL is not a valid URL of a ledger. Write postgresql://user:password@host/database."
        )
    backend = url.get_backend_name()
    return url.set(drivername="postgresql+psycopg2" if backend == "postgresql" else "sqlite")


def _sqlite(url: URL) -> Engine:
    if sqlite3.sqlite_version_info < (3, 35):
        raise PartnerflowError(
            f"The ledger needs SQLite 3.35 or newer; this Python has {sqlite3.sqlite_version}. Use another Python."
        )
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    arguments = {"timeout": BUSY_TIMEOUT, "check_same_thread": False}
    engine = create_engine(url, poolclass=QueuePool, max_overflow=-1, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver starts no transaction by itself; `begin` below does
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that first reads and then writes fails at once if another has written in between.
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, waiting for other programs. SQLite itself does not wait for a writer here."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _postgresql(url: URL) -> Engine:
    try:
        # Rows of one statement are sent in one request.
        engine = create_engine(url, max_overflow=-1, pool_pre_ping=True, executemany_mode="values_plus_batch")
    except ModuleNotFoundError:
        raise PartnerflowError(
            "A ledger in PostgreSQL needs psycopg2. Install it with `pip install partnerflow[postgres]`."
        ) from None

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO on")
        connection.commit()

    return engine
