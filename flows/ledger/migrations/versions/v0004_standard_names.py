"""Schema 4: standard names for leases, attempts and deferrals; the state `claimed` becomes `leased`."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

STATES = ("pending", "leased", "sending", "sent", "failed", "in_doubt", "suppressed", "skipped", "expired")

DELIVERY_COLUMNS = {
    "holder": "leased_by",
    "fence": "fencing_token",
    "sending_at": "send_started_at",
    "attempt": "attempts",
    "refused_at": "first_deferred_at",
    "not_before": "next_attempt_at",
    "phase": "smtp_stage",
}
"""Former name to new name."""


def upgrade() -> None:
    """Rename tables, columns and the state, and drop the version table that Alembic's own replaces."""
    op.rename_table("runner", "worker_lease")
    op.alter_column("worker_lease", "place", new_column_name="host")
    op.alter_column("worker_lease", "lease_until", new_column_name="expires_at")
    op.alter_column("delivery_log", "entry", new_column_name="id")
    op.alter_column("run", "entry", new_column_name="id")
    for former, name in DELIVERY_COLUMNS.items():
        op.alter_column("delivery", former, new_column_name=name)
    _rename_state()
    op.drop_table("schema_version", if_exists=True)


def _rename_state() -> None:
    with op.batch_alter_table("delivery") as table:
        table.drop_constraint("delivery_state", type_="check")
    delivery = sa.table("delivery", sa.column("state"))
    log = sa.table("delivery_log", sa.column("from_state"), sa.column("to_state"))
    op.execute(sa.update(delivery).where(delivery.c.state == "claimed").values(state="leased"))
    # In schema 1 a delivery started as `claimed`, which schema 2 made `pending`.
    started = log.c.from_state.is_(None) & (log.c.to_state == "claimed")
    op.execute(sa.update(log).where(started).values(to_state="pending"))
    op.execute(sa.update(log).where(log.c.to_state == "claimed").values(to_state="leased"))
    op.execute(sa.update(log).where(log.c.from_state == "claimed").values(from_state="leased"))
    with op.batch_alter_table("delivery") as table:
        table.create_check_constraint("delivery_state", sa.column("state").in_(STATES))
