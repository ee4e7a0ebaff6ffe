"""Claims create deliveries: one per address, whatever its spelling, with the message of that moment."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.ledger.queries import deliveries, message_content
from flows.messages.loader import read_message
from flows.plan.plan import Application, Plan, Recipient
from flows.sending.claim import claim
from support.ledgers import opened

HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)


def recipient(partner: str, email: str) -> Recipient:
    """Return a recipient of workflow w."""
    names = {"workflow_name": "W", "program_name": "Program", "partner_name": f"Partner {partner}", "first_name": "Ann"}
    place = {"language": None, "timezone": "UTC", "last_name": None}
    return Recipient(workflow_id="w", program_id="1", partner_id=partner, email=email, **names, **place)


def message(folder: Path, body: str):
    """Return a message with this text."""
    folder.mkdir(exist_ok=True)
    (folder / "message.yml").write_text("subject: Hello\n")
    (folder / "body.txt").write_text(body)
    return read_message(folder)


def test_message_is_kept_as_it_was_at_claim(tmp_path: Path):
    """Each version is stored once; an application has none. Delivery ids are hashes that differ between ledgers."""
    before, after = message(tmp_path / "m", "Before"), message(tmp_path / "m", "After")
    application = Application("a", "1", "p", "C1")
    with opened(tmp_path / "ledger.db") as ledger, opened(tmp_path / "other.db") as other:
        claim(ledger, Plan(HOUR, (), (recipient("p", "p@x.example"),), (application,), {"w": before}), "r", "x.example")
        claim(ledger, Plan(HOUR, (), (recipient("q", "q@x.example"),), messages={"w": after}), "s", "x.example")
        claim(other, Plan(HOUR, (), (recipient("p", "p@x.example"),), messages={"w": before}), "r", "x.example")
        versions = {one.partner_id: one.template_version for one in deliveries(ledger) if one.email}
        assert message_content(ledger, versions["p"]) == before.content != after.content
        assert message_content(ledger, versions["q"]) == after.content
        assert [one.template_version for one in deliveries(ledger) if not one.email] == [None]
        ids = {one.delivery_id for store in (ledger, other) for one in deliveries(store) if one.email == "p@x.example"}
        assert len(ids) == 2
        assert {one.message_id == f"{one.delivery_id}@x.example" for one in deliveries(ledger)} == {True}


def test_claims_are_made_in_batches_of_whole_contacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """All addresses of a partner are claimed together, whatever the order of the recipients; a second claim is none."""
    monkeypatch.setattr("flows.sending.claim.BATCH_SIZE", 3)
    people = [recipient(partner, f"{name}@{partner}.example") for name in "ab" for partner in "pqr"]
    plan = Plan(HOUR, (), tuple(people), messages={"w": message(tmp_path / "m", "Hello")})
    with opened(tmp_path / "ledger.db") as ledger:
        sizes: list[int] = []
        original = ledger.claim
        monkeypatch.setattr(ledger, "claim", lambda some, kept: sizes.append(len(some)) or original(some, kept))
        assert claim(ledger, plan, "r", "x.example") == 6
        assert claim(ledger, plan, "s", "x.example") == 0
    assert sizes == [4, 2, 4, 2]
