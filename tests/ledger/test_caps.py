"""The caps of the contact policy in the ledger: nobody gets more, also when two runs send at once."""

import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from compiler import Cap, ContactPolicy
from flows.ledger.caps import PolicyGuard, read_sending_hours
from flows.ledger.delivery import Delivery, SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.run_id import hour_of_run, run_id_of
from support.ledgers import delivery, ledger_location, opened

HOUR = datetime(2026, 3, 20, 18)
DAILY = ContactPolicy((Cap(1, "partner", 24),))


def send(ledger: Ledger, policy: ContactPolicy, hour: datetime, result: str = "sent") -> list[str]:
    """Send what is due at an hour, and return the workflows of what left."""
    run_id, left = run_id_of(hour), []
    for one in ledger.lease(run_id, ["v", "w", "x"], 1000, utc_now()):
        if ledger.mark_sending(one, PolicyGuard(policy, hour)) == "sending":
            ledger.record_result(one, "sending", SendResult(result))
            left.append(one.workflow_id)
    return left


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """The place of a new ledger."""
    return ledger_location(request.param, tmp_path)


def test_email_over_a_cap_waits_until_its_hour(place: Path | str):
    """The second email to a partner waits for a day, with the reason, and leaves at the first hour after it."""
    with opened(place) as ledger:
        ledger.claim([delivery("a", workflow="v")], {})
        assert send(ledger, DAILY, HOUR) == ["v"]
        ledger.claim([delivery("a", workflow="w")], {})
        assert send(ledger, DAILY, HOUR + timedelta(hours=1)) == []
        (waiting,) = deliveries(ledger, ["pending"])
        assert (waiting.not_before, waiting.reason) == (
            HOUR + timedelta(hours=24),
            "Waits: at most 1 email per partner per day.",
        )
        assert send(ledger, DAILY, HOUR + timedelta(hours=23)) == []
        assert send(ledger, DAILY, HOUR + timedelta(hours=24)) == ["w"]


@pytest.mark.parametrize(("result", "leaves"), [("sent", False), ("in_doubt", False), ("failed", True)])
def test_only_what_may_have_been_sent_counts(tmp_path: Path, result: str, leaves: bool):
    """An email in doubt counts; one that was refused does not."""
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.claim([delivery("a", workflow="v")], {})
        assert send(ledger, DAILY, HOUR, result) == ["v"]
        ledger.claim([delivery("a", workflow="w")], {})
        assert send(ledger, DAILY, HOUR) == (["w"] if leaves else [])


def test_one_address_of_two_partners_counts_once_per_email(tmp_path: Path):
    """A cap per address sees both partners; a cap per partner does not."""
    both = [delivery("a", workflow="v"), delivery("b", workflow="w")]
    for per, expected in (("address", 1), ("partner", 2)):
        with opened(tmp_path / f"{per}.db") as ledger:
            ledger.claim(both, {})
            assert len(send(ledger, ContactPolicy((Cap(1, per, 24),)), HOUR)) == expected


def test_exempt_workflow_is_not_limited_and_does_not_count(tmp_path: Path):
    """Its email leaves after another, and another leaves after it."""
    policy = ContactPolicy((Cap(1, "partner", 24),), exempt=frozenset({"x"}))
    with opened(tmp_path / "ledger.db") as ledger:
        for workflow in ("x", "v", "w"):
            ledger.claim([delivery("a", workflow=workflow)], {})
        assert sorted(send(ledger, policy, HOUR)) == ["v", "x"]


def test_run_of_an_earlier_hour_keeps_the_cap(tmp_path: Path):
    """A run that is repeated for an hour before the last email would make two in one day."""
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.claim([delivery("a", workflow="v")], {})
        assert send(ledger, DAILY, HOUR) == ["v"]
        ledger.claim([delivery("a", workflow="w")], {})
        assert send(ledger, DAILY, HOUR - timedelta(hours=23)) == []
        assert send(ledger, DAILY, HOUR + timedelta(hours=24)) == ["w"]


def test_two_runs_at_once_never_exceed_a_cap(place: Path | str):
    """Each of 30 partners has ten emails, which two runs of one hour try to send at the same time."""
    policy = ContactPolicy((Cap(2, "partner", 24), Cap(3, "address", 48)))
    with opened(place) as first, opened(place) as second:
        claims = [
            delivery(f"p{partner}", f"a{partner % 20}@x.example", f"w{number}")
            for partner in range(30)
            for number in range(10)
        ]
        first.claim(claims, {})
        workflows = [f"w{number}" for number in range(10)]
        both_have_leased = threading.Barrier(2)

        def run(ledger: Ledger) -> None:
            run_id = run_id_of(HOUR)
            leased = ledger.lease(run_id, workflows, len(claims) // 2, utc_now())
            both_have_leased.wait()
            for one in leased:
                if ledger.mark_sending(one, PolicyGuard(policy, HOUR)) == "sending":
                    ledger.record_result(one, "sending", SendResult("sent"))

        threads = [threading.Thread(target=run, args=(ledger,)) for ledger in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sent = deliveries(first, ["sent"])
        assert most(sent, policy) == [2, 3]
        assert len(deliveries(first, ["pending"])) == len(claims) - len(sent)


@pytest.mark.parametrize("seed", range(3))
def test_random_hours_and_emails_never_exceed_a_cap(tmp_path: Path, seed: int):
    """Runs of random hours, also of earlier ones, send what was claimed at random; everything is accounted for."""
    dice = random.Random(seed)
    policy = ContactPolicy((Cap(1, "partner", 24), Cap(2, "partner", 168), Cap(1, "address", 1), Cap(2, "address", 48)))
    with opened(tmp_path / "ledger.db") as ledger:
        claimed = 0
        for step in range(60):
            hour = HOUR + timedelta(hours=step * 3 - dice.choice((0, 0, 0, 5, 30)))
            one = delivery(f"p{dice.randrange(4)}", f"a{dice.randrange(3)}@x.example", dice.choice("vw"))
            claimed += len(ledger.claim([one], {}))
            send(ledger, policy, hour, dice.choice(("sent", "sent", "in_doubt", "failed", "pending")))
        found = deliveries(ledger)
        assert len(found) == claimed
        assert {one.state for one in found} <= {"sent", "in_doubt", "failed", "pending"}
        assert all(count <= cap.limit for count, cap in zip(most(found, policy), policy.caps, strict=True))


def most(found: list[Delivery], policy: ContactPolicy) -> list[int]:
    """Return, for each cap, the most emails that anybody got in a period of its length that begins with an email."""
    counts = []
    for cap in policy.caps:
        hours = defaultdict(list)
        for one in found:
            if one.state in ("sent", "in_doubt"):
                whom = one.partner_id if cap.per == "partner" else one.email_key
                hours[whom].append(hour_of_run(one.leased_by))
        period = timedelta(hours=cap.hours)
        near = [sum(first <= one < first + period for one in theirs) for theirs in hours.values() for first in theirs]
        counts.append(max(near, default=0))
    return counts


def test_hours_far_away_are_not_read(tmp_path: Path):
    """An email at the edge of the period is free again."""
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.claim([delivery("a", workflow="v")], {})
        send(ledger, DAILY, HOUR)
        for hours, waits in ((-24, False), (-23, True), (23, True), (24, False)):
            at = HOUR + timedelta(hours=hours)
            with ledger.store.reading() as connection:
                found = read_sending_hours(connection, DAILY, [delivery("a", workflow="w")], at)
            assert (found.wait(delivery("a", workflow="w"), at) is not None) == waits


WORKER = """
import random, sys
from datetime import datetime
from pathlib import Path
from compiler import Cap, ContactPolicy
from flows.ledger.caps import PolicyGuard
from flows.ledger.delivery import SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.worker_lease import worker_lease
from flows.run_id import run_id_of

place, hour = sys.argv[1], datetime.fromisoformat(sys.argv[2])
policy = ContactPolicy((Cap(1, "partner", 24), Cap(2, "address", 48)))
ledger, run_id = Ledger(place if "://" in place else Path(place)), run_id_of(hour)
with worker_lease(ledger, run_id, "here"):
    print("leased", flush=True)
    while leased := ledger.lease(run_id, ["v", "w", "x"], 3, utc_now()):
        for one in leased:
            if ledger.mark_sending(one, PolicyGuard(policy, hour)) == "sending":
                ledger.record_result(one, "sending", SendResult(random.choice(("sent", "sent", "failed"))))
"""


@pytest.mark.long
def test_two_runs_and_kills_never_exceed_a_cap(place: Path | str):
    """Each hour two processes send, of which one is killed somewhere in its work; nothing is lost."""
    dice = random.Random(1)
    policy = ContactPolicy((Cap(1, "partner", 24), Cap(2, "address", 48)))
    claims = [
        delivery(f"p{partner}", f"a{partner % 20}@x.example", workflow) for partner in range(30) for workflow in "vwx"
    ]
    with opened(place) as ledger:
        ledger.claim(claims, {})
        for number in range(5):
            hour = HOUR + timedelta(hours=number * 12)
            command = [sys.executable, "-c", WORKER, str(place), hour.isoformat()]
            both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
            assert [one.stdout.readline() for one in both] == ["leased\n"] * 2
            time.sleep(dice.uniform(0, 0.3))
            both[0].kill()
            assert [one.wait() for one in both] in ([-9, 0], [0, 0])
            ledger.end_lease(host="here")
            ledger.reclaim_expired(run_id_of(hour), utc_now())
        found = deliveries(ledger)
    assert all(count <= cap.limit for count, cap in zip(most(found, policy), policy.caps, strict=True))
    assert most(found, policy)[0] == 1
    assert len(found) == len(claims)
    assert {one.state for one in found} <= {"sent", "failed", "in_doubt", "pending"}
