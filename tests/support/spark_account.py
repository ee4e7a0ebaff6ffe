"""The example account after a run, with events of its emails by every provider; and changes that a loader makes."""

from collections.abc import Iterator
from datetime import timedelta

import pandas

from flows.pipeline.run import run_hour
from flows.settings import Settings
from flows.warehouse.connection import Connection, open_warehouse, transaction
from flows.warehouse.raw_tables import append_raw_rows, raw_columns, replace_raw_table
from support.provider_payloads import mailgun, postmark, sendgrid, sendgrid_event, ses
from support.states import HOUR, with_example

LANDED = (HOUR + timedelta(hours=1)).replace(tzinfo=None)


def fill_account(settings: Settings) -> None:
    """Fill the raw tables of a DuckDB warehouse, and say that its last build was valid."""
    assert run_hour(with_example(settings), HOUR).ok
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        payloads = pandas.DataFrame(list(_payloads(connection)), columns=["provider", "payload"], dtype=object)
        payloads = payloads.assign(
            event_id=[f"p{number}" for number in range(len(payloads))], received_at=LANDED, _loaded_at=LANDED
        )
        append_raw_rows(connection, "email_events", payloads[list(raw_columns("email_events"))])
        state = pandas.DataFrame([("project", "1", 0)], columns=list(raw_columns("build_state")))
        replace_raw_table(connection, "build_state", state)


def _payloads(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield payloads as providers send them, about the first emails, and some that nobody can read."""
    query = "SELECT delivery_id, email FROM raw.sent_emails WHERE email IS NOT NULL ORDER BY workflow_id, email"
    emails = iter(connection.execute(query).fetchall())
    for event in ("Bounce", "Complaint", "Delivery", "Open", "Click", "Send"):
        yield "ses", ses(*next(emails), event)
    for kind in ("Delivery", "Bounce", "Open", "Click", "SpamComplaint", "SubscriptionChange"):
        yield "postmark", postmark(*next(emails), kind)
    for event in ("delivered", "failed", "opened", "clicked", "complained"):
        yield "mailgun", mailgun(*next(emails), event)
    yield "mailgun", mailgun(*next(emails), "failed", severity="permanent", **{"delivery-status": {"code": 605}})
    events = ("processed", "delivered", "open", "bounce", "spamreport")
    yield "sendgrid", sendgrid([sendgrid_event(*next(emails), event) for event in events])
    delivery, email = next(emails)
    yield "sendgrid", sendgrid([sendgrid_event("", f"Ann <{email.upper()}>", "open") | {"smtp-id": f"<{delivery}@x>"}])
    delivery, email = next(emails)
    recipient = f'{{"email":"{email}","action":"failed","status":"5.1.1","diagnostic_code":"smtp; 550 5.1.1 O\'Hara"}}'
    yield "bounce", f'{{"kind":"bounce","delivery_id":"{delivery}","recipients":[{recipient}]}}'
    yield "bounce", f'{{"kind":"bounce","delivery_id":"{delivery}","recipients":[]}}'
    yield "partnerflow", f'{{"event":"unsubscribed","delivery_id":"{delivery}"}}'
    for text in ('{"torn":', '{"a":1} and more', "null", "", "no JSON"):
        yield "ses", text
    yield "unheard-of", '{"event":"?"}'


CHANGES = (
    # corrected, moved and deleted clicks; a partner that has no activity left
    "UPDATE raw.partner_clicks_daily SET clicks = clicks + 7 WHERE partner_id = '21005016'",
    "UPDATE raw.partner_clicks_daily SET click_date = DATE '2026-02-01' WHERE partner_id = '21004845'",
    "DELETE FROM raw.actions WHERE partner_id = '21006047'",
    # reversed, late and new actions, one of them of a partner that had none
    "UPDATE raw.actions SET state = 'REVERSED' WHERE partner_id = '21006054'",
    """INSERT INTO raw.actions SELECT program_id, 'late', partner_id, TIMESTAMP '2025-10-20 03:30:00', 'APPROVED',
       CAST(12345.67 AS DECIMAL(28, 8)), currency, updated_at, _loaded_at
       FROM raw.actions WHERE action_id = '1000.4636.158150'""",
    """INSERT INTO raw.actions SELECT program_id, 'new', '21005024', TIMESTAMP '2026-03-20 17:30:00', 'PENDING',
       CAST(0.00000001 AS DECIMAL(28, 8)), currency, updated_at, _loaded_at
       FROM raw.actions WHERE action_id = '1000.4636.158150'""",
    # contracts: one starts earlier, one expires, one is deleted
    "UPDATE raw.contracts SET starts_at = TIMESTAMP '2026-03-05 12:00:00' WHERE partner_id = '21005024'",
    """UPDATE raw.contracts SET contract_stage = 'Expired', ends_at = TIMESTAMP '2026-03-19 00:00:00',
       updated_at = TIMESTAMP '2026-03-19 00:00:00' WHERE partner_id = '21006088'""",
    "DELETE FROM raw.contracts WHERE partner_id = '21005420'",
    # a partner in a group, an email that has failed, a late event
    """INSERT INTO raw.partner_groups SELECT program_id, '501', '21005024', 'Gold Tier', _loaded_at
       FROM raw.partners WHERE partner_id = '21005024'""",
    "UPDATE raw.sent_emails SET state = 'failed', failed_before_sending = true WHERE workflow_id = 'prospect-invite'",
    """INSERT INTO raw.email_events SELECT 'late', 'postmark', TIMESTAMP '2026-03-21 12:00:00',
       '{"RecordType":"Bounce","ID":77,"Type":"HardBounce","Email":"' || email
       || '","Metadata":{"delivery_id":"' || delivery_id || '"}}', as_of
       FROM raw.sent_emails WHERE workflow_id = 'prospect-follow-up-7' AND partner_id = '33002005'""",
    "UPDATE raw.evaluations SET as_of = TIMESTAMP '2026-03-21 20:00:00', local_date = DATE '2026-03-21'",
)  # fmt: skip
"""Statements that both engines understand; each of them changes rows."""
