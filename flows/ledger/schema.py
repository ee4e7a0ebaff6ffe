"""The tables of the ledger, as they are now; ledger_migrations.py brings an older ledger up to them.

Times are UTC without a zone.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    column,
    false,
)

from flows.ledger.delivery import STATES

METADATA = MetaData()

SCHEMA_VERSION = Table(
    "schema_version",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied_at", DateTime, nullable=False),
)

SETTING = Table("setting", METADATA, Column("name", String, primary_key=True), Column("value", String, nullable=False))

CONTACT = Table(
    "contact",
    METADATA,
    Column("workflow_id", String, primary_key=True),
    Column("program_id", String, primary_key=True),
    Column("partner_id", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("as_of", DateTime, nullable=False),
    Column("claimed_at", DateTime, nullable=False),
)
"""The promise: one row a workflow, program and partner, for ever."""

MESSAGE_VERSION = Table(
    "message_version",
    METADATA,
    Column("version", String, primary_key=True),
    Column("content", JSON, nullable=False),
)
"""The messages that deliveries were claimed with: what was decided is what is sent."""

DELIVERY = Table(
    "delivery",
    METADATA,
    Column("delivery_id", String, primary_key=True),
    Column("workflow_id", String, nullable=False),
    Column("program_id", String, nullable=False),
    Column("partner_id", String, nullable=False),
    Column("email", String),
    Column("action", String, nullable=False),
    Column("state", String, nullable=False),
    Column("message_id", String, nullable=False, unique=True),
    Column("context", JSON, nullable=False),
    Column("run_id", String, nullable=False),
    Column("as_of", DateTime, nullable=False),
    Column("claimed_at", DateTime, nullable=False),
    Column("sent_at", DateTime),
    Column("reason", String),
    Column("email_key", String),
    Column("template_version", String, ForeignKey("message_version.version", name="delivery_template_version")),
    Column("holder", String),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("sending_at", DateTime),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("refused_at", DateTime),
    Column("not_before", DateTime),
    Column("phase", String),
    Column("reply_code", Integer),
    Column("reply_status", String),
    Column("reply_text", String),
    ForeignKeyConstraint(
        ["workflow_id", "program_id", "partner_id"], ["contact.workflow_id", "contact.program_id", "contact.partner_id"]
    ),
    CheckConstraint(column("state").in_(STATES), name="delivery_state"),
    Index("delivery_by_state", "state", "claimed_at", "delivery_id"),
)

DELIVERY_LOG = Table(
    "delivery_log",
    METADATA,
    Column("entry", Integer, primary_key=True),
    Column("delivery_id", String, nullable=False),
    Column("from_state", String),
    Column("to_state", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("reason", String),
)
"""Every move, only ever added to. `actor` is a run, a person or an event."""

RUNNER = Table(
    "runner",
    METADATA,
    Column("run_id", String, primary_key=True),
    Column("place", String, nullable=False),
    Column("lease_until", DateTime, nullable=False),
)
"""Who is sending now. A run that is not here, or whose lease is over, has lost what it had leased."""

SUPPRESSION = Table(
    "suppression",
    METADATA,
    Column("email_key", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("source", String, nullable=False),
    Column("at", DateTime, nullable=False),
)
"""Addresses that are not written to: by any workflow (scope `all`), or by the one whose id is the scope."""

RUN = Table(
    "run",
    METADATA,
    Column("entry", Integer, primary_key=True),
    Column("run_id", String, nullable=False, unique=True),
    Column("as_of", DateTime, nullable=False),
    Column("programs", JSON(none_as_null=True)),
    Index("run_by_hour", "as_of"),
)
"""The hours that have been run, numbered as they were recorded. `programs` are the ids of those for which every active
workflow had a row: none for an hour that was caught up, null (all of them) for runs recorded before schema 3."""

WORKFLOW_RUN = Table(
    "workflow_run",
    METADATA,
    Column("run_id", String, primary_key=True),
    Column("workflow_id", String, primary_key=True),
    Column("as_of", DateTime, nullable=False),
    Column("status", String, nullable=False),
    *[
        Column(name, Integer, nullable=False)
        for name in (
            "members", "addresses", "already_contacted", "suppressed", "no_address", "recipients", "sent", "failed",
            "in_doubt",
        )
    ],
    Column("detail", String),
    Column("is_settled", Boolean, nullable=False, server_default=false()),
    Index("workflow_run_by_workflow", "workflow_id", "as_of"),
)  # fmt: skip
"""`is_settled`: the hour is over for the workflow. Whoever was in its segment is claimed, or it was over the limit; an
hour at which it was held or broken may be caught up."""
