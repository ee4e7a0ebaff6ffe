"""Schema 9: the ledger remembers which notices were sent to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the table; no notice has been sent yet."""
    op.create_table(
        "notice",
        *(sa.Column(name, sa.String, primary_key=True) for name in ("receiver", "kind", "subject")),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("error", sa.String),
    )
