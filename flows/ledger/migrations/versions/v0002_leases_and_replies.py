"""Schema 2: all nine states, leases, attempts and replies, message versions, suppressions."""

import sqlalchemy as sa
from alembic import op

from flows.addresses import address_key

revision = "0002"
down_revision = "0001"

STATES = ("pending", "leased", "sending", "sent", "failed", "in_doubt", "suppressed", "skipped", "expired")


def upgrade() -> None:
    """Add the tables and columns, and make deliveries that were claimed and not started pending."""
    _create_tables()
    _add_columns()
    _fill_email_keys()
    delivery = sa.table("delivery", sa.column("state"))
    op.execute(sa.update(delivery).where(delivery.c.state == "claimed").values(state="pending"))
    with op.batch_alter_table("delivery") as table:
        table.create_check_constraint("delivery_state", sa.column("state").in_(STATES))
    op.create_index("delivery_by_state", "delivery", ["state", "claimed_at", "delivery_id"])
    op.alter_column("delivery_log", "run_id", new_column_name="actor")


def _create_tables() -> None:
    op.create_table(
        "message_version",
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("content", sa.JSON, nullable=False),
    )
    op.create_table(
        "runner",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("lease_until", sa.DateTime, nullable=False),
    )
    op.create_table(
        "suppression",
        sa.Column("email_key", sa.String, primary_key=True),
        sa.Column("scope", sa.String, primary_key=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )


def _add_columns() -> None:
    version = sa.ForeignKey("message_version.version", name="delivery_template_version")
    with op.batch_alter_table("delivery") as table:
        table.add_column(sa.Column("email_key", sa.String))
        table.add_column(sa.Column("template_version", sa.String, version))
        table.add_column(sa.Column("holder", sa.String))
        table.add_column(sa.Column("fence", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("sending_at", sa.DateTime))
        table.add_column(sa.Column("attempt", sa.Integer, nullable=False, server_default="0"))
        table.add_column(sa.Column("refused_at", sa.DateTime))
        table.add_column(sa.Column("not_before", sa.DateTime))
        table.add_column(sa.Column("phase", sa.String))
        table.add_column(sa.Column("reply_code", sa.Integer))
        table.add_column(sa.Column("reply_status", sa.String))
        table.add_column(sa.Column("reply_text", sa.String))


def _fill_email_keys() -> None:
    delivery = sa.table("delivery", *(sa.column(name) for name in ("delivery_id", "email", "email_key")))
    connection = op.get_bind()
    rows = connection.execute(sa.select(delivery.c.delivery_id, delivery.c.email).where(delivery.c.email.is_not(None)))
    for identity, email in rows.all():
        key = sa.update(delivery).where(delivery.c.delivery_id == identity).values(email_key=address_key(email))
        connection.execute(key)
