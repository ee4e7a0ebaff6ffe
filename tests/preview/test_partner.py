"""`partner` answers the questions about one person: stages, segments, emails, why not, what next."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

import flows.preview.partner.look as look
from flows.definitions.loader import read_definitions
from flows.preview.partner.find import find_partners
from flows.preview.partner.look import look_at_partner
from flows.preview.partner.model import Partner
from flows.settings import Settings
from flows.warehouse.errors import Unavailable
from support.cli import partnerflow


def seen(settings: Settings, text: str) -> Partner:
    """Return the one partner that a text finds."""
    (found,) = find_partners(settings, text)
    return look_at_partner(settings, read_definitions(settings), found)


@pytest.mark.parametrize(
    "text", ["21005024", "Quiet Creek", " quiet  CREEK", "Quiet Cre", "M.Lead@quietcreek.example.org"]
)
def test_partner_is_found_by_id_name_or_address(example, text: str):
    """Letter case and blanks do not matter, and a part of the name is enough."""
    assert [one.partner_id for one in find_partners(example[0], text)] == ["21005024"]


@pytest.mark.parametrize(("text", "says"), [("zzz", "There is no partner 'zzz'"), ("e", "partners match 'e': ")])
def test_partner_that_is_not_found_once_is_an_error(example, text: str, says: str):
    """The error says what to give."""
    answer = partnerflow(example[0], "partner", text)
    assert (answer.code, answer.stdout, says in answer.stderr) == (1, "", True)


def test_partner_has_stages_emails_and_segments_with_reasons(example):
    """As of the last run, with the conditions that are not met and the next changes."""
    found = seen(example[0], "21005024")
    assert (found.relationship_stage, found.stages[-1].event) == ("Joined", "contract started")
    assert [one.email for one in found.addresses or () if one.is_primary] == ["m.lead@quietcreek.example.org"]
    (email,) = found.deliveries
    assert (email.workflow_id, email.state, email.is_opened) == ("few-clicks-14", "sent", None)
    workflows = {one.workflow_id: one for one in found.workflows}
    assert len(workflows) == 11  # those of program 1000
    assert (workflows["few-clicks-14"].member, workflows["few-clicks-14"].why_not) == (True, None)
    assert workflows["few-clicks-30"].unmet == ("Last Transition Date is 30 Days Ago (is 2026-03-06)",)
    assert workflows["few-clicks-30"].why_not == "not in the segment"
    (when, first), *_ = found.next_changes
    assert (first.workflow_id, first.then, when.isoformat()) == ("few-clicks-14", "leaves", "2026-03-21T04:00:00+00:00")


def test_partner_says_why_a_member_is_not_written_to(example):
    """One member has no address, one has unsubscribed."""
    reasons = {
        partner: next(one.why_not for one in seen(example[0], partner).workflows if one.workflow_id == "welcome")
        for partner in ("21004745", "21004761")
    }
    assert reasons == {
        "21004745": "it has no email address", "21004761": "every address is unsubscribed or suppressed",
    }  # fmt: skip


def test_partner_in_a_holdout_says_so_before_a_run_holds_it_out(example, monkeypatch: pytest.MonkeyPatch):
    """A new workflow holds out 10 %; the next run would write to its other members."""
    definitions = read_definitions(example[0])
    (known,) = [one for one in definitions.active if one.id == "few-clicks-14"]
    with_holdout = replace(definitions, workflows=(replace(known, id="new", holdout=10),))
    (partner,) = find_partners(example[0], "21005024")
    for number, reason in ((0.05, "it is in the holdout of 10 %"), (0.95, None)):
        monkeypatch.setattr("flows.ledger.holdout.holdout_number", lambda *_, number=number: number)
        (found,) = look_at_partner(example[0], with_holdout, partner).workflows
        assert (found.member, found.why_not) == (True, reason)


def test_partner_in_the_terminal_has_the_times_of_its_program(example):
    """JSON has the same in UTC."""
    text = partnerflow(example[0], "partner", "21005024").stdout
    assert text.startswith("Quiet Creek (21005024), Northwind Outdoor (1000)\nJoined as of 2026-03-20 14:00 EDT, ")
    assert "  2026-03-21 00:00 EDT  leaves few-clicks-14, if nothing else happens\n" in text
    assert "    not met: Last Transition Date is 30 Days Ago (is 2026-03-06)\n" in text
    (document,) = partnerflow(example[0], "partner", "21005024", "--json").json()["partners"]
    assert document["as_of"] == "2026-03-20T18:00:00Z"
    assert document["deliveries"][0]["is_opened"] is None


def test_partner_does_not_wait_for_a_run(example, monkeypatch: pytest.MonkeyPatch):
    """What only the warehouse knows is left out, and said."""

    @contextmanager
    def locked(*_: object, wait: bool) -> Iterator[None]:
        assert not wait
        raise Unavailable("Another process keeps it open.", is_locked=True)
        yield

    monkeypatch.setattr(look, "open_facts", locked)
    found = seen(example[0], "21005024")
    assert (found.addresses, len(found.deliveries), found.relationship_stage) == (None, 1, "Joined")
    assert {one.workflow_id for one in found.workflows if one.member} == {"few-clicks-14"}
    assert "A run is using the warehouse" in found.notes[0]
