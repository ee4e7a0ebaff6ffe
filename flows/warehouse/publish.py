"""Publish the tables that people query, in a DuckDB file of their own that is replaced atomically.

The history of contracts is published with them (flows.warehouse.contract_history). The warehouse of DuckDB is published
whole, so that previews read the same file and never block a run.

A session that has the old file open keeps reading it until it opens the new one; it never blocks a run. The file is
read-only; a write-ahead log that a privileged session left beside it is removed. It is the same on every engine, so
that the report, `doctor` and the checks of names read one file; of a database people can also query schema `marts`
itself.
"""

from pathlib import Path

from flows.atomic import make_folder, rename_synced, sync
from flows.permissions import make_readable
from flows.warehouse.connection import Connection
from flows.warehouse.published_tables import PublishedRun, complete


def publish(connection: Connection, file: Path, run: PublishedRun | None = None) -> None:
    """Write schemas `marts` and `snapshots` of the warehouse to the published file; of DuckDB, all of it.

    It also has what `run` knows, views without a schema, and comments (flows.warehouse.published_tables).
    """
    make_folder(file.parent)
    fresh = file.with_name(f".{file.name}.new")
    for left_by_a_killed_run in (fresh, _log(fresh)):
        left_by_a_killed_run.unlink(missing_ok=True)
    connection.export(("marts", "snapshots"), fresh)
    complete(fresh, file, run)
    sync(fresh)
    fresh.chmod(fresh.stat().st_mode & ~0o222)
    make_readable(fresh)
    _log(file).unlink(missing_ok=True)
    rename_synced(fresh, file)


def _log(file: Path) -> Path:
    """Return DuckDB's write-ahead log of a file. One that is left beside another file would be read as that file's."""
    return file.with_name(f"{file.name}.wal")
