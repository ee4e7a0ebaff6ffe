"""The most emails that one partner can get: reached by a witness when its hours are run, by the compiled SQL."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from compiler import ContactPolicy, Workflow, parse_cap
from compiler.language.send_window import parse_send_window
from flows.definitions.loader import Definitions, read_definitions
from flows.preview.bound import PERIODS, EmailBound, email_bounds
from flows.settings import CHECKOUT, Settings
from support.account import raw_rows
from support.bounds import emails_by_sql
from support.cli import partnerflow
from support.definitions import workflow
from support.simulations import COMPILER, simulate_rows

ON = date(2026, 3, 20)
JOINED = "Relationship Stage is any of Joined"
NO_POLICY = ContactPolicy()
FIRST = date(2026, 3, 1)
WEEKLY = ContactPolicy((parse_cap("at most 3 emails per address per 7 days"),))
HOURS = {one.name: one.hours for one in PERIODS}


@pytest.fixture(scope="module")
def example() -> Definitions:
    """The definitions of the example account."""
    return read_definitions(Settings(workflows=CHECKOUT / "workflows"))


def bounds(workflows: Sequence[Workflow], policy: ContactPolicy = NO_POLICY) -> dict[str, EmailBound]:
    """Return the bounds of workflows of one program, by period."""
    return {one.period: one for one in email_bounds(workflows, policy, COMPILER, ON)}


def numbers(workflows: Sequence[Workflow], policy: ContactPolicy = NO_POLICY) -> list[tuple[int, int]]:
    """Return the bound of each period, and the number that its witness reaches."""
    return [(one.at_most, one.reached) for one in bounds(workflows, policy).values()]


@pytest.mark.long
def test_bounds_of_the_example_are_reached_by_compiled_sql(example):
    """Without the contact policy: in an hour, 24 hours and 30 days, for both programs."""
    found = email_bounds(example.active, NO_POLICY, COMPILER, ON)
    assert {(one.program_id, one.period): (one.at_most, one.reached) for one in found} == {
        ("1000", "hour"): (7, 7), ("1000", "day"): (8, 8), ("1000", "30 days"): (10, 10),
        ("2000", "hour"): (2, 2), ("2000", "day"): (3, 3), ("2000", "30 days"): (4, 4),
    }  # fmt: skip
    for one in found:
        if one.period != "30 days":
            assert_reached_by_sql(one, example, NO_POLICY)


@pytest.mark.long
@pytest.mark.parametrize("number", range(4))
def test_bounds_for_30_days_are_reached_by_compiled_sql(example, number: int):
    """With the contact policy and without, for both programs."""
    policy = (NO_POLICY, example.policy)[number % 2]
    found = [one for one in email_bounds(example.active, policy, COMPILER, ON) if one.period == "30 days"]
    assert_reached_by_sql(found[number // 2], example, policy)


def assert_reached_by_sql(one: EmailBound, example: Definitions, policy: ContactPolicy) -> None:
    """Fail unless the witness gets its emails when the hours are run by the compiled SQL."""
    mine = [each for each in example.active if each.program == one.program_id]
    assert emails_by_sql(one, mine, policy, HOURS[one.period]) == one.reached


def test_bounds_with_the_policy_of_the_example_are_one_email_a_day(example):
    """Of 30 days, too, the bound is reached, though only one email leaves on a weekday: ten segments, entered apart."""
    found = email_bounds(example.active, example.policy, COMPILER, ON)
    assert [(one.at_most, one.reached) for one in found] == [(1, 1), (1, 1), (10, 10), (1, 1), (1, 1), (4, 4)]
    assert_reached_by_sql(found[1], example, example.policy)


@pytest.mark.long
@pytest.mark.parametrize("policy", ["none", "of the example", "3 in 7 days"])
def test_random_accounts_never_exceed_the_bounds(example, policy: str):
    """1,000 partners with random contracts, tags, clicks and actions, in every hour of 36 days, by the compiled SQL.

    Some do get many emails, so that this says something.
    """
    of_name = {"none": NO_POLICY, "of the example": example.policy, "3 in 7 days": WEEKLY}[policy]
    chance = Random(policy)
    rows = raw_rows({f"p{number}": random_history(chance) for number in range(1000)}, ZoneInfo("UTC"))
    found = simulate_rows(rows, example.active, FIRST, FIRST + timedelta(days=35), policy=of_name)
    at_most = {
        (one.program_id, one.period): one.at_most
        for one in email_bounds(example.active, of_name, COMPILER, FIRST, with_witness=False)
    }
    hours = defaultdict[tuple[str, str], list[datetime]](list)
    for one in found.sends:
        hours[one.program_id, one.partner_id] += [one.as_of] * one.emails
    most = {
        period.name: max(sum(start <= hour < start + timedelta(hours=period.hours) for hour in sent)
                         for sent in hours.values() for start in sent)
        for period in PERIODS
    }  # fmt: skip
    assert all(number <= at_most["1000", name] for name, number in most.items()), most
    assert most["30 days"] > 3


def random_history(chance: Random) -> dict[str, Any]:
    """Return the history of a partner of program 1000, for `raw_rows`: what it does in the 90 days before and later."""

    def at() -> datetime:
        return datetime.combine(FIRST, time()) + timedelta(hours=chance.randrange(-90 * 24, 36 * 24), minutes=30)

    starts = sorted(at() for _ in range(chance.randrange(1, 4)))
    contracts = [{"stage": "Joined", "from": f"{start}", "created": f"{start}", "id": f"c{number}-{chance.random()}"}
                 for number, start in enumerate(starts)]  # fmt: skip
    for one, following in pairwise(contracts):
        one["superseded by"] = following["id"]
    if chance.random() < 0.2:
        contracts[-1] |= {"stage": "Expired", "until": f"{starts[-1] + timedelta(days=chance.randrange(1, 20))}"}
    amounts = ("0.01", "500", "999", "1000", "9999", "10000")
    return {
        "contracts": contracts,
        "clicks": {f"{at():%Y-%m-%d}": chance.choice((1, 40, 99, 100)) for _ in range(chance.randrange(3))},
        "actions": [{"at": f"{at()}", "amount": chance.choice(amounts)} for _ in range(chance.randrange(5))],
    } | ({"tagged": f"{at()}"} if chance.random() < 0.3 else {})


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([JOINED, "Last Transition Date is Today"], [JOINED, "Last Transition Date is 20 Days Ago"], [2, 2, 2]),
        ([JOINED, "Last Transition Date is 5 Days Ago"], [JOINED, "Last Transition Date is 9 Days Ago"], [1, 1, 2]),
        ([JOINED, "Last Transition Date is 5 Days Ago"], [JOINED, "Last Transition Date is 60 Days Ago"], [1, 1, 2]),
        ([JOINED, "Last Transition Date is 40 Days Ago"], [JOINED, "Last Transition Date is 90 Days Ago"], [1, 1, 1]),
        ([JOINED], ["Relationship Stage is any of Expired"], [2, 2, 2]),
        (["Partner ID is any of 7"], ["Partner ID is any of 8"], [1, 1, 1]),
        (["Partner Group is any of Gold"], ["Partner Group is none of Gold"], [1, 2, 2]),
        (
            ["Performance Date Range is Last 7 Days", "Clicks greater than 9"],
            ["Performance Date Range is Last 30 Days", "Clicks less than 9"], [2, 2, 2],
        ),
        (["Clicks greater than 9"], ["Clicks is 0"], [2, 2, 2]),
    ],
)  # fmt: skip
def test_bound_of_two_segments_is_as_derived_by_hand(first: list[str], second: list[str], expected: list[int]):
    """A partner may have any transition in between, and other groups, but no other id; dates pass one by one.

    In one run it is looked at twice at most, at the end of a day and at midnight. Clicks only become more.
    """
    two = [workflow(name, "1000", one) for name, one in zip("ab", (first, second), strict=True)]
    assert [at_most for at_most, _ in numbers(two)] == expected


def test_cap_bounds_the_emails_of_all_but_exempt_workflows():
    """Three workflows for everybody, of which one is exempt; the others may get one email in 7 days."""
    three = [workflow(name, "1000", [JOINED]) for name in "abc"]
    capped = ContactPolicy((parse_cap("at most 1 email per partner per 7 days"),), frozenset({"c"}), max_delay_days=31)
    assert numbers(three) == [(3, 3)] * 3
    assert numbers(three, capped) == [(2, 2), (2, 2), (3, 3)]
    assert numbers(three, replace(capped, exempt=frozenset())) == [(1, 1), (1, 1), (3, 3)]


def test_window_lets_emails_of_several_days_leave_in_one_hour():
    """They are claimed on Saturday and Sunday, and leave on Monday at nine."""
    two = [workflow(name, "1000", [JOINED, f"Last Transition Date is {days}"]) for name, days in
           (("a", "Today"), ("b", "Yesterday"))]  # fmt: skip
    assert numbers(two)[0] == (2, 2)
    weekly = ContactPolicy(send_window=parse_send_window("Mon 09:00-10:00"), max_delay_days=7)
    one = bounds(two, weekly)["hour"]
    assert (one.at_most, one.reached) == (2, 2)
    assert {f"{hour:%a %H}" for _, hour in one.witness.emails} == {"Mon 09"}


def test_condition_that_is_not_analyzed_makes_the_bound_larger_only():
    """It counts in the bound, and the witness does without it."""
    ends = workflow("ends", "1000", ["Contract End Date is in 30 Days"])
    assert numbers([workflow("a", "1000", [JOINED]), ends]) == [(2, 1)] * 3


def test_page_shows_the_bounds_of_the_example():
    """The block of docs/overlaps.md is what the command prints; the JSON has the history of each witness."""
    settings = Settings(workflows=CHECKOUT / "workflows")
    command = ["overlaps", "--bound", "--as-of", "2026-03-20T14:00:00-04:00"]
    page = (CHECKOUT / "docs" / "overlaps.md").read_text()
    block = page.split("```text\n$ partnerflow overlaps --bound --as-of 2026-03-20T14:00:00-04:00\n")[1].split("```")[0]
    assert partnerflow(settings, *command).stdout.split() == block.split()
    document = partnerflow(settings, *command, "--json").json()
    assert list(document["bounds"][0]) == ["program_id", "period", "at_most", "reached", "witness"]
    assert partnerflow(settings, "overlaps", "welcome", "--bound").code == 2
