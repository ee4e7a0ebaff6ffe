"""Simulations with a contact policy: what waits, until when, and what becomes of it; and policies compared."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from compiler import ContactPolicy, Workflow, parse_cap
from compiler.language.send_window import parse_send_window
from flows.ledger.holdout import Holdouts, is_held_out
from flows.preview.simulate import Simulation
from flows.settings import CHECKOUT, Settings
from support.account import raw_rows
from support.cli import partnerflow
from support.definitions import workflow
from support.simulations import simulate_rows

NEW_YORK = ZoneInfo("America/New_York")
JOINED, TODAY = "Relationship Stage is any of Joined", "Last Transition Date is Today"
DAILY = ContactPolicy((parse_cap("at most 1 email per partner per day"),), priority=("welcome", "news"))
OFFICE_HOURS = parse_send_window("weekdays 09:00-17:00")


def simulate(
    workflows: Sequence[Workflow],
    policy: ContactPolicy,
    histories: dict[str, Any],
    first: int = 5,
    last: int = 12,
    holdouts: Holdouts | None = None,
) -> Simulation:
    """Simulate days of March 2026 in New York."""
    rows = raw_rows(histories, NEW_YORK)
    return simulate_rows(rows, workflows, date(2026, 3, first), date(2026, 3, last), policy=policy, holdouts=holdouts)


def left(found: Simulation) -> list[str]:
    """Return day, local hour and workflow of everything that leaves."""
    return [f"{one.as_of.astimezone(NEW_YORK):%d %H} {one.workflow_id}" for one in found.sends]


def waits(found: Simulation) -> list[str]:
    """Return when each email begins to wait, its workflow and partner, its outcome, and when it ends."""
    return [
        f"{one.as_of.astimezone(NEW_YORK):%d %H} {one.workflow_id} {one.partner_id} {one.outcome}"
        + (f" {one.ended.astimezone(NEW_YORK):%d %H}" if one.ended else "")
        for one in found.deferred
    ]


@pytest.fixture(scope="module")
def joining() -> list[Workflow]:
    """Four workflows for partners that join; two have a send window."""
    windows = {"welcome": None, "news": None, "offer": "weekdays 09:00-17:00", "rare": "Wed 09:00-10:00"}
    return [
        replace(workflow(name, "1000", [JOINED, TODAY]), send_window=window and parse_send_window(window))
        for name, window in windows.items()
    ]


def test_simulation_tells_what_waits_until_when_and_what_becomes_of_it(joining):
    """The weekend of tests/pipeline/test_contact_policy.py, in which clocks go forward; Noah leaves on Saturday."""
    maya = {"joined": "2026-03-06 09:10"}
    noah = {"contracts": [{"stage": "Expired", "from": "2026-03-06 09:10", "until": "2026-03-07 09:00"}]}
    found = simulate(joining, DAILY, {"Maya": maya, "Noah": noah})
    assert left(found) == ["06 10 welcome", "06 10 welcome", "07 10 news", "09 09 offer"]
    assert waits(found) == [
        "06 10 news Maya sent 07 10",
        "06 10 news Noah disqualified 07 10",
        "06 10 offer Maya sent 09 09",
        "06 10 offer Noah disqualified 09 09",
        "06 10 rare Maya given_up 09 12",
        "06 10 rare Noah given_up 09 12",
    ]
    assert found.summary() == {
        "emails": 4,
        "most_per_partner_per_hour": 1,
        "most_per_partner_per_day": 1,
        "most_per_address_per_hour": 1,
        "most_per_address_per_day": 1,
        "deferred": 6,
        "disqualified": 2,
        "given_up": 2,
        "waiting": 0,
        "longest_wait_hours": 70,
    }
    document = found.as_json()
    (news,) = [row for row in document["workflows"] if row["workflow_id"] == "news"]
    assert {name: news[name] for name in ("emails", "deferred", "disqualified", "given_up", "waiting")} == {
        "emails": 1, "deferred": 2, "disqualified": 1, "given_up": 0, "waiting": 0,
    }  # fmt: skip
    assert document["hours"][0] == {
        "as_of": "2026-03-06T15:00:00Z", "emails": 2, "deferred": 6, "disqualified": 0, "given_up": 0,
    }  # fmt: skip
    assert document["deferred"][0]["not_before"] == "2026-03-07T15:00:00Z"
    assert document["deferred"][0]["reason"] == "Waits: at most 1 email per partner per day."


def test_email_that_still_waits_at_the_end_is_waiting(joining):
    """The simulation ends on the Friday."""
    found = simulate(joining, DAILY, {"Maya": {"joined": "2026-03-06 09:10"}}, last=6)
    assert waits(found) == [f"06 10 {name} Maya waiting" for name in ("news", "offer", "rare")]
    assert found.ends == {"deferred": 3, "waiting": 3}


def test_late_invitation_moves_its_reminder():
    """Tagged on a Saturday and invited on Monday: Outreach, and the reminder 7 days after it, begin on Monday."""
    invite = workflow("invite", "1000", ["Relationship Stage is any of New"])
    remind = workflow("remind", "1000", ["Relationship Stage is any of Outreach", "Last Transition Date is 7 Days Ago"])
    policy = ContactPolicy(send_window=OFFICE_HOURS)
    found = simulate([invite, remind], policy, {"silent": {"tagged": "2026-03-07 09:30"}}, first=7, last=20)
    assert left(found) == ["09 09 invite", "16 09 remind"]
    assert waits(found) == ["07 10 invite silent sent 09 09", "16 00 remind silent sent 16 09"]


def test_partner_that_no_longer_qualified_is_contacted_when_it_enters_again():
    """Clicks end the first wait; a new contract the week after makes it a member again, and that email leaves."""
    quiet = [JOINED, "Last Transition Date is Today", "Performance Date Range is Today", "Clicks is 0"]
    policy = ContactPolicy(send_window=parse_send_window("every day 09:00-17:00"))
    contracts = [
        {"stage": "Joined", "id": "old", "from": "2026-03-06 18:10", "superseded by": "new"},
        {"stage": "Joined", "id": "new", "from": "2026-03-11 12:10"},
    ]
    history = {"contracts": contracts, "clicks": {"2026-03-07": 3}}
    found = simulate([workflow("quiet", "1000", quiet)], policy, {"Maya": history})
    assert left(found) == ["11 13 quiet"]
    assert waits(found) == ["06 19 quiet Maya disqualified 07 09"]


def test_emails_before_the_simulation_count_and_waiting_ones_take_part(joining):
    """One left the evening before; one was claimed then and still waits, in the ledger as it is now."""
    contacted = [
        {"by": "welcome", "at": "2026-03-05 18:00"},
        {"by": "news", "at": "2026-03-05 18:00", "state": "pending", "email": "maya@x.example"},
    ]
    found = simulate(joining[:2], DAILY, {"Maya": {"joined": "2026-03-05 17:10", "contacted": contacted}}, first=6)
    assert left(found) == ["06 18 news"]
    assert waits(found) == ["05 18 news Maya sent 06 18"]


def test_one_address_of_two_partners_is_counted_as_one(joining):
    """Partner p exists in both programs, at one address, which may get one email an hour."""
    histories = {"p": {"joined": "2026-03-06 09:10", "elsewhere": {"joined": "2026-03-06 09:10"}}}
    both = [joining[0], replace(joining[1], program="2000")]
    policy = ContactPolicy((parse_cap("at most 1 email per address per hour"),))
    assert left(simulate(both, policy, histories)) == ["06 10 news", "06 11 welcome"]
    assert simulate(both, ContactPolicy(), histories).most["most_per_address_per_hour"] == 2


def test_simulation_holds_out_the_partners_that_a_run_would(joining):
    """The key and the percentage decide. Who is held out gets the next email at once: no cap counts what never left."""
    names = [f"p{number}" for number in range(20)]
    held_out = [name for name in sorted(names) if is_held_out(b"key", 40, "welcome", "1000", name)]
    assert 0 < len(held_out) < 20
    histories = {name: {"joined": "2026-03-06 09:10"} for name in names}
    found = simulate(joining[:2], DAILY, histories, holdouts=Holdouts(b"key", {"welcome": 40}))
    assert [one.partner_id for one in found.held_out] == held_out
    assert {(one.workflow_id, f"{one.as_of.astimezone(NEW_YORK):%d %H}") for one in found.held_out} == {
        ("welcome", "06 10")
    }
    assert sorted(one.partner_id for one in found.of("welcome")) == sorted({*names} - {*held_out})
    at_once = {one.partner_id for one in found.of("news") if f"{one.as_of.astimezone(NEW_YORK):%d %H}" == "06 10"}
    assert (at_once, len(found.of("news"))) == ({*held_out}, 20)
    welcome = next(row for row in found.as_json()["workflows"] if row["workflow_id"] == "welcome")
    assert (welcome["held_out"], welcome["partners"]) == (len(held_out), 20 - len(held_out))
    assert found.as_json()["held_out"][0] == {
        "workflow_id": "welcome", "program_id": "1000", "partner_id": held_out[0], "as_of": "2026-03-06T15:00:00Z",
    }  # fmt: skip


def test_simulation_never_holds_out_a_contact_that_was_claimed(joining):
    """One email waits, and one could not be rendered and is claimed again; the holdout of 99 % came after both."""
    waits = {"by": "welcome", "at": "2026-03-05 18:00", "state": "pending", "email": "waits@x.example"}
    unsent = {"by": "welcome", "at": "2026-03-05 18:00", "state": "failed", "failed_before_sending": True}
    histories = {
        name: {"joined": "2026-03-06 09:10"} | ({"contacted": [one]} if one else {})
        for name, one in {"waits": waits, "unsent": unsent, "new": None}.items()
    }
    all_of_them = Holdouts(b"", {"welcome": 100})
    found = simulate(joining[:1], ContactPolicy(), histories, first=6, holdouts=all_of_them)
    assert [one.partner_id for one in found.held_out] == ["new"]
    assert sorted(one.partner_id for one in found.sends) == ["unsent", "waits"]


# On the example account


def test_policies_are_compared_side_by_side(copied: Settings, tmp_path):
    """The policy of a file is simulated, and compared with that of the folder, or with none."""
    (copied.workflows / "contact_policy.yml").write_text("send_window: weekdays 09:00-17:00\n")
    other = tmp_path / "other.yml"
    other.write_text("caps: [at most 1 email per partner per day]\nmax_delay: 1 day\n")
    command = ["simulate", "--from", "2026-03-02", "--to", "2026-03-08", "--policy", str(other)]
    found = partnerflow(copied, *command, "--json").json()
    own, capped = found["policies"]
    assert [one["policy"] for one in (own, capped)] == ["contact_policy.yml", str(other)]
    assert (own["most_per_partner_per_day"] > 1, capped["most_per_partner_per_day"]) == (True, 1)
    for one in (own, capped):
        assert one["deferred"] > 0 and one["longest_wait_hours"] > 0
    assert capped["emails"] == sum(row["emails"] for row in found["workflows"])
    assert len(found["deferred"]) == capped["deferred"]
    assert {one["reason"] for one in found["deferred"]} == {"Waits: at most 1 email per partner per day."}
    said = partnerflow(copied, *[*command[:-1], "none"]).stdout
    assert "Policies compared" in said
    assert re.search(r"most to one partner in 24 hours +\d+ +\d+", said)
    lines = said.split("Policies compared")[0]
    assert "deferred" not in lines


def test_policy_file_that_is_missing_or_not_valid_is_an_error(tmp_path):
    """The message says what to do, before anything is simulated."""
    state = Settings(state_dir=tmp_path / "var", workflows=CHECKOUT / "workflows")
    days = ["simulate", "--from", "2026-03-02", "--to", "2026-03-08"]
    (tmp_path / "bad.yml").write_text("caps: [at most one email]\n")
    for name, says in (("no.yml", "There is no file"), ("bad.yml", "Write `at most 1 email per partner per day`")):
        answer = partnerflow(state, *days, "--policy", str(tmp_path / name))
        assert (answer.code, says in " ".join(answer.stderr.split())) == (1, True), answer
