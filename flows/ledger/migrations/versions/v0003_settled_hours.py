"""Schema 3: the hours that were evaluated, and the workflows for which each is settled."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add table `run` and column `is_settled`, both filled from the rows per workflow."""
    op.create_table(
        "run",
        sa.Column("entry", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String, nullable=False, unique=True),
        sa.Column("as_of", sa.DateTime, nullable=False),
        sa.Column("programs", sa.JSON),
    )
    op.create_index("run_by_hour", "run", ["as_of"])
    with op.batch_alter_table("workflow_run") as table:
        table.add_column(sa.Column("is_settled", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("workflow_run_by_workflow", "workflow_run", ["workflow_id", "as_of"])
    rows = sa.table("workflow_run", *(sa.column(name) for name in ("run_id", "as_of", "status", "is_settled")))
    op.execute(sa.update(rows).where(rows.c.status.in_(["done", "over_limit"])).values(is_settled=sa.true()))
    runs = sa.table("run", sa.column("run_id"), sa.column("as_of"))
    known = sa.select(rows.c.run_id, rows.c.as_of).distinct().order_by(rows.c.as_of, rows.c.run_id)
    op.execute(sa.insert(runs).from_select(["run_id", "as_of"], known))
