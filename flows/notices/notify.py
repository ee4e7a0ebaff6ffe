"""Send each receiver what has changed since its last notice, once."""

import http.client
import logging
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta

from compiler import PartnerflowError, Receiver
from flows.definitions.diff import changes, last_run
from flows.definitions.loader import Definitions, read_definitions
from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.notified import Notified, NotifiedKey, newest_hour, read_notified, record_notified
from flows.ledger.queries import deliveries
from flows.notices.condition import Condition, changes_that_reach_many, conditions_of_run, no_run
from flows.notices.receivers import Receivers
from flows.notices.send import Notice, send
from flows.plan.plan import Plan
from flows.printable import printable
from flows.settings import Settings

logger = logging.getLogger(__name__)

SENDING_ERRORS = (PartnerflowError, OSError, http.client.HTTPException, subprocess.SubprocessError, ValueError)
"""What can go wrong with one notice: the mail server, a webhook or its address, a command."""


def notify_of_run(settings: Settings, definitions: Definitions, ledger: Ledger, plan: Plan) -> None:
    """Tell the receivers what has changed after a run, before it saves its definitions.

    A notice that cannot be sent is logged, and the next run tries again.
    """
    if not has_receivers(definitions):
        return
    doubts = Counter(one.workflow_id for one in deliveries(ledger, ["in_doubt"]))
    conditions = conditions_of_run(plan, changes(settings, definitions), doubts, definitions.notices.many_partners)
    notify(settings, Receivers(definitions, last_run(settings)), ledger, conditions)


def notify_of_changes(settings: Settings, definitions: Definitions, ledger: Ledger, plan: Plan) -> None:
    """Tell the receivers, before the first email leaves, which new or changed workflows reach unusually many.

    What is sent here is not news after the run. A notice that cannot be sent is logged, and tried again then.
    """
    if has_receivers(definitions):
        found = changes_that_reach_many(plan, changes(settings, definitions), definitions.notices.many_partners)
        notify(settings, Receivers(definitions, last_run(settings)), ledger, found)


def notify_of_silence(settings: Settings, now: datetime) -> None:
    """Tell the receivers of notices.yml when there has been no run for too long. `now` has a time zone."""
    definitions = read_definitions(settings)
    with closing(Ledger(settings.ledger)) as ledger:
        newest = newest_hour(ledger)
        if newest is None:
            return
        silent = timedelta(hours=definitions.notices.silent_hours)
        condition = no_run(newest, now.astimezone(UTC).replace(tzinfo=None), silent)
        notify(settings, Receivers(definitions, last_run(settings)), ledger, [condition])


def notify(settings: Settings, receivers: Receivers, ledger: Ledger, conditions: Iterable[Condition]) -> None:
    """Send one notice to each receiver to which a condition is news, and record what each was notified of.

    A notice that is not accepted leaves the receiver without the notice, so that the next run tries again.
    """
    notified = read_notified(ledger)
    news: dict[Receiver, list[Condition]] = {}
    silent: dict[NotifiedKey, Notified] = {}
    for receiver, condition in [(one, each) for each in conditions for one in receivers.of(each)]:
        key = _key(receiver, condition)
        known = notified.get(key, Notified("", utc_now()))
        if known.state != condition.state and condition.is_news_after(known.state):
            news.setdefault(receiver, []).append(condition)
        elif known.state != condition.state or known.error:
            silent[key] = Notified(condition.state, utc_now())
    record_notified(ledger, silent)
    for receiver, found in news.items():
        error = _error_of(settings, receiver, Notice(found))
        record_notified(ledger, {_key(receiver, one): _after(notified, receiver, one, error) for one in found})


def _after(
    notified: Mapping[NotifiedKey, Notified], receiver: Receiver, condition: Condition, error: str | None
) -> Notified:
    """Return the state to record: with an error it is that of before, so that the condition stays news."""
    before = notified.get(_key(receiver, condition))
    state = condition.state if error is None else before.state if before else ""
    return Notified(state, utc_now(), error)


def has_receivers(definitions: Definitions) -> bool:
    """Return whether anybody is to get notices."""
    return bool(definitions.notices.notify or any(one.notify for one in definitions.workflows))


def _error_of(settings: Settings, receiver: Receiver, notice: Notice) -> str | None:
    """Send a notice, and return why it could not be sent; None if it was. Whatever goes wrong, the run goes on."""
    try:
        send(settings, receiver, notice)
    except SENDING_ERRORS as error:
        reason = printable(f"{error}" or type(error).__name__)
        logger.warning("The notice to %s could not be sent: %s", receiver, reason)
        return reason
    logger.info("Sent a notice to %s: %s", receiver, notice.subject)
    return None


def _key(receiver: Receiver, condition: Condition) -> NotifiedKey:
    return NotifiedKey(str(receiver), condition.kind, condition.subject)
