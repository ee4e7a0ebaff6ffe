"""Schema 5: the contract of an application is part of the key of its contact; it is empty for an email."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

FORMER_KEY = ["workflow_id", "program_id", "partner_id"]
KEY = [*FORMER_KEY, "contract_id"]
FORMER_FOREIGN_KEY = "delivery_workflow_id_program_id_partner_id_fkey"
"""Its name in PostgreSQL; in SQLite it has none, and the naming convention gives it this one."""


def upgrade() -> None:
    """Add the column to both tables, and fill it from the contexts of the applications.

    An application that `restore` has re-imported from a former mirror has lost its contract: the column stays empty.
    """
    with op.batch_alter_table("delivery", naming_convention={"fk": FORMER_FOREIGN_KEY}) as table:
        table.drop_constraint(FORMER_FOREIGN_KEY, type_="foreignkey")
        table.add_column(sa.Column("contract_id", sa.String, nullable=False, server_default=""))
    _fill_contracts()
    _replace_contacts()
    with op.batch_alter_table("delivery") as table:
        table.alter_column("contract_id", existing_type=sa.String, existing_nullable=False, server_default=None)
        table.create_foreign_key("delivery_contact", "contact", KEY, KEY)


def _fill_contracts() -> None:
    delivery = sa.table("delivery", sa.column("action"), sa.column("context", sa.JSON), sa.column("contract_id"))
    contract = sa.func.coalesce(delivery.c.context["contract_id"].as_string(), "")
    op.execute(sa.update(delivery).where(delivery.c.action == "accept application").values(contract_id=contract))


def _replace_contacts() -> None:
    """Copy the contacts to a table with the new key: SQLite cannot change a primary key in place."""
    op.rename_table("contact", "former_contact")
    op.create_table(
        "contact",
        *(sa.Column(name, sa.String, primary_key=True) for name in KEY),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("as_of", sa.DateTime, nullable=False),
        sa.Column("claimed_at", sa.DateTime, nullable=False),
    )
    rest = ("run_id", "as_of", "claimed_at")
    former = sa.table("former_contact", *map(sa.column, (*FORMER_KEY, *rest)))
    delivery = sa.table("delivery", *map(sa.column, KEY))
    same = sa.and_(*(former.c[name] == delivery.c[name] for name in FORMER_KEY))
    key = (*(former.c[name] for name in FORMER_KEY), sa.func.coalesce(delivery.c.contract_id, ""))
    copied = sa.select(*key, *(former.c[name] for name in rest)).distinct()
    contact = sa.table("contact", *map(sa.column, (*KEY, *rest)))
    op.execute(sa.insert(contact).from_select([*KEY, *rest], copied.select_from(former.outerjoin(delivery, same))))
    op.drop_table("former_contact")
