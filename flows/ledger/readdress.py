"""Deliveries that no attempt has been made for go to the address that the partner has now.

They were left by a run that ended early, or a person has made them pending again, often because the address was wrong.
"""

from collections import defaultdict
from typing import Any

from sqlalchemy import select, update
from sqlglot import exp

from compiler.sql.dialect import constant, literal
from flows.addresses import address_key
from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.schema import DELIVERY
from flows.ledger.transitions import log_row, write_log
from flows.warehouse.connection import Connection, has_table
from flows.warehouse.raw_tables import batched

WHY = "The partner has another address now."

Address = tuple[str, str | None, str | None, bool]
"""Address, first and last name, and whether the partner is to be written to at it."""


def readdress(ledger: Ledger, connection: Connection, run_id: str) -> int:
    """Give pending emails without an attempt the partner's address as of the last build, and return how many changed.

    An email keeps an address that its partner still has. Otherwise it takes the partner's primary one, with the
    contact's names, unless that has unsubscribed or has an email of its own.
    """
    waiting = _waiting(ledger)
    if not waiting or not has_table(connection, "intermediate", "int_partner_addresses"):
        return 0
    known, changed = _addresses(connection, waiting), 0
    taken = {(one.workflow_id, one.program_id, one.partner_id, one.email_key) for one in waiting}
    for one in waiting:
        theirs = known[one.program_id, one.partner_id]
        primary = next((address for address in theirs if address[3]), None)
        if primary is None or one.email_key in [address[0] for address in theirs]:
            continue
        if (one.workflow_id, one.program_id, one.partner_id, primary[0]) not in taken:
            changed += _change(ledger, one, primary, run_id)
    return changed


def _waiting(ledger: Ledger) -> list[Delivery]:
    column = DELIVERY.c
    query = select(DELIVERY).where(
        column.state == "pending", column.action == "email", column.attempts == 0, column.next_attempt_at.is_(None)
    )
    with ledger.store.reading() as connection:
        return [Delivery(**row._mapping) for row in connection.execute(query)]


def _addresses(connection: Connection, waiting: list[Delivery]) -> dict[tuple[str, str], list[Address]]:
    query = constant("""
        SELECT program_id, partner_id, email, first_name, last_name, is_primary AND NOT is_unsubscribed
        FROM intermediate.int_partner_addresses""")
    assert isinstance(query, exp.Select)
    found: dict[tuple[str, str], list[Address]] = defaultdict(list)
    for partners in batched({one.partner_id for one in waiting}):
        theirs = query.where(exp.column("partner_id").isin(*map(literal, partners)))
        for program_id, partner_id, *address in connection.execute(theirs).fetchall():
            found[program_id, partner_id].append((address[0], address[1], address[2], address[3]))
    return found


def _change(ledger: Ledger, one: Delivery, address: Address, run_id: str) -> bool:
    """Change the address of a delivery, unless another worker has taken it in the meantime; return whether it did."""
    email, first_name, last_name, _ = address
    context: dict[str, Any] = one.context | {"contact": {"first_name": first_name, "last_name": last_name}}
    move = update(DELIVERY).where(DELIVERY.c.delivery_id == one.delivery_id, DELIVERY.c.state == "pending")
    move = move.where(DELIVERY.c.fencing_token == one.fencing_token)
    with ledger.store.writing() as connection:
        values = {"email": email, "email_key": address_key(email), "context": context}
        changed = connection.execute(move.values(values)).rowcount == 1
        if changed:
            write_log(connection, [log_row(one, "pending", "pending", run_id, WHY)])
    return changed
