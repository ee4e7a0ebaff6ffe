"""Contacts of which no email could be rendered are claimed again; every other contact stays as it is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flows.ledger.delivery import RENDERING, Delivery, SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.ledger.resolution import settle_by_person
from support.ledgers import delivery, ledger_location, opened

UNRENDERED = SendResult("failed", "contact.first_name is missing", smtp_stage=RENDERING)
REFUSED = SendResult("failed", "550 no such user", smtp_stage="RCPT TO", code=550)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger on each engine."""
    with opened(ledger_location(request.param, tmp_path)) as one:
        yield one


def attempt(ledger: Ledger, results: dict[str, SendResult]) -> None:
    """Record a result for each address of the pending deliveries."""
    for one in ledger.lease("r", ["w"], 10, utc_now()):
        result = results[one.email or ""]
        if result.smtp_stage != RENDERING:
            ledger.mark_sending(one)
        ledger.record_result(one, "leased" if result.smtp_stage == RENDERING else "sending", result)


def claimed(ledger: Ledger, *new: Delivery) -> list[tuple[str, str]]:
    """Claim deliveries for another run, and return the partner and address of those that were claimed."""
    return [(one.partner_id, one.email or "") for one in ledger.claim(new, {})]


def test_contact_is_claimed_again_when_no_email_was_rendered(ledger: Ledger):
    """The new delivery takes the place of the old one, with the address and run of now; a refused one stays."""
    ledger.claim([delivery("p"), delivery("q", "q@x.example"), delivery("s", "s@x.example")], {})
    attempt(ledger, {"a@x.example": UNRENDERED, "q@x.example": REFUSED, "s@x.example": UNRENDERED})
    new = [replace(delivery(*who), run_id="next") for who in (("p", "b@x.example"), ("q", "c@x.example"))]
    assert claimed(ledger, *new) == [("p", "b@x.example")]
    assert claimed(ledger, *new) == []
    found = sorted((one.partner_id, one.email, one.state, one.run_id) for one in deliveries(ledger))
    assert found == [
        ("p", "b@x.example", "pending", "next"),
        ("q", "q@x.example", "failed", "r"),
        ("s", "s@x.example", "failed", "r"),
    ]


def test_contact_is_not_claimed_again_when_one_of_its_emails_left(ledger: Ledger):
    """A partner of whom one contact was written to is not written to again."""
    ledger.claim([delivery("p"), delivery("p", "b@x.example")], {})
    attempt(ledger, {"a@x.example": UNRENDERED, "b@x.example": SendResult("sent")})
    assert claimed(ledger, delivery("p", "c@x.example")) == []


def test_contact_is_not_claimed_again_when_a_later_attempt_was_made(ledger: Ledger):
    """A person retries it, the attempt ends in doubt, and an event says that it failed: bytes have left by then."""
    ledger.claim([delivery("p")], {})
    attempt(ledger, {"a@x.example": UNRENDERED})
    settle_by_person(ledger, "w-p", "pending", "The name is there now", "ann")
    (one,) = ledger.lease("r", ["w"], 1, utc_now())
    ledger.mark_sending(one)
    ledger.reclaim_expired("next", utc_now())
    settle_by_person(ledger, "w-p", "failed", "It bounced", "ann")
    assert claimed(ledger, delivery("p", "c@x.example")) == []
