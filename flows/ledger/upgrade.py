"""Schema upgrades by Alembic. The migrations are in migrations/versions/, one per schema, numbered.

Ledgers of schemas 1 to 3 were written before Alembic kept their version: they are stamped with the migration that
leads to their schema, then upgraded like any other.
"""

import threading

from sqlalchemy import Connection, inspect, text

from compiler import PartnerflowError

HEAD = "0009"
"""The newest migration. A ledger that is at it is opened without importing Alembic."""

_LOCK = threading.Lock()
"""Alembic keeps the running migration in module globals, so one thread migrates at a time."""


def upgrade(connection: Connection) -> None:
    """Create or upgrade the ledger that `connection` is open on, as part of its transaction.

    Raises PartnerflowError if a newer program has written the ledger, or the file is another SQLite database.
    """
    tables = inspect(connection).get_table_names()
    revision = _revision(connection, tables)
    if revision == HEAD:
        return
    if revision is None and tables and connection.dialect.name == "sqlite":
        raise PartnerflowError(
            f"{connection.engine.url.database} is not a ledger but another SQLite database, with the tables "
            f"{', '.join(tables[:3])}. Nothing was changed. Move it away, and restore the ledger from a backup with "
            "`partnerflow restore FILE --reason TEXT`."
        )
    if revision is not None and revision > HEAD:
        raise PartnerflowError(
            f"The ledger has schema {revision.lstrip('0')}, written by a newer partnerflow; this one supports up to "
            f"{HEAD.lstrip('0')}. Nothing was changed. Use the newer version."
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "flows.ledger:migrations")
    config.attributes["connection"] = connection
    with _LOCK:
        if revision is not None and "alembic_version" not in tables:
            command.stamp(config, revision)
        command.upgrade(config, "head")


def _revision(connection: Connection, tables: list[str]) -> str | None:
    """Return the migration that leads to the ledger's schema; None if it has no tables yet."""
    if "alembic_version" in tables:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    if "schema_version" in tables:
        return f"{connection.execute(text('SELECT max(version) FROM schema_version')).scalar_one():04}"
    return "0001" if "contact" in tables else None  # schema 1 did not record its version
