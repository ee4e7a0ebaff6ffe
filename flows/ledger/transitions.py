"""Swaps: the two moves of each email, from `claimed` to `sending` and from there to what became of it.

Every other move of the ledger is of many deliveries at once, or rare. These are made for one delivery at a time and
decide how fast emails leave; so their statements are prepared, and those of several threads share a commit.
"""

from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import bindparam, exists, insert, literal, update
from sqlalchemy.engine.interfaces import DBAPICursor

from flows.ledger.delivery import BY_MACHINE, Delivery, Settlement, Verdict, utc_now
from flows.ledger.group_commit import Answer, GroupCommit
from flows.ledger.schema import DELIVERY, DELIVERY_LOG, SUPPRESSION
from flows.ledger.store import Store

WHY_SUPPRESSED = "The address was suppressed after the partner was claimed."

_ROW = DELIVERY.c
_HELD = (
    _ROW.delivery_id == bindparam("key"),
    _ROW.state == bindparam("source"),
    _ROW.holder == bindparam("me"),
    _ROW.fence == bindparam("my_fence"),
)
_SUPPRESSED = exists().where(
    SUPPRESSION.c.email_key == _ROW.email_key, SUPPRESSION.c.scope.in_([literal("all"), _ROW.workflow_id])
)
_BEGIN = update(DELIVERY).where(*_HELD, ~_SUPPRESSED).values(state="sending", sending_at=bindparam("at"))
_SUPPRESS = update(DELIVERY).where(*_HELD, _SUPPRESSED).values(state="suppressed", reason=WHY_SUPPRESSED)
_SETTLED = (
    "state", "reason", "sent_at", "attempt", "refused_at", "not_before", "phase", "reply_code", "reply_status",
    "reply_text",
)  # fmt: skip
_SETTLE = update(DELIVERY).where(*_HELD).values({name: bindparam(f"new_{name}") for name in _SETTLED})


class Swaps:
    """The swaps of a store's deliveries; from many threads. Each has happened, and is on disk, when it returns."""

    def __init__(self, store: Store):
        self._group = GroupCommit(store, self.log)
        columns = [column.name for column in DELIVERY_LOG.c if not column.primary_key]
        self._log = store.prepared(insert(DELIVERY_LOG).inline(), columns)
        self._begin, self._suppress, self._settle = map(store.prepared, (_BEGIN, _SUPPRESS, _SETTLE))
        self._keep_out = store.prepared(store.insert(SUPPRESSION).on_conflict_do_nothing(), SUPPRESSION.c.keys())

    def log(self, cursor: DBAPICursor, lines: list[dict[str, Any]]) -> None:
        """Write lines of the log, in a transaction."""
        if lines:
            self._log.execute_all(cursor, lines)

    def begin(self, delivery: Delivery) -> str | None:
        """From `claimed` to `sending`, or to `suppressed`: the state that it led to; None: it is not held any more."""
        return self._group.commit(partial(self.begin_in, delivery))

    def settle(self, settlement: Settlement) -> bool:
        """From its source, or from `in_doubt` where that is allowed, to its verdict: whether it was made."""
        return self._group.commit(partial(self.settle_in, settlement))

    def settle_and_begin(self, settlement: Settlement, delivery: Delivery) -> tuple[bool, str | None]:
        """Both, for two deliveries, in one commit."""
        return self._group.commit(partial(self._both_in, settlement, delivery))

    def begin_in(self, delivery: Delivery, cursor: DBAPICursor, at: datetime | None = None) -> Answer:
        """`begin` as a part of a transaction: its answer, and its lines of the log. `at` is now unless it is given."""
        now, held = at or utc_now(), _held(delivery, "claimed")
        if self._begin.execute(cursor, {**held, "at": now}):
            return "sending", [entry(delivery, "claimed", "sending", delivery.holder, None, now)]
        if self._suppress.execute(cursor, held):
            return "suppressed", [entry(delivery, "claimed", "suppressed", delivery.holder, WHY_SUPPRESSED, now)]
        return None, []

    def settle_in(self, settlement: Settlement, cursor: DBAPICursor, at: datetime | None = None) -> Answer:
        """`settle` as a part of a transaction: its answer, and its lines of the log. `at` is now unless it is given."""
        delivery, source, verdict, not_before = settlement
        now = at or utc_now()
        values = _settled(delivery, verdict, not_before, now)
        for state in (source, "in_doubt"):
            allowed = verdict.state in BY_MACHINE[state]
            if allowed and self._settle.execute(cursor, {**_held(delivery, state), **values}):
                if verdict.undeliverable and delivery.email_key:
                    self._suppress_address(delivery, verdict, cursor)
                return True, [entry(delivery, state, verdict.state, delivery.holder, verdict.reason, now)]
        return False, []

    def _both_in(self, settlement: Settlement, delivery: Delivery, cursor: DBAPICursor) -> Answer:
        now = utc_now()
        settled, lines = self.settle_in(settlement, cursor, now)
        state, more = self.begin_in(delivery, cursor, now)
        return (settled, state), lines + more

    def _suppress_address(self, delivery: Delivery, verdict: Verdict, cursor: DBAPICursor) -> None:
        row = {
            "email_key": delivery.email_key, "scope": "all", "reason": verdict.reason or "undeliverable",
            "source": delivery.delivery_id, "at": utc_now(),
        }  # fmt: skip
        self._keep_out.execute(cursor, row)


def entry(
    delivery: Delivery,
    source: str | None,
    target: str,
    actor: str,
    reason: str | None = None,
    at: datetime | None = None,
) -> dict[str, Any]:
    """A line of the log; `at` is now unless it is given."""
    return {
        "delivery_id": delivery.delivery_id, "from_state": source, "to_state": target, "actor": actor,
        "at": at or utc_now(), "reason": reason,
    }  # fmt: skip


def _held(delivery: Delivery, source: str) -> dict[str, Any]:
    return {"key": delivery.delivery_id, "source": source, "me": delivery.holder, "my_fence": delivery.fence}


def _settled(delivery: Delivery, verdict: Verdict, not_before: datetime | None, now: datetime) -> dict[str, Any]:
    refused_at = delivery.refused_at or (now if verdict.state in ("pending", "expired") else None)
    values = (
        verdict.state, verdict.reason, now if verdict.state == "sent" else None, delivery.attempt + 1, refused_at,
        not_before, verdict.phase, verdict.code, verdict.status, verdict.text,
    )  # fmt: skip
    return {f"new_{name}": value for name, value in zip(_SETTLED, values, strict=True)}
