"""The relationship stage of a partner in plain Python, written from the text of semantics.md, "Relationship stage".

Each rule has the sentence that it comes from above it. Where the text is silent, "Open:" gives the reading chosen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]

ANY = ("None", "New", "Outreach", "Negotiating", "Joined", "Expired")
NEVER = datetime.max.replace(tzinfo=UTC)
AT_ONCE_AFTER = timedelta(microseconds=1)

# "the contract is or was seen as | event | from | becomes"
MOVES = {
    "tagged": (("None",), "New"),
    "emailed": (("None", "New"), "Outreach"),
    "proposal": (("None", "New"), "Outreach"),
    "application": (("None", "New", "Outreach", "Expired"), "Negotiating"),
    "counter-proposal": (("None", "New", "Outreach", "Expired"), "Negotiating"),
    "agreement": (("None", "New", "Outreach", "Expired"), "Negotiating"),
    "start": (ANY, "Joined"),
    "end": (("Joined",), "Expired"),
}
"""The derived events in the order of the table: the stages that each moves, and the stage that it leads to."""

SIGNED = ("Joined", "Awaiting Contract Start")
COUNTERED = ("Advertiser Countered", "Publisher Countered")
SEEN_AS = {
    "Awaiting Publisher Approval": "proposal",
    "Awaiting Advertiser Approval": "application",
    "Awaiting Contract Start": "agreement",
}
"""Contract stages to the events, dated created_at, that they are."""
INFERRED_FROM = {
    "Publisher Declined": "proposal",
    "Advertiser Retracted": "proposal",
    "Pending Contract Expired": "proposal",
    "Advertiser Declined": "application",
    "Publisher Retracted": "application",
    "Joined": "agreement",
    "Expired": "agreement",
}
"""Contract stages to the events that came before them."""
PROPOSALS = {"Awaiting Publisher Approval", "Publisher Declined", "Advertiser Retracted", "Pending Contract Expired"}


@dataclass(frozen=True)
class Event:
    """A transition event. `kind` is a key of MOVES, or "supplied"."""

    at: datetime
    stage: str
    kind: str

    def moves(self, stage: str) -> bool:
        """Return whether the event moves a partner that has this stage."""
        # "a supplied relationship event | supplied | any | as supplied"
        return self.kind == "supplied" or stage in MOVES[self.kind][0]

    @property
    def order(self) -> tuple[datetime, int]:
        """Return the sort key. "Supplied and derived events stand side by side, ordered by instant."

        Open: at one instant, the order of the table, where supplied events come last.
        """
        return self.at, [*MOVES, "supplied"].index(self.kind)


@dataclass(frozen=True)
class Term:
    """A time during which a contract was signed and had started but had not ended: from `start` until before `end`."""

    start: datetime
    end: datetime


def derived(kind: str, at: datetime) -> Event:
    """Return a derived event."""
    return Event(at, MOVES[kind][1], kind)


# The newest event


def stage_at(events: Iterable[Event], as_of: datetime, zone: ZoneInfo) -> tuple[str, datetime | None]:
    """Return the stage as of an instant and the instant of its event.

    "The stage is the stage of the newest transition event; events may repeat a stage."
    "Relationship Stage None: partners without any transition event."
    """
    stage, since = "None", None
    for event in sorted(transitions(events, as_of, zone), key=lambda event: event.order):
        if event.moves(stage):
            stage, since = event.stage, event.at
    # "None: their transition date is unknown". Open: also after a supplied None.
    return stage, None if stage == "None" else since


def transitions(events: Iterable[Event], as_of: datetime, zone: ZoneInfo) -> list[Event]:
    """Return the events up to an instant that count: no restatements, takebacks and double reports."""
    past = [event for event in events if event.at <= as_of]
    ours = [event for event in past if event.kind != "supplied"]
    supplied = [
        event
        for event in without_restatements(event for event in past if event.kind == "supplied")
        if not takes_back(event, ours, zone)
    ]
    # "On one local day a supplied event replaces derived events of the same stage (double reporting), nothing else."
    # Open: a supplied event that moves nothing replaces nothing.
    reported = {(day(event, zone), event.stage) for event in supplied}
    return supplied + [event for event in ours if (day(event, zone), event.stage) not in reported]


def without_restatements(supplied: Iterable[Event]) -> list[Event]:
    """Return the events, without "one that repeats the partner's last supplied stage"."""
    kept, last = [], None
    for event in sorted(supplied, key=lambda event: event.order):
        if event.stage != last:
            kept.append(event)
        last = event.stage
    return kept


def takes_back(supplied: Event, ours: Iterable[Event], zone: ZoneInfo) -> bool:
    """Return whether a supplied event would take back what happened earlier that day.

    "A supplied None or New does not take back our own email, a proposal, an application or a contract of the same day."
    Open: "a contract" is one that starts; "an application" is also a counter-proposal and an agreement.
    """
    return supplied.stage in ("None", "New") and any(
        event.kind not in ("tagged", "end") and event.at <= supplied.at and day(event, zone) == day(supplied, zone)
        for event in ours
    )


def day(event: Event, zone: ZoneInfo) -> Any:
    """Return the local date of an event."""
    return event.at.astimezone(zone).date()


# The events of one partner


def relationship_events(rows: Mapping[str, Sequence[Row]]) -> list[Event]:
    """Return the events of one partner at any time, from its raw rows."""
    versions = contract_versions(rows)
    return [
        *tagged(rows.get("prospects", ())),
        *emailed(rows.get("sent_emails", ())),
        *supplied_events(rows.get("relationship_events", ())),
        *[event for contract in versions.values() for event in talks(contract)],
        *starts_and_ends(versions),
    ]


def contract_versions(rows: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """Return the versions of each contract of a partner, in the order in which they were seen, by contract id.

    "Events are derived from every stage a contract was seen in." `contract_versions` has the contract rows as they were
    seen, each with `seen_at`; without it the rows of `contracts` were seen, and no others.
    """
    versions: dict[str, list[Row]] = {}
    for row in rows.get("contract_versions", rows.get("contracts", ())):
        versions.setdefault(row["contract_id"], []).append(row)
    return versions


def tagged(prospects: Iterable[Row]) -> list[Event]:
    """ "tagged as a prospect | tagged | None | New | tagged_at" """
    return [derived("tagged", row["tagged_at"]) for row in prospects]


def emailed(emails: Iterable[Row]) -> list[Event]:
    """Return the emails that were sent: accepting an application is not an email.

    "our own email was sent | emailed | the hour of the run that delivered it (not of the one that claimed it)"
    "Our own emails take effect from the next run on": just after that hour.
    """
    return [
        derived("emailed", (row.get("delivered_as_of") or row["as_of"]) + AT_ONCE_AFTER)
        for row in emails
        if row["action"] == "email" and row["state"] == "sent"
    ]


def supplied_events(rows: Iterable[Row]) -> list[Event]:
    """ "a supplied relationship event | supplied | any | as supplied | transitioned_at"

    "Empty text is null everywhere." Open: a null stage is not an event.
    """
    return [
        Event(row["transitioned_at"], row["relationship_stage"], "supplied")
        for row in rows
        if not is_empty(row["relationship_stage"])
    ]


def is_empty(text: str | None) -> bool:
    """ "Empty text is null everywhere." """
    return not (text or "").strip()


# Contracts before they start


def talks(versions: Sequence[Row]) -> Iterable[Event]:
    """Yield what went before the start of a contract, from the versions of its row in the order they were seen.

    "Where a stage was never seen it is inferred from the one that followed it." "Declined and retracted proposals move
    nothing": what they are inferred from is all.
    """
    seen: list[str] = []
    for version in versions:
        stage = version["contract_stage"]
        # Open: a correction of a row that keeps its stage is not another event.
        if seen[-1:] == [stage]:
            continue
        if stage in SEEN_AS:
            yield derived(SEEN_AS[stage], version["created_at"])
        # "Joined and Expired where nothing earlier was seen". Open: nothing earlier than the other stages, too; an
        # application, which moves a partner further, is inferred where nothing but a proposal was seen.
        earlier = set(seen) - (PROPOSALS if INFERRED_FROM.get(stage) == "application" else set())
        if stage in INFERRED_FROM and not earlier:
            yield derived(INFERRED_FROM[stage], version["created_at"])
        # "a counter-proposal | when that stage began"
        if stage in COUNTERED:
            yield derived("counter-proposal", moment(version))
        seen.append(stage)


def moment(version: Row) -> datetime:
    """Return when a version of a row began: "the moment it was seen or said (updated_at)".

    Open: when it was said, if the source says so.
    """
    return version.get("updated_at") or seen_at(version)


def seen_at(version: Row) -> datetime:
    """Return when a version was first seen: when it was loaded, or was found. Open: otherwise after all hours."""
    return version.get("_loaded_at") or version.get("seen_at") or NEVER


# Contracts in force


def terms(versions: Sequence[Row]) -> list[Term]:
    """Return when a contract was in force if it was not superseded, from the versions of its row in order.

    "An event that has happened stays happened": what a version says happens, if it happens before the next version.
    """
    found: list[Term] = []
    start = None
    for version, following in pairwise((*versions, None)):
        # Open: what a row says that is Joined is undone when another is seen; of one that only awaits its start, also
        # when another is said.
        is_joined = version["contract_stage"] == "Joined"
        until = NEVER if following is None else seen_at(following) if is_joined else moment(following)
        is_new = start is None
        if is_new:
            start = _start(version, until, found)
        if start is None:
            continue
        end = _end(version, start, until, is_new)
        if end is not None:
            found += [Term(start, end)] if start < end else []
            start = None
    return found + ([Term(start, NEVER)] if start else [])


def _start(version: Row, until: datetime, ended: Sequence[Term]) -> datetime | None:
    """Return when a contract that is not in force starts, by this version, or None."""
    # "Joined, or Awaiting Contract Start once it has started"; "where a stage was never seen it is inferred from the
    # one that followed it": Joined from Expired. Open: a contract without starts_at does not start.
    if version["contract_stage"] not in (*SIGNED, "Expired") or version.get("starts_at") is None:
        return None
    # "the later of starts_at and created_at: nobody has joined before the contract existed"
    start = max(version["starts_at"], version["created_at"])
    if version["contract_stage"] == "Expired":
        return None if ended else start
    # Open: a contract that is in force again after it ended starts again when that was seen or said.
    if ended:
        start = max(start, moment(version))
    return start if start < until else None


def _end(version: Row, start: datetime, until: datetime, is_new: bool) -> datetime | None:
    """Return when a contract that started at `start` ends, by this version, or None if it does not."""
    # "Expired, or ends_at has passed | the earlier of ends_at and the moment it was seen or said (updated_at) as
    # Expired"
    is_expired = version["contract_stage"] == "Expired"
    # Open: some sources date each change of a contract at its start. What is said to be Expired by then was when seen.
    expired = moment(version) if moment(version) > start else seen_at(version)
    ends = [at for at in (version.get("ends_at"), expired if is_expired else None) if at]
    # Open: a contract that was in force ends after its start. Of a correction that has the end at the start or before,
    # it is when that was said, or seen.
    if not is_new and ends and min(ends) <= start:
        ends = [expired]
    end = min(ends, default=NEVER)
    return end if is_expired or end < until else None


def starts_and_ends(versions: Mapping[str, Sequence[Row]]) -> Iterable[Event]:
    """Yield the starts and ends of a partner's contracts: walk through all instants at which one starts or ends."""
    in_terms = {contract: terms(rows) for contract, rows in versions.items()}
    for at in sorted({at for found in in_terms.values() for term in found for at in (term.start, term.end)}):
        counting = {contract: found for contract, found in in_terms.items() if not superseded(contract, at, versions)}
        in_force = any(term.start <= at < term.end for found in counting.values() for term in found)
        # "a contract in force starts | any | Joined"; "a superseding contract is Joined to Joined"
        if any(term.start == at for found in counting.values() for term in found):
            yield derived("start", at)
        # "no successor has come into force | the last contract in force ends"
        if at < NEVER and not in_force and any(term.end == at for found in counting.values() for term in found):
            yield derived("end", at)


def superseded(contract: str, at: datetime, versions: Mapping[str, Sequence[Row]]) -> bool:
    """Return whether a contract's successor is or has been in force at an instant.

    "A successor counts only when it is a contract of the same partner that is in the table, signed and in force by
    then": one that is "empty, unknown, declined or retracted" does not count.
    Open: a contract is not its own successor. The successor is that of the version of the instant.
    """
    rows = [row for row in versions[contract] if moment(row) <= at] or versions[contract][:1]
    successor = None if is_empty(rows[-1].get("superseded_by")) else rows[-1]["superseded_by"].strip()
    if successor == contract:
        return False
    return any(term.start <= at for term in terms(versions.get(successor, ())))
