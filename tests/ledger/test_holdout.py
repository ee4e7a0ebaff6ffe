"""Holdouts: the arm of a partner follows from the key and its ids alone, and never changes once it has a row."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler import PartnerflowError
from flows.ledger.delivery import RENDERING, Delivery, SendResult, utc_now
from flows.ledger.holdout import holdout_number, is_held_out
from flows.ledger.ledger import Ledger
from flows.ledger.queries import contacted_partners, deliveries
from flows.ledger.resolution import settle_by_person
from support.ledgers import delivery, ledger_location, opened, states

IDS = st.text(min_size=1, max_size=20)
PARTNERS = [f"{number}" for number in range(20_000)]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """The place of a new ledger."""
    return ledger_location(request.param, tmp_path)


@pytest.fixture
def ledger(place: Path | str) -> Iterator[Ledger]:
    """An empty ledger on each database."""
    with opened(place) as one:
        yield one


def held_out(partner: str, percent: int = 10) -> Delivery:
    """Return the delivery of a partner that is held out."""
    return replace(delivery(partner), state="held_out", reason="In the holdout.", holdout_percent=percent)


@given(st.binary(min_size=1), IDS, IDS, IDS, st.integers(1, 99), st.integers(1, 99))
def test_arm_follows_from_key_and_ids_and_grows_with_the_percentage(
    key: bytes, workflow: str, program: str, partner: str, some: int, more: int
):
    """The number is from 0 to below 1 and always the same. Who is held out with some percent is so with more."""
    number = holdout_number(key, workflow, program, partner)
    assert 0 <= number < 1
    assert number == holdout_number(key, workflow, program, partner)
    less, most = sorted((some, more))
    assert not is_held_out(key, less, workflow, program, partner) or is_held_out(key, most, workflow, program, partner)


@given(st.lists(IDS, min_size=3, max_size=3, unique=True))
def test_number_differs_where_ids_are_divided_differently(ids: list[str]):
    """Partner 12 of program 3 and partner 2 of program 31 have numbers of their own, and so has another workflow."""
    workflow, program, partner = ids
    numbers = {
        holdout_number(b"key", *other)
        for other in ((workflow, program, partner), (workflow + program, partner, ""), (program, workflow, partner))
    }
    assert len(numbers) == 3


def test_arms_of_workflows_programs_and_keys_are_independent():
    """Of 20,000 partners each holds out its share, and two together the product of both; five standard errors wide."""
    choices = list(product((b"key", b"another key"), ("welcome", "news"), ("1", "2")))
    arms = [
        {one for one in PARTNERS if is_held_out(key, 20, workflow, program, one)} for key, workflow, program in choices
    ]
    for number, arm in enumerate(arms):
        assert abs(len(arm) - 4_000) < 5 * (20_000 * 0.2 * 0.8) ** 0.5
        for other in arms[:number]:
            assert abs(len(arm & other) - 800) < 5 * (20_000 * 0.04 * 0.96) ** 0.5


def test_key_of_the_ledger_is_kept_and_differs_from_that_of_another(tmp_path: Path):
    """So the arms are the same after a restart, and those of one account say nothing about another's."""
    with opened(tmp_path / "one.db") as one, opened(tmp_path / "other.db") as other:
        key = one.holdout_key
        assert len(key) == 32
        assert key not in (one.message_key, other.holdout_key)
    with opened(tmp_path / "one.db") as again:
        assert again.holdout_key == key


def test_partner_held_out_gets_no_email_and_is_not_claimed_again(ledger: Ledger):
    """It has a row like a contact. Nothing leases it, no person can release it, and it is not counted as contacted."""
    ledger.claim([held_out("out"), delivery("in", holdout_percent=10)], {})
    assert [one.partner_id for one in ledger.lease("r", ["w"], 9, utc_now())] == ["in"]
    assert ledger.claim([delivery("out", "new@x.example")], {}) == []
    with pytest.raises(PartnerflowError, match=r"is held_out\. A person cannot change this state."):
        settle_by_person(ledger, "w-out", "pending", "Please", "ann")
    ledger.reclaim_expired("next", utc_now())
    assert states(ledger)["out"] == "held_out"
    assert contacted_partners(ledger) == {"w": 1}
    assert [(one.partner_id, one.holdout_percent) for one in deliveries(ledger, ["held_out"])] == [("out", 10)]


def test_contact_that_is_claimed_again_is_not_held_out(ledger: Ledger):
    """Its email could not be rendered. It was not held out then, and is not now, whatever the percentage is."""
    ledger.claim([delivery("p", holdout_percent=1)], {})
    (one,) = ledger.lease("r", ["w"], 1, utc_now())
    ledger.record_result(one, "leased", SendResult("failed", "no name", smtp_stage=RENDERING))
    claimed = ledger.claim([held_out("p", percent=90)], {})
    assert [(one.state, one.reason) for one in claimed] == [("pending", None)]
    assert states(ledger) == {"p": "pending"}
