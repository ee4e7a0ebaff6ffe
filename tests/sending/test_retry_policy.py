"""The retry policy: when a deferred delivery is due again, and when it expires."""

import itertools
from datetime import timedelta

import pytest

from flows.ledger.delivery import SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.sending.retry_policy import RETRY_DELAYS, apply_retry_policy
from support.ledgers import delivery
from support.sending import claim, send, smtp
from support.smtp_server import ScriptedServer, at


def test_greylisting_is_retried_when_due_until_it_expires(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    """The waits are 5 and 15 minutes, one hour, then four; after 24 hours it expires, with the server's last reply."""
    claim(ledger, 1)
    clock = [utc_now()]
    monkeypatch.setattr("flows.sending.dispatcher.utc_now", lambda: clock[-1])
    with ScriptedServer(at("RCPT", "450 4.2.0 greylisted")) as server:
        send(ledger, smtp(server.port, connections=1))
        while due := deliveries(ledger)[0].next_attempt_at:
            clock.append(due - timedelta(seconds=1))
            send(ledger, smtp(server.port, connections=1))
            assert deliveries(ledger)[0].attempts == server.commands.count("DATA") == len(clock) // 2
            clock.append(due)
            send(ledger, smtp(server.port, connections=1))
    tried = clock[::2]
    waits = [late - early for early, late in itertools.pairwise(tried)]
    assert waits == [*RETRY_DELAYS, *[RETRY_DELAYS[-1]] * (len(waits) - len(RETRY_DELAYS))]
    assert tried[-1] - tried[0] <= timedelta(hours=24) < tried[-1] - tried[0] + RETRY_DELAYS[-1]
    (one,) = deliveries(ledger)
    assert (one.state, one.attempts) == ("expired", len(tried))
    assert one.reason and "greylisted" in one.reason


def test_retry_hours_run_from_the_first_deferral():
    """They do not run from the claim, so that no delivery expires in an outage before its first attempt."""
    old = delivery("p", claimed_at=utc_now() - timedelta(days=9))
    deferred = SendResult("pending", "450 later")
    assert apply_retry_policy(old, deferred, utc_now(), 24)[0].state == "pending"
    assert apply_retry_policy(old, SendResult("sent"), utc_now(), 24) == (SendResult("sent"), None)
