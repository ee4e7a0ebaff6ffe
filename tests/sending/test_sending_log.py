"""The log of a sending step: retries with their waits, open circuits, and lost leases, without addresses."""

import io
import logging
import re
from collections.abc import Iterator

import pytest

from flows.ledger.delivery import SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.logs import FORMAT, MaskingFormatter, mask
from flows.sending.circuit_breaker import MAX_CONSECUTIVE_FAILURES, MIN_FAILED, CircuitBreaker
from flows.sending.dispatcher import _Worker
from flows.sending.retry_policy import RETRY_DELAYS
from support.sending import claim, dispatcher, run, send, smtp
from support.smtp_server import ScriptedServer, at


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log of the package from INFO up, formatted as in the log file."""
    text = io.StringIO()
    handler, logger = logging.StreamHandler(text), logging.getLogger("flows")
    handler.setFormatter(MaskingFormatter(FORMAT))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield text
    logger.removeHandler(handler)
    logger.setLevel(level)


def messages(log: io.StringIO) -> list[str]:
    """Return level and message of each record."""
    return [re.sub(r"^\S+ (\S+) \d+ \S+:", r"\1", line) for line in log.getvalue().splitlines()]


def test_open_circuit_is_logged_once(log: io.StringIO):
    """The record has the reason of the failure that opened the circuit."""
    breaker = CircuitBreaker()
    for _ in range(MAX_CONSECUTIVE_FAILURES + 1):
        breaker.record_failure("email", "mx:25 cannot be reached")
    for _ in range(MIN_FAILED + 1):
        breaker.record_result("email", "welcome", SendResult("failed", "550 <ann@x.example> unknown"))
    assert messages(log) == [
        "WARNING email: the circuit is open for this run: mx:25 cannot be reached",
        "WARNING welcome: the circuit is open for this run: "
        "20 of 20 deliveries failed (the last: 550 <<address>> unknown)",
    ]


def test_connection_retry_is_logged_with_attempt_and_wait(ledger: Ledger, log: io.StringIO):
    """Two connections are refused; the third is accepted."""
    claim(ledger, 1)
    replies = iter(["421 restarting"] * 2)
    with ScriptedServer(lambda phase: next(replies, None) if phase == "greeting" else None) as server:
        one = dispatcher(ledger, smtp(server.port, connections=1))
        one.stopping.wait = lambda timeout=None: False  # type: ignore[method-assign]  # no time passes
        run(ledger, one)
    first, second = messages(log)
    assert first.startswith("WARNING email: attempt 1 failed, next in 0.5 s: ") and "421" in first
    assert second.startswith("WARNING email: attempt 2 failed, next in 1 s: ")


def test_deferral_is_logged_with_attempt_and_due_time(
    ledger: Ledger, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    """The record has the delivery id and the time in UTC."""
    claim(ledger, 1)
    now = utc_now().replace(microsecond=0)
    monkeypatch.setattr("flows.sending.dispatcher.utc_now", lambda: now)
    with ScriptedServer(at("RCPT", "450 4.2.0 greylisted")) as server:
        send(ledger, smtp(server.port, connections=1))
    (one,) = deliveries(ledger)
    assert messages(log) == [mask(f"INFO {one.delivery_id}: attempt 1 deferred, due again at {now + RETRY_DELAYS[0]}")]


def test_lost_lease_is_logged(ledger: Ledger, log: io.StringIO):
    """This includes a delivery whose message could not be rendered."""
    claim(ledger, 2)
    one = dispatcher(ledger, smtp(1))
    rendered, failed = next(one.due()), next(one.due())
    ledger.reclaim_expired("other", utc_now())
    worker = _Worker(one)
    assert not worker._mark_sending(rendered)
    worker._unrecorded = one.to_record(failed, "leased", SendResult("failed"))
    worker._record()
    assert messages(log) == [
        mask(f"WARNING {rendered.delivery_id}: not sent, since this run has lost its lease"),
        mask(f"WARNING {failed.delivery_id}: result not recorded, since this run has lost its lease"),
    ]
