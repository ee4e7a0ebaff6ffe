"""The circuit breaker: which failures stop an action, which pause a workflow, and which do neither."""

import pytest

from flows.ledger.delivery import SendResult
from flows.sending.circuit_breaker import MAX_CONSECUTIVE_FAILURES, MAX_DOUBTS, MIN_FAILED, CircuitBreaker

SENT, FAILED = SendResult("sent"), SendResult("failed", "554 5.7.1 spam")
DOUBT = SendResult("in_doubt", "No reply after the message: timed out")


def test_success_resets_consecutive_failures():
    """Five failures in a row open the circuit, not five in a day."""
    breaker = CircuitBreaker()
    for _ in range(3):
        for _ in range(MAX_CONSECUTIVE_FAILURES - 1):
            breaker.record_failure("email", "down")
        breaker.record_result("email", "w", SENT)
    assert breaker.stopped == {}
    assert [breaker.record_failure("email", "down") for _ in range(5)] == [1, 2, 3, 4, 5]
    assert breaker.stopped == {"email": "down"}


def test_permanent_failure_opens_at_once():
    """A wrong password does not get better by trying."""
    breaker = CircuitBreaker()
    breaker.record_failure("email", "535 wrong password", is_permanent=True)
    assert breaker.stopped == {"email": "535 wrong password"}


@pytest.mark.parametrize(
    ("sent", "failed", "is_paused"),
    [(0, 19, False), (0, 20, True), (179, 20, True), (180, 20, False), (180, 21, True), (1000, 101, False)],
)
def test_workflow_is_paused_above_a_tenth_failed(sent: int, failed: int, is_paused: bool):
    """The limit is twenty failed deliveries that are more than a tenth of all results (docs/operate.md)."""
    breaker = CircuitBreaker()
    for result, count in ((SENT, sent), (FAILED, failed)):
        for _ in range(count):
            breaker.record_result("email", "w", result)
    reason = f"{failed} of {sent + failed} deliveries failed (the last: 554 5.7.1 spam)"
    assert breaker.paused == ({"w": reason} if is_paused else {})
    assert MIN_FAILED == 20


def record(breaker: CircuitBreaker, *results: SendResult) -> None:
    """Record results of one workflow."""
    for result in results:
        breaker.record_result("email", "w", result)


def test_doubts_in_a_row_open_the_circuit():
    """Refusals before the message, and a connection that opens again in between, are no sign of a good server."""
    breaker = CircuitBreaker()
    record(breaker, *[SENT] * 1000, *[DOUBT, FAILED] * (MAX_DOUBTS - 1))
    assert breaker.stopped == {}
    record(breaker, DOUBT)
    reason = "5 deliveries are in doubt, and 1000 sent; the last: No reply after the message: timed out"
    assert (MAX_DOUBTS, breaker.stopped) == (5, {"email": reason})


@pytest.mark.parametrize(("sent_per_doubt", "is_stopped"), [(1, True), (3, True), (8, True), (10, False), (50, False)])
def test_share_of_doubts_opens_the_circuit(sent_per_doubt: int, is_stopped: bool):
    """A tenth in doubt is tolerated. A quarter, as when one of four hosts is dead, stops after a few doubts."""
    breaker, doubts = CircuitBreaker(), 0
    for _ in range(200):
        record(breaker, *[SENT] * sent_per_doubt)
        if breaker.stopped:
            break
        record(breaker, DOUBT)
        doubts += 1
    assert (breaker.stopped != {}) is is_stopped
    assert not is_stopped or doubts <= 25


def test_doubt_does_not_reset_consecutive_failures():
    """A server that alternates between refused connections and doubts is stopped."""
    breaker = CircuitBreaker()
    for _ in range(MAX_CONSECUTIVE_FAILURES - 1):
        breaker.record_failure("email", "down")
        record(breaker, DOUBT)
    breaker.record_failure("email", "down")
    assert breaker.stopped == {"email": "down"}


def test_refused_account_opens_at_once():
    """It would refuse every other delivery, too."""
    breaker = CircuitBreaker()
    record(breaker, SendResult("pending", "530 login first", is_account_error=True))
    assert breaker.stopped == {"email": "530 login first"}
