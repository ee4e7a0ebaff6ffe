"""The two state transitions of every email: from `leased` to `sending`, and from there to its result.

All other transitions move many deliveries at once or are rare. Each function here is part of the caller's transaction
and writes its row of the log.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, literal, update

from flows.ledger.caps import PolicyGuard
from flows.ledger.delivery import AUTOMATIC_TRANSITIONS, Delivery, ResultToRecord, SendResult, utc_now
from flows.ledger.schema import DELIVERY, DELIVERY_LOG, PROGRAM, SUPPRESSION
from flows.ledger.store import Store

WHY_SUPPRESSED = "The address was suppressed after the partner was claimed."

_ROW = DELIVERY.c
_LEASED_BY_US = (
    _ROW.delivery_id == bindparam("key"),
    _ROW.state == bindparam("source"),
    _ROW.leased_by == bindparam("us"),
    _ROW.fencing_token == bindparam("token"),
)
_SUPPRESSED = exists().where(
    SUPPRESSION.c.email_key == _ROW.email_key,
    SUPPRESSION.c.scope.in_([literal("all"), _ROW.workflow_id, literal(PROGRAM) + _ROW.program_id]),
)
_MARK_SENDING = (
    update(DELIVERY).where(*_LEASED_BY_US, ~_SUPPRESSED).values(state="sending", send_started_at=bindparam("at"))
)
_MARK_SUPPRESSED = update(DELIVERY).where(*_LEASED_BY_US, _SUPPRESSED).values(state="suppressed", reason=WHY_SUPPRESSED)
_MARK_WAITING = (
    update(DELIVERY)
    .where(*_LEASED_BY_US)
    .values(state="pending", reason=bindparam("why"), not_before=bindparam("until"))
)
_RESULT_COLUMNS = (
    "state", "reason", "sent_at", "attempts", "first_deferred_at", "next_attempt_at", "smtp_stage", "reply_code",
    "reply_status", "reply_text",
)  # fmt: skip
_RECORD_RESULT = (
    update(DELIVERY).where(*_LEASED_BY_US).values({name: bindparam(f"new_{name}") for name in _RESULT_COLUMNS})
)


def mark_sending(connection: Connection, delivery: Delivery, guard: PolicyGuard | None = None) -> str | None:
    """Move a leased delivery to `sending`, or to `suppressed` if its address is; return the new state.

    With a guard it is `pending` again if a cap of the contact policy has been used up. Return None if the run that
    leased the delivery has lost it.
    """
    now, leased = utc_now(), _leased_by_us(delivery, "leased")
    wait = guard.wait(connection, delivery) if guard else None
    if wait:
        if not connection.execute(_MARK_WAITING, leased | {"why": wait.reason, "until": wait.not_before}).rowcount:
            return None
        write_log(connection, [log_row(delivery, "leased", "pending", delivery.leased_by, wait.reason, now)])
        return "pending"
    if connection.execute(_MARK_SENDING, leased | {"at": now}).rowcount:
        write_log(connection, [log_row(delivery, "leased", "sending", delivery.leased_by, None, now)])
        return "sending"
    if connection.execute(_MARK_SUPPRESSED, leased).rowcount:
        write_log(connection, [log_row(delivery, "leased", "suppressed", delivery.leased_by, WHY_SUPPRESSED, now)])
        return "suppressed"
    return None


def record_result(connection: Connection, store: Store, to_record: ResultToRecord) -> bool:
    """Move a delivery from its source state, or from `in_doubt` where that is allowed, to its result.

    A hard bounce suppresses the address. Return False if the run that leased the delivery has lost it.
    """
    delivery, source, result, next_attempt_at = to_record
    now = utc_now()
    values = _result_values(delivery, result, next_attempt_at, now)
    for state in (source, "in_doubt"):
        if result.state not in AUTOMATIC_TRANSITIONS[state]:
            continue
        if connection.execute(_RECORD_RESULT, _leased_by_us(delivery, state) | values).rowcount:
            if result.is_hard_bounce and delivery.email_key:
                _suppress_address(connection, store, delivery, result)
            write_log(connection, [log_row(delivery, state, result.state, delivery.leased_by, result.reason, now)])
            return True
    return False


def write_log(connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Append rows to the log."""
    if rows := list(rows):
        connection.execute(insert(DELIVERY_LOG), rows)


def log_row(
    delivery: Delivery,
    source: str | None,
    target: str,
    actor: str | None,
    reason: str | None = None,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Return the log's row of a transition; `at` (UTC) is the current time by default."""
    return {
        "delivery_id": delivery.delivery_id, "from_state": source, "to_state": target, "actor": actor,
        "at": at or utc_now(), "reason": reason,
    }  # fmt: skip


def _leased_by_us(delivery: Delivery, source: str) -> dict[str, Any]:
    return {
        "key": delivery.delivery_id, "source": source, "us": delivery.leased_by, "token": delivery.fencing_token,
    }  # fmt: skip


def _result_values(
    delivery: Delivery, result: SendResult, next_attempt_at: datetime | None, now: datetime
) -> dict[str, Any]:
    is_attempt = not result.is_account_error
    is_deferred = is_attempt and result.state in ("pending", "expired")
    values = (
        result.state, result.reason, now if result.state == "sent" else None, delivery.attempts + is_attempt,
        delivery.first_deferred_at or (now if is_deferred else None), next_attempt_at, result.smtp_stage, result.code,
        result.status, result.text,
    )  # fmt: skip
    return {f"new_{name}": value for name, value in zip(_RESULT_COLUMNS, values, strict=True)}


def _suppress_address(connection: Connection, store: Store, delivery: Delivery, result: SendResult) -> None:
    row = {
        "email_key": delivery.email_key, "scope": "all", "reason": result.reason or "undeliverable",
        "source": delivery.delivery_id, "at": utc_now(),
    }  # fmt: skip
    connection.execute(store.insert(SUPPRESSION).on_conflict_do_nothing(), row)
