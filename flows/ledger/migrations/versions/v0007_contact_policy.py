"""Schema 7: an email can wait for the contact policy, and end as disqualified; indexes for what its caps count."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

STATES = (
    "pending", "leased", "sending", "sent", "failed", "in_doubt", "suppressed", "skipped", "expired", "disqualified",
)  # fmt: skip


def upgrade() -> None:
    """Add the column, the state and the indexes."""
    with op.batch_alter_table("delivery") as table:
        table.drop_constraint("delivery_state", type_="check")
        table.add_column(sa.Column("not_before", sa.DateTime))
        table.create_check_constraint("delivery_state", sa.column("state").in_(STATES))
    op.create_index("delivery_by_partner", "delivery", ["program_id", "partner_id"])
    op.create_index("delivery_by_address", "delivery", ["email_key"])
