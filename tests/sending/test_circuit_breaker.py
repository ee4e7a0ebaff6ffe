"""The circuit breaker: which failures stop an action, which pause a workflow, and which do neither."""

import pytest

from flows.ledger.delivery import SendResult
from flows.sending.circuit_breaker import MAX_CONSECUTIVE_FAILURES, MIN_FAILED, CircuitBreaker

SENT, FAILED = SendResult("sent"), SendResult("failed", "554 5.7.1 spam")


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
