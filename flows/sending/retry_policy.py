"""Retry: when a delivery that was refused for now is tried again, and when no more."""

from dataclasses import replace
from datetime import datetime, timedelta

from flows.ledger.delivery import Delivery, Verdict

WAITS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240))
"""After the first refusal, the second, ...; the last one from then on. A run sends what is due when it comes."""


def after(delivery: Delivery, verdict: Verdict, now: datetime, hours: float) -> tuple[Verdict, datetime | None]:
    """The verdict, and from when on a pending delivery is due again.

    `expired` when that would be more than `hours` after the first refusal. The clock starts there and not at the claim:
    an outage that nobody answered in, or a workflow that is paused, costs no delivery.
    """
    if verdict.state != "pending":
        return verdict, None
    due = now + WAITS[min(delivery.attempt, len(WAITS) - 1)]
    if due > (delivery.refused_at or now) + timedelta(hours=hours):
        reason = f"Given up after {delivery.attempt + 1} attempts in {hours:g} hours. {verdict.reason or ''}".strip()
        return replace(verdict, state="expired", reason=reason), None
    return verdict, due
