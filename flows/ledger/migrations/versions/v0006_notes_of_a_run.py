"""Schema 6: a run keeps its notes, such as the number of rows that are set aside."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; runs recorded before have none."""
    op.add_column("run", sa.Column("notes", sa.String))
