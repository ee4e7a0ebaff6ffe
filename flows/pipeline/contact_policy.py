"""The contact policy in `plan` and `run`: decided on the ledger, then recorded in it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from compiler import Compiler
from flows.ledger.caps import SendingHours, Wait, read_sending_hours
from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries, waiting_deliveries
from flows.local_time import local_time
from flows.pipeline.recheck import failed_conditions
from flows.plan.plan import Deferred, Disqualified, Plan, with_details
from flows.sending.contact_policy import Decision, Requalify, SendingHour, decide, partner_of_email
from flows.warehouse.connection import Connection


def decide_in_ledger(ledger: Ledger, hour: SendingHour, requalify: Requalify, new: Iterable[Delivery] = ()) -> Decision:
    """Return the decision on the pending emails of the ledger, and on `new` ones that are not in it.

    Without caps and send windows only the emails that wait already are read, so that memory does not grow with the
    number of the others.
    """

    def sent_before(candidates: Collection[Delivery]) -> SendingHours:
        with ledger.store.reading() as connection:
            return read_sending_hours(connection, hour.policy, candidates, hour.as_of)

    pending = deliveries(ledger, ["pending"]) if hour.may_hold_back else waiting_deliveries(ledger)
    return decide(hour, pending, sent_before, requalify, new if hour.may_hold_back else ())


def apply(ledger: Ledger, decision: Decision, run_id: str) -> None:
    """Record a decision in the ledger."""
    if decision.waits:
        ledger.make_wait(decision.waits, run_id)
    for one, conditions in decision.disqualified:
        ledger.resolve(one, "disqualified", run_id, f"No longer in the segment: {', '.join(conditions)}.")
    for one in decision.given_up:
        ledger.resolve(one, "expired", run_id, f"Given up: it waited for too long. {one.reason or ''}".strip())


def with_decision(plan: Plan, decision: Decision, zones: Mapping[str, str]) -> Plan:
    """Return the plan with the emails that wait, and the partners that no longer qualify after a wait.

    `zones` has the time zone of each program, by id.
    """
    waits: dict[tuple[str, str, str], list[Wait]] = defaultdict(list)
    for one, wait in decision.waits:
        waits[one.workflow_id, wait.reason, one.program_id].append(wait)
    details: dict[str, list[str]] = {}
    for (workflow_id, reason, program), found in sorted(waits.items()):
        until = _until({wait.not_before for wait in found}, zones.get(program, "UTC"))
        details.setdefault(workflow_id, []).append(f"{len(found):,} {_sentence(len(found), reason)} ({until})")
    for workflow_id, count in sorted(Counter(one.workflow_id for one, _ in decision.disqualified).items()):
        details.setdefault(workflow_id, []).append(f"{count:,} left out after a wait: no longer in the segment")
    for workflow_id, count in sorted(Counter(one.workflow_id for one in decision.given_up).items()):
        details.setdefault(workflow_id, []).append(f"{count:,} given up after a wait")
    deferred = [
        Deferred(*partner_of_email(one), one.email or "", wait.not_before.replace(tzinfo=UTC), wait.reason)
        for one, wait in sorted(decision.waits, key=lambda both: (partner_of_email(both[0]), both[0].email or ""))
    ]
    left_out = [
        Disqualified(*partner_of_email(one), conditions)
        for one, conditions in sorted(decision.disqualified, key=lambda both: partner_of_email(both[0]))
    ]
    changed = with_details(plan, {name: ". ".join(texts) for name, texts in details.items()})
    return replace(changed, deferred=tuple(deferred), disqualified=(*plan.disqualified, *left_out))


def requalify_by(connection: Connection, hour: SendingHour, compiler: Compiler) -> Requalify:
    """Return the check of partners at the hour of raw.evaluations, which must be that of `hour`."""
    return lambda partners: failed_conditions(connection, partners, hour.workflows, compiler)


def _sentence(count: int, reason: str) -> str:
    return reason.removesuffix(".").replace("Waits", "waits" if count == 1 else "wait", 1)


def _until(hours: set[datetime], zone: str) -> str:
    """Return until when emails wait, in the time of a zone."""
    first, last = (local_time(one, ZoneInfo(zone)) for one in (min(hours), max(hours)))
    return f"until {first}" if first == last else f"until {first} to {last}"
