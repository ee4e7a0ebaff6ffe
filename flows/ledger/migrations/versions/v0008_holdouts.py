"""Schema 8: the emails of partners in a holdout are `held_out`, and runs count these partners."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

STATES = (
    "pending", "leased", "sending", "sent", "failed", "in_doubt", "suppressed", "skipped", "expired", "disqualified",
    "held_out",
)  # fmt: skip


def upgrade() -> None:
    """Add the columns and the state; what was claimed before had no holdout."""
    with op.batch_alter_table("delivery") as table:
        table.drop_constraint("delivery_state", type_="check")
        table.add_column(sa.Column("holdout_percent", sa.Integer))
        table.create_check_constraint("delivery_state", sa.column("state").in_(STATES))
    op.add_column("workflow_run", sa.Column("held_out", sa.Integer, nullable=False, server_default="0"))
