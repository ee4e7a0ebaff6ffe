"""Where the ledger is kept: a SQLite file, or a PostgreSQL database when several hosts send.

Every commit is on disk before it returns, on both; a power cut forgets no `sending`.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Insert, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.dml import UpdateBase

from compiler import PartnerflowError
from flows.ledger.prepared import Prepared

_INSERT: dict[str, Callable[..., Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_BEGIN = "BEGIN IMMEDIATE"
"""SQLite: a transaction that reads first and then writes fails at once when another has written in between."""

PATIENCE = 30
"""Seconds for which a writer of the SQLite file waits for another."""


class Store:
    """A ledger's database. `insert` is the dialect's, with `on_conflict_do_nothing`."""

    def __init__(self, url: URL):
        self.name = url.database if url.drivername == "sqlite" else url.render_as_string(hide_password=True)
        self._engine = _sqlite(url) if url.drivername == "sqlite" else _postgresql(url)
        self.dialect = self._engine.dialect.name
        self.insert = _INSERT[self.dialect]
        # SQLite has one writer, and one that waits for another process polls; threads of this one take turns instead.
        self._turn = threading.Lock() if self.dialect == "sqlite" else nullcontext()
        self._writer: Connection | None = None
        driver = self._engine.dialect.dbapi
        self._silence = (driver.OperationalError, driver.InterfaceError)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: committed, and on disk, when the block ends; undone on an error."""
        with self._turn, self._said(), self._connection() as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads, and sees one state of the ledger."""
        options = {"reads": True} if self.dialect == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with self._said(), self._engine.connect().execution_options(**options) as connection:
            yield connection

    def transact(self, work: Callable[[DBAPICursor], None]) -> None:
        """`writing` for prepared statements, which `work` executes: the driver carries it out by itself."""
        with self._turn, self._said(), self._connection() as connection:
            driver = connection.connection
            cursor = driver.cursor()
            try:
                if self.dialect == "sqlite":
                    cursor.execute(_BEGIN)
                work(cursor)
                driver.commit()
            except BaseException:
                driver.rollback()
                raise

    def prepared(self, statement: UpdateBase, columns: Sequence[str] | None = None) -> Prepared:
        """A statement that is compiled once. `columns` are those that an insert has values for."""
        return Prepared(statement, self._engine.dialect, columns)

    def close(self) -> None:
        """Give the database back."""
        if self._writer is not None:
            self._writer.close()
        self._engine.dispose()

    def _connection(self) -> AbstractContextManager[Connection]:
        """SQLite's one writer keeps its connection; PostgreSQL's take one from the pool each time."""
        if self.dialect != "sqlite":
            return self._engine.connect()
        self._writer = self._writer or self._engine.connect()
        return nullcontext(self._writer)

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, self._engine.dialect.dbapi.Error) as error:
            words = getattr(error, "orig", error)  # prepared statements raise the driver's own errors
            if isinstance(words, self._silence):
                raise PartnerflowError(f"The ledger {self.name} does not answer: {words}") from None
            if "not a database" not in str(words) and "malformed" not in str(words):
                raise
            raise PartnerflowError(
                f"{self.name} cannot be used as the ledger: {words}. It says who has been contacted; "
                "restore it from a backup rather than begin a new one: `partnerflow restore FILE`."
            ) from None


def ledger_url(place: str | Path) -> URL:
    """The database that a file's path or a URL names.

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
    if url is None or url.get_backend_name() not in _INSERT:
        raise PartnerflowError(
            "PARTNERFLOW_LEDGER_URL is no URL of a ledger, such as postgresql://user:password@host/database."
        )
    backend = url.get_backend_name()
    return url.set(drivername="postgresql+psycopg2" if backend == "postgresql" else "sqlite")


def _sqlite(url: URL) -> Engine:
    if sqlite3.sqlite_version_info < (3, 35):
        raise PartnerflowError(f"The ledger needs SQLite 3.35; this Python has {sqlite3.sqlite_version}.")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    arguments = {"timeout": PATIENCE, "check_same_thread": False}
    engine = create_engine(url, poolclass=QueuePool, max_overflow=-1, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def durable(connection, _):
        connection.isolation_level = None  # the driver begins no transaction of its own: we say which kind
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection):
        kind = "BEGIN" if connection.get_execution_options().get("reads") else _BEGIN
        connection.connection.dbapi_connection.execute(kind)

    return engine


def _postgresql(url: URL) -> Engine:
    try:
        # Rows that are executed together go in one request.
        engine = create_engine(url, max_overflow=-1, pool_pre_ping=True, executemany_mode="values_plus_batch")
    except ModuleNotFoundError:
        raise PartnerflowError("A ledger in PostgreSQL needs psycopg2: install partnerflow[postgres].") from None

    @event.listens_for(engine, "connect")
    def durable(connection, _):
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO on")
        connection.commit()

    return engine
