"""The retry policy: when a delivery that was deferred is tried again, and when it expires."""

from dataclasses import replace
from datetime import datetime, timedelta

from flows.ledger.delivery import Delivery, SendResult

RETRY_DELAYS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240))
"""Delay after the first deferral, the second, and so on; the last one repeats. The next run after it tries again."""


def apply_retry_policy(
    delivery: Delivery, result: SendResult, now: datetime, hours: float
) -> tuple[SendResult, datetime | None]:
    """Return the result, and when a pending delivery is due again (UTC).

    The result becomes `expired` when that would be more than `hours` after the first deferral. The time runs from there
    and not from the claim, so that an outage or a paused workflow costs no delivery. What was refused because of our
    account is due in the next run.
    """
    if result.state != "pending" or result.is_account_error:
        return result, None
    due = now + RETRY_DELAYS[min(delivery.attempts, len(RETRY_DELAYS) - 1)]
    if due > (delivery.first_deferred_at or now) + timedelta(hours=hours):
        reason = f"Given up after {delivery.attempts + 1} attempts in {hours:g} hours. {result.reason or ''}".strip()
        return replace(result, state="expired", reason=reason), None
    return result, due
