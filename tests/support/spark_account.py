"""What happens to the example account between two hours: providers report events, and a loader changes rows."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from compiler import CONTACT_POLICY
from flows.events.landing import RawPayload
from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.settings import Settings
from support.example_workflows import copy_workflows
from support.provider_payloads import mailgun, postmark, sendgrid, sendgrid_event, ses
from support.states import HOUR

LANDED = (HOUR + timedelta(hours=1)).replace(tzinfo=None)


IN_TOKYO = (
    "ALTER TABLE raw.partners ADD COLUMN time_zone VARCHAR(40)",
    "UPDATE raw.partners SET time_zone = 'Asia/Tokyo' WHERE program_id = '1000' AND partner_id < '21005000'",
)
"""Statements that give partners a time zone of their own, in which it is night at HOUR."""

ADDED = {
    "few-clicks-14": "goal: Clicks greater than 0 within 14 days\nholdout: 40 %\n",
    "first-action-30": "goal: Actions greater than 0 within 3 days\n",
    "welcome": "send_window: weekdays 09:00-17:00 in the partner's time zone\n",
}
"""What is added to definitions of the example account."""

POLICY = "caps:\n  - at most 2 emails per partner per day\npriority: [welcome]\n"


def workflows_with_everything(folder: Path) -> Path:
    """Write the example workflows with goals, a holdout, a send window and caps to a new folder, and return it."""
    copy_workflows(folder)
    for name, lines in ADDED.items():
        with (folder / f"{name}.yml").open("a", encoding="utf-8") as file:
            file.write(lines)
    (folder / CONTACT_POLICY).write_text(POLICY, encoding="utf-8")
    return folder


def share_keys(source: Settings, target: Settings) -> None:
    """Give the new ledger of a state the keys of another one: the same deliveries have the same ids, and the same
    members are held out."""
    with closing(Ledger(source.ledger)) as ledger:
        keys = {"message_key": ledger.message_key.hex(), "holdout_key": ledger.holdout_key.hex()}
    Ledger(target.ledger).close()
    with closing(sqlite3.connect(target.ledger, isolation_level=None)) as ledger:
        ledger.executemany("UPDATE setting SET value = ? WHERE name = ?", [(key, name) for name, key in keys.items()])


def receive_events(settings: Settings) -> None:
    """Land events by every provider about the first emails, as the receiver does.

    Of the first three deliveries, whose results are in doubt, the events show that one was sent and that two failed.
    """
    with closing(Ledger(settings.ledger)) as ledger:
        sent = [one for one in deliveries(ledger) if one.email and one.state == "sent"]
    emails = sorted(sent, key=lambda one: (one.workflow_id, one.email))
    in_doubt = "UPDATE delivery SET state = 'in_doubt', sent_at = NULL WHERE delivery_id = ?"
    with closing(sqlite3.connect(settings.ledger, isolation_level=None)) as ledger:
        ledger.executemany(in_doubt, [(one.delivery_id,) for one in emails[:3]])
    records = [
        RawPayload(f"p{number}", provider, LANDED.isoformat(), payload)
        for number, (provider, payload) in enumerate(_payloads(emails))
    ]
    settings.landing.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(asdict(one)) + "\n" for one in records)
    (settings.landing / "20260320T190000.000000-0a1b.jsonl").write_text(lines)


def _payloads(found: Iterable[Delivery]) -> Iterator[tuple[str, str]]:
    """Yield payloads as providers send them, about the first emails, and some that nobody can read."""
    emails = iter([(one.delivery_id, one.email) for one in found])
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


NEW_MEMBERS = (
    "UPDATE raw.partner_clicks_daily SET clicks = 0 WHERE program_id = '1000'",
    "UPDATE raw.contracts SET starts_at = TIMESTAMP '2026-03-20 18:30:00' WHERE partner_id = '21004803'",
)
"""Statements that make new members."""

NEWCOMERS = {
    "late": "2026-03-18 15:00:00",  # joined two days ago; the row is late, so the run evaluates that day for it
    "missed": "2026-03-20 20:30:00",  # joined between two hours without a run
}
"""When the partners joined whom LOADED adds."""


def new_partner(name: str, joined: str) -> list[str]:
    """Return the statements that add a partner with an address and a contract, which starts at `joined` (UTC)."""
    statements = (
        """INSERT INTO raw.partners SELECT program_id, '{id}', 'New', 'en', _loaded_at, CAST(NULL AS VARCHAR(40))
           FROM raw.partners WHERE partner_id = '21005024'""",
        """INSERT INTO raw.partner_contacts SELECT program_id, '{id}', '{id}@partners.example', 'Ann', 'New', true,
           CAST(NULL AS TIMESTAMP), _loaded_at FROM raw.partners WHERE partner_id = '{id}'""",
        """INSERT INTO raw.contracts SELECT program_id, 'c-{id}', '{id}', 'Joined', template_term_id,
           template_term_name, TIMESTAMP '{at}', CAST(NULL AS TIMESTAMP), CAST(NULL AS VARCHAR(9)),
           TIMESTAMP '{at}', TIMESTAMP '{at}', _loaded_at
           FROM raw.contracts WHERE contract_id =
           (SELECT min(contract_id) FROM raw.contracts WHERE program_id = '1000' AND contract_stage = 'Joined')""",
    )  # fmt: skip
    return [statement.format(id=name, at=joined) for statement in statements]


LOADED = (
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
    # a partner in a group
    """INSERT INTO raw.partner_groups SELECT program_id, '501', '21005024', 'Gold Tier', _loaded_at
       FROM raw.partners WHERE partner_id = '21005024'""",
    # new partners
    *(statement for name, joined in NEWCOMERS.items() for statement in new_partner(name, joined)),
)  # fmt: skip
"""Statements that both engines understand; each of them changes rows."""

AFTER_THE_MOVE = new_partner("after-the-move", "2026-03-20 22:30:00")
"""Statements that make a new member at a later hour."""
