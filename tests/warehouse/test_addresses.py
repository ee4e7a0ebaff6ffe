"""raw.addresses: one canonical form of each loaded address."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.warehouse import addresses
from flows.warehouse.addresses import CONTRACT, update_addresses
from flows.warehouse.connection import Connection, transaction
from flows.warehouse.raw_tables import create_raw_table
from support.warehouses import empty_warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Connection]:
    """A warehouse with empty contacts."""
    with empty_warehouse(tmp_path) as connection:
        create_raw_table(connection, "partner_contacts")
        yield connection


def load(connection: Connection, *texts: str | None) -> None:
    """Replace the contacts by contacts with these addresses."""
    connection.execute("DELETE FROM raw.partner_contacts")
    for text in texts:
        connection.execute("INSERT INTO raw.partner_contacts (email) VALUES (?)", [text])


def updated(connection: Connection) -> dict[str, str | None]:
    """Update raw.addresses from the contacts, and return the canonical form of each text."""
    with transaction(connection):
        update_addresses(connection, CONTRACT)
    rows = connection.execute("SELECT loaded_email, email FROM raw.addresses").fetchall()
    assert len(rows) == len(dict(rows))
    return dict(rows)


def test_addresses_follow_the_loaded_texts(warehouse: Connection):
    """New texts are added, those that are no longer loaded removed; what cannot be an address has no form."""
    load(warehouse, "Ann@x.example\n", "ann@x.example", "ann@x.example", "[no address]", "", None)
    ann = {"Ann@x.example\n": "ann@x.example", "ann@x.example": "ann@x.example"}
    assert updated(warehouse) == ann | {"[no address]": None, "": None}
    load(warehouse, "\xa0Ann@BÜCHER.example", "ann@x.example")
    expected = {"\xa0Ann@BÜCHER.example": "ann@xn--bcher-kva.example", "ann@x.example": "ann@x.example"}
    assert updated(warehouse) == expected
    assert updated(warehouse) == expected


def test_only_new_texts_are_computed_until_the_rules_change(warehouse: Connection, monkeypatch: pytest.MonkeyPatch):
    """A text that is known is not computed again; with other rules, every text is."""
    load(warehouse, "a@x.example", "b@x.example")
    updated(warehouse)
    monkeypatch.setattr(addresses, "canonical_address", lambda text: f"computed {text}")
    load(warehouse, "a@x.example", "c@x.example")
    assert updated(warehouse) == {"a@x.example": "a@x.example", "c@x.example": "computed c@x.example"}
    monkeypatch.setattr(addresses, "rule_version", lambda: "others")
    assert updated(warehouse) == {"a@x.example": "computed a@x.example", "c@x.example": "computed c@x.example"}


def test_addresses_are_found_in_nested_columns(warehouse: Connection):
    """The text of JSON is read by its keys. Tables and columns that do not exist are skipped."""
    load(
        warehouse,
        '{"name": "n@x.example", "email_address": "A@x.example"}',
        '[{"email": "b@x.example"}, {"email": null}]',
    )
    with transaction(warehouse):
        update_addresses(warehouse, CONTRACT | {("raw", "none"): ["email"], ("raw", "addresses"): ["none"]})
    found = warehouse.execute("SELECT loaded_email, email FROM raw.addresses ORDER BY 1").fetchall()
    assert found == [("A@x.example", "a@x.example"), ("b@x.example", "b@x.example")]
