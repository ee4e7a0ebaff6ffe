"""The tables of the ledger. The migrations in migrations/versions/ lead to exactly these; a test compares them.

Times are UTC without a time zone.
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

SETTING = Table("setting", METADATA, Column("name", String, primary_key=True), Column("value", String, nullable=False))
"""One row per setting of this ledger, such as the key of its Message-IDs."""

CONTACT = Table(
    "contact",
    METADATA,
    Column("workflow_id", String, primary_key=True),
    Column("program_id", String, primary_key=True),
    Column("partner_id", String, primary_key=True),
    Column("contract_id", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("as_of", DateTime, nullable=False),
    Column("claimed_at", DateTime, nullable=False),
)
"""One row per workflow, program and partner, never deleted: its primary key keeps a workflow from contacting twice.

An application workflow has one per contract that it has accepted; in an email workflow `contract_id` is empty.
"""

MESSAGE_VERSION = Table(
    "message_version",
    METADATA,
    Column("version", String, primary_key=True),
    Column("content", JSON, nullable=False),
)
"""One row per version of a message. A delivery is sent with the version that it was claimed with."""

DELIVERY = Table(
    "delivery",
    METADATA,
    Column("delivery_id", String, primary_key=True),
    Column("workflow_id", String, nullable=False),
    Column("program_id", String, nullable=False),
    Column("partner_id", String, nullable=False),
    Column("contract_id", String, nullable=False),
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
    Column("leased_by", String),
    Column("fencing_token", Integer, nullable=False, server_default="0"),
    Column("send_started_at", DateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("first_deferred_at", DateTime),
    Column("next_attempt_at", DateTime),
    Column("smtp_stage", String),
    Column("reply_code", Integer),
    Column("reply_status", String),
    Column("reply_text", String),
    Column("not_before", DateTime),
    Column("holdout_percent", Integer),
    ForeignKeyConstraint(
        CONTACT.primary_key.columns.keys(), list(CONTACT.primary_key.columns), name="delivery_contact"
    ),
    CheckConstraint(column("state").in_(STATES), name="delivery_state"),
    Index("delivery_by_state", "state", "claimed_at", "delivery_id"),
    Index("delivery_by_partner", "program_id", "partner_id"),
    Index("delivery_by_address", "email_key"),
)
"""One row per contact and address, or per application to accept; the columns are those of `Delivery`."""

DELIVERY_LOG = Table(
    "delivery_log",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("delivery_id", String, nullable=False),
    Column("from_state", String),
    Column("to_state", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("reason", String),
)
"""One row per state transition, append-only. `actor` is a run's id, `person:…` or `event:…`."""

WORKER_LEASE = Table(
    "worker_lease",
    METADATA,
    Column("run_id", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("expires_at", DateTime, nullable=False),
)
"""One row per run that is sending. Without a row, or once it has expired, a run has lost what it had leased."""

SUPPRESSION = Table(
    "suppression",
    METADATA,
    Column("email_key", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("source", String, nullable=False),
    Column("at", DateTime, nullable=False),
)
"""One row per suppressed address and scope. The scope is `all`, `program:` and the id of a program, or the id of a
workflow: those that may not use the address. An id of a workflow has no colon. A scope after `lifted:` is one in which
events until `at` do not suppress the address.
"""

PROGRAM = "program:"
"""What the scope of one program begins with."""

NOTICE = Table(
    "notice",
    METADATA,
    Column("receiver", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("error", String),
)
"""One row per receiver of notices and condition, with the last state that it was notified of (`Notified`)."""

RUN = Table(
    "run",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run_id", String, nullable=False, unique=True),
    Column("as_of", DateTime, nullable=False),
    Column("programs", JSON(none_as_null=True)),
    Column("notes", String),
    Index("run_by_hour", "as_of"),
)
"""One row per evaluated hour, in the order in which they were recorded.

`programs` lists the programs for which every active workflow has a row in `workflow_run`: empty for an hour that was
caught up, null (all programs) for runs recorded before schema 3. `notes` has what concerns no single workflow, one note
per line; null if there is none.
"""

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
    Column("held_out", Integer, nullable=False, server_default="0"),
    Index("workflow_run_by_workflow", "workflow_id", "as_of"),
)  # fmt: skip
"""One row per run and workflow.

`is_settled`: nothing is left to do for the workflow at this hour, because its segment was claimed or was over the
limit. An hour at which it was held or broken is not settled and may be caught up.
"""
