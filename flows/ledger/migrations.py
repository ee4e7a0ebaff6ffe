"""Bring a ledger up to the schema that this program knows: pending migrations, each and all in one transaction.

A new ledger is made as the tables are now. An older one goes through the migrations that it lacks; a test holds that
both ways lead to the same schema.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    String,
    column,
    false,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy import table as light_table

from compiler import PartnerflowError
from flows.addresses import address_key
from flows.ledger.delivery import utc_now
from flows.ledger.schema import METADATA, SCHEMA_VERSION

if TYPE_CHECKING:
    from alembic.operations import Operations


def migrate(connection: Connection) -> None:
    """Make or migrate the ledger that the connection is open on, within its transaction.

    Raises PartnerflowError when a newer program has written it.
    """
    version = _version(connection)
    newest = max(MIGRATIONS)
    if version is not None and version > newest:
        raise PartnerflowError(
            f"The ledger has schema {version}, which a newer partnerflow has written; this one knows {newest}. "
            "Run the newer one; nothing was changed."
        )
    if version is None:
        METADATA.create_all(connection)
        pending = [newest]
    else:
        pending = [number for number in sorted(MIGRATIONS) if number > version]
        if pending:
            _run(connection, pending)
    if pending:
        connection.execute(insert(SCHEMA_VERSION), [{"version": one, "applied_at": utc_now()} for one in pending])


def _run(connection: Connection, pending: list[int]) -> None:
    """Imports Alembic, for a ledger that is older; the hour of any other does without."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    operations = Operations(MigrationContext.configure(connection))
    for number in pending:
        MIGRATIONS[number](operations)


def _version(connection: Connection) -> int | None:
    """The schema of the ledger; None where there is none yet. The first schema did not say its number."""
    tables = inspect(connection)
    if tables.has_table(SCHEMA_VERSION.name):
        return connection.execute(select(func.max(SCHEMA_VERSION.c.version))).scalar_one()
    return 1 if tables.has_table("contact") else None


def _several_runners(to: "Operations") -> None:
    """1 -> 2: all nine states, leases, attempts and replies, message versions, suppression."""
    to.create_table(
        "schema_version",
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("applied_at", DateTime, nullable=False),
    )
    _new_tables(to)
    delivery = light_table("delivery", *(column(name) for name in ("delivery_id", "email", "email_key", "state")))
    _new_columns(to)
    connection = to.get_bind()
    for identity, email in connection.execute(select(delivery.c.delivery_id, delivery.c.email)).all():
        if email:
            key = update(delivery).where(delivery.c.delivery_id == identity).values(email_key=address_key(email))
            connection.execute(key)
    connection.execute(update(delivery).where(delivery.c.state == "claimed").values(state="pending"))
    with to.batch_alter_table("delivery") as table:
        states = ("pending", "claimed", "sending", "sent", "failed", "in_doubt", "suppressed", "skipped", "expired")
        table.create_check_constraint("delivery_state", column("state").in_(states))
    to.create_index("delivery_by_state", "delivery", ["state", "claimed_at", "delivery_id"])
    to.alter_column("delivery_log", "run_id", new_column_name="actor")


def _new_tables(to: "Operations") -> None:
    to.create_table(
        "message_version", Column("version", String, primary_key=True), Column("content", JSON, nullable=False)
    )
    to.create_table(
        "runner",
        Column("run_id", String, primary_key=True),
        Column("place", String, nullable=False),
        Column("lease_until", DateTime, nullable=False),
    )
    to.create_table(
        "suppression",
        Column("email_key", String, primary_key=True),
        Column("scope", String, primary_key=True),
        Column("reason", String, nullable=False),
        Column("source", String, nullable=False),
        Column("at", DateTime, nullable=False),
    )


def _new_columns(to: "Operations") -> None:
    with to.batch_alter_table("delivery") as table:
        table.add_column(Column("email_key", String))
        table.add_column(
            Column("template_version", String, ForeignKey("message_version.version", name="delivery_template_version"))
        )
        table.add_column(Column("holder", String))
        table.add_column(Column("fence", Integer, nullable=False, server_default="0"))
        table.add_column(Column("sending_at", DateTime))
        table.add_column(Column("attempt", Integer, nullable=False, server_default="0"))
        for name in ("refused_at", "not_before"):
            table.add_column(Column(name, DateTime))
        for name, kind in (
            ("phase", String),
            ("reply_code", Integer),
            ("reply_status", String),
            ("reply_text", String),
        ):
            table.add_column(Column(name, kind))


def _hours_that_were_run(to: "Operations") -> None:
    """2 -> 3: which hours have been run, and for which workflows they are over."""
    to.create_table(
        "run",
        Column("entry", Integer, primary_key=True),
        Column("run_id", String, nullable=False, unique=True),
        Column("as_of", DateTime, nullable=False),
        Column("programs", JSON),
    )
    to.create_index("run_by_hour", "run", ["as_of"])
    with to.batch_alter_table("workflow_run") as table:
        table.add_column(Column("is_settled", Boolean, nullable=False, server_default=false()))
    to.create_index("workflow_run_by_workflow", "workflow_run", ["workflow_id", "as_of"])
    connection = to.get_bind()
    rows = light_table("workflow_run", *(column(name) for name in ("run_id", "as_of", "status", "is_settled")))
    over = rows.c.status.in_(["done", "over_limit"])
    connection.execute(update(rows).where(over).values(is_settled=True))
    runs = light_table("run", column("run_id"), column("as_of"))
    known = select(rows.c.run_id, rows.c.as_of).distinct().order_by(rows.c.as_of, rows.c.run_id)
    connection.execute(insert(runs).from_select(["run_id", "as_of"], known))


MIGRATIONS: Mapping[int, Callable[["Operations"], None]] = MappingProxyType(
    {2: _several_runners, 3: _hours_that_were_run}
)
"""Schema to the step that leads to it from the one before."""
