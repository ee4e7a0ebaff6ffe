"""A build reads the payloads that the former one has not read, and its events are those of a full build."""

import json
import sqlite3

import pytest

from flows.definitions.loader import read_definitions
from flows.events.ingestion import load_events
from flows.events.landing import write_payload
from flows.settings import Settings
from flows.transform.build import build
from flows.warehouse.connection import open_warehouse
from support.provider_payloads import mailgun, postmark, sendgrid, sendgrid_event, ses
from support.states import HOUR

EVENTS = "SELECT * FROM intermediate.int_email_events ORDER BY event_id"
SUMMARY = "SELECT * FROM marts.email_event_ingestion_summary ORDER BY provider"


def rows(settings: Settings, *queries: str) -> list[list[tuple]]:
    """Return the rows of queries of the warehouse."""
    with open_warehouse(settings.warehouse) as connection:
        return [connection.execute(query).fetchall() for query in queries]


def built(settings: Settings, full_refresh: bool = False) -> list[list[tuple]]:
    """Load what has landed, build, and return the events and their summary."""
    with open_warehouse(settings.warehouse) as connection:
        load_events(connection, settings.landing)
    assert build(settings, read_definitions(settings), full_refresh=full_refresh).held == {}
    return rows(settings, EVENTS, SUMMARY)


@pytest.mark.long
def test_payload_is_read_once_and_events_equal_a_full_build(copied: Settings):
    """Repeated events, an unsubscribe that is undone, a payload that nobody can read and a deleted one count."""
    with sqlite3.connect(copied.ledger) as ledger:
        first, second, third = ledger.execute("SELECT delivery_id, email FROM delivery WHERE email <> '' LIMIT 3")
    clicked = mailgun(*first, "clicked")
    write_payload(copied.landing, "mailgun", clicked)
    write_payload(copied.landing, "ses", ses(*second, "Bounce"))
    asked = {"event": "unsubscribed", "scope": "all", "request_id": "r", "delivery_id": third[0]}
    write_payload(copied.landing, "partnerflow", json.dumps(asked))
    unreadable = ["bad", "ses", HOUR.replace(tzinfo=None), "no JSON", HOUR.replace(tzinfo=None)]
    with open_warehouse(copied.warehouse) as connection:
        load_events(connection, copied.landing)
        connection.execute("INSERT INTO raw.email_events VALUES (?, ?, ?, ?, ?)", unreadable)
    before, _ = built(copied)
    assert len(before) == 3
    (unread,) = rows(copied, "SELECT provider FROM staging.stg_email_payloads WHERE payload IS NULL")
    assert unread == [("ses",)]

    write_payload(copied.landing, "mailgun", clicked + " ")
    write_payload(copied.landing, "postmark", postmark(*first, "Open"))
    write_payload(copied.landing, "sendgrid", sendgrid([sendgrid_event(*second, "open")] * 2))
    write_payload(copied.landing, "partnerflow", json.dumps(asked | {"event": "undone"}))
    with open_warehouse(copied.warehouse) as connection:
        connection.execute("DELETE FROM raw.email_events WHERE payload LIKE '%Bounce%'")
    found = built(copied)
    (read,) = rows(copied, "SELECT provider FROM staging.stg_email_payloads WHERE payload IS NOT NULL ORDER BY 1")
    assert [provider for (provider,) in read] == ["mailgun", "partnerflow", "partnerflow", "postmark", "sendgrid"]
    assert len(found[0]) == 5
    assert [row[2] for row in found[1] if row[0] == "ses"] == [1]
    assert found == built(copied, full_refresh=True)
