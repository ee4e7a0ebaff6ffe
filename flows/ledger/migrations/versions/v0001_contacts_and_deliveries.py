"""Schema 1: contacts, deliveries and their log, settings, runs per workflow."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of the first schema."""
    op.create_table(
        "setting", sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.String, nullable=False)
    )
    contact = ("workflow_id", "program_id", "partner_id")
    op.create_table(
        "contact",
        *(sa.Column(name, sa.String, primary_key=True) for name in contact),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("as_of", sa.DateTime, nullable=False),
        sa.Column("claimed_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in contact),
        sa.Column("email", sa.String),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("message_id", sa.String, nullable=False, unique=True),
        sa.Column("context", sa.JSON, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("as_of", sa.DateTime, nullable=False),
        sa.Column("claimed_at", sa.DateTime, nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("reason", sa.String),
        sa.ForeignKeyConstraint(contact, [f"contact.{name}" for name in contact]),
    )
    op.create_table(
        "delivery_log",
        sa.Column("entry", sa.Integer, primary_key=True),
        sa.Column("delivery_id", sa.String, nullable=False),
        sa.Column("from_state", sa.String),
        sa.Column("to_state", sa.String, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.String),
    )
    op.create_table(
        "workflow_run",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("workflow_id", sa.String, primary_key=True),
        sa.Column("as_of", sa.DateTime, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in (
                "members", "addresses", "already_contacted", "suppressed", "no_address", "recipients", "sent", "failed",
                "in_doubt",
            )
        ),
        sa.Column("detail", sa.String),
    )  # fmt: skip
