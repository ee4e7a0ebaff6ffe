"""States of the example account, and how a state is copied, moved and removed with its warehouse on each engine."""

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from flows.settings import Settings
from flows.warehouse.connection import open_warehouse, transaction
from flows.warehouse.example import load_example
from support.databases import ENGINE, copy_database, drop_database, move_database

if TYPE_CHECKING:
    import pytest

T = TypeVar("T")

HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)
"""The fixed hour of the example account: 14:00 in New York, 23:30 in Kolkata."""


def copy_state(source: Path, target: Path, *excluded: str) -> Path:
    """Copy a state folder, except files of these patterns, with its database; return the new folder."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*excluded))
    copy_database(source, target)
    return target


def move_state(source: Path, folder: Path) -> Path:
    """Move a state folder into another folder, with its database; return the new state folder."""
    target = Path(shutil.move(source, folder))
    move_database(source, target)
    return target


def remove_state(folder: Path) -> None:
    """Remove a state folder with its database."""
    shutil.rmtree(folder)
    drop_database(folder)


def build_once(factory: "pytest.TempPathFactory", name: str, folder: Path, build: Callable[[], T]) -> tuple[Path, T]:
    """Return a copy of the state that `build` leaves in `folder`, and what `build` returned.

    On DuckDB, the first process of the test session that needs the state builds it for all. On PostgreSQL, each process
    has a server of its own, and builds the state in it.
    """
    shared = factory.getbasetemp()
    if ENGINE == "duckdb" and "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    kept = shared / f"shared_{name}"
    with _locked(shared / f"{kept.name}.lock"):
        if not (kept / "returned").exists():
            returned = build()
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            move_state(folder, kept)
            (kept / "returned").write_bytes(pickle.dumps(returned))
    own = factory.mktemp(name) / folder.name
    return copy_state(kept / folder.name, own), pickle.loads((kept / "returned").read_bytes())


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Wait until no other process has this lock, and keep it."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copy_warehouse(source: Path, target: Path) -> None:
    """Copy the warehouse of a state folder for another one, in place of that one's own."""
    if ENGINE == "duckdb":
        target.mkdir(exist_ok=True)
        shutil.copy(source / "warehouse.duckdb", target)
    copy_database(source, target)


def drop_warehouse(folder: Path) -> None:
    """Remove the warehouse of a state folder, if there is one."""
    (folder / "warehouse.duckdb").unlink(missing_ok=True)
    drop_database(folder)


def with_example(settings: Settings) -> Settings:
    """Load the example account into the state, and return the state."""
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        load_example(connection)
    return settings


def reload_raw_tables(settings: Settings, hour: datetime) -> None:
    """Mark every raw row as loaded at `hour`, as a loader does that finds nothing new."""
    with open_warehouse(settings.warehouse) as connection:
        query = "SELECT table_name FROM information_schema.columns WHERE table_schema = ? AND column_name = ?"
        for (table,) in connection.execute(query, ["raw", "_loaded_at"]).fetchall():
            connection.execute(f"UPDATE raw.{table} SET _loaded_at = ?", [hour.replace(tzinfo=None)])
