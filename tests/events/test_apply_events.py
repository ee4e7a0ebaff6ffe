"""Suppressions of the ledger that come from events. The transition to `sending` checks them."""

from contextlib import closing
from pathlib import Path

from flows.events.apply_events import apply_email_events
from flows.ledger.ledger import Ledger
from flows.ledger.suppressions import suppress, suppressions
from support.warehouses import empty_warehouse

MARTS = (
    "CREATE SCHEMA marts",
    """CREATE TABLE marts.fct_email_deliveries (
        delivery_id VARCHAR, state VARCHAR, inferred_state VARCHAR, reason VARCHAR)""",
    "CREATE TABLE marts.suppressions (email VARCHAR, scope VARCHAR, reason VARCHAR)",
    """INSERT INTO marts.suppressions VALUES
        ('ann@bücher.example', 'all', 'hard bounce'), ('bo@x.example', 'all', 'complaint')""",
)


def test_event_suppressions_follow_marts_and_leave_others(tmp_path: Path):
    """A reactivated address is unsuppressed, a person's suppression stays, and repeating changes nothing."""
    with closing(Ledger(tmp_path / "ledger.db")) as ledger, empty_warehouse(tmp_path) as warehouse:
        suppress(ledger, ["cy@x.example"], "asked by telephone", "person:me")
        assert apply_email_events(warehouse, ledger) == 0
        for statement in MARTS:
            warehouse.execute(statement)
        assert apply_email_events(warehouse, ledger) == 2
        assert apply_email_events(warehouse, ledger) == 0
        assert {one.email_key: one.reason for one in suppressions(ledger)} == {
            "ann@xn--bcher-kva.example": "hard bounce",
            "bo@x.example": "complaint",
            "cy@x.example": "asked by telephone",
        }
        warehouse.execute("DELETE FROM marts.suppressions WHERE email LIKE 'ann%'")
        assert apply_email_events(warehouse, ledger) == 1
        assert [one.email_key for one in suppressions(ledger)] == ["bo@x.example", "cy@x.example"]
