"""Who is in a segment, in plain Python: the semantics read aloud, and nothing shared with what is tested.

    Oracle(rows, "1000", as_of).members([("Clicks", "less than", 100)])

`rows` is {raw table: [dict]}, times aware, a column left out is null. A segment is a list of tuples, one a condition:

    ("Clicks", "less than", 100)                     also Actions, Revenue; also "greater than"
    ("Performance Date Range", "days ago", 0, 14)    also Last Transition Date; also "last days", 30
    ("Last Transition Date", "dates", d1, d2)
    ("Contract Stage", "is any of", ("None", "Joined"))
    ("Partner Template Term", "contains", "gold")

Each rule stands below the sentence of semantics.md ("What the words mean: decisions") that it comes from; where that is
silent, "Open:" says what is done, which is what the dbt models do.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Condition = tuple
Row = Mapping[str, Any]

RELATIONSHIP_STAGES = ("None", "New", "Outreach", "Negotiating", "Joined", "Expired")
CONTRACT_STAGES = (
    "Awaiting Publisher Approval",
    "Awaiting Advertiser Approval",
    "Publisher Declined",
    "Advertiser Declined",
    "Joined",
    "Expired",
    "Awaiting Contract Start",
    "Advertiser Retracted",
    "Advertiser Countered",
    "Publisher Retracted",
    "Publisher Countered",
    "Pending Contract Expired",
)
MEASURES = ("Clicks", "Actions", "Revenue")
ON_CONTRACTS = ("Contract Stage", "Contract ID", "Partner Template Term")
DATES = ("Performance Date Range", "Last Transition Date")
LABELS = (*MEASURES, *DATES, "Relationship Stage", "Partner Group", "Partner Name", "Partner ID", *ON_CONTRACTS)

MOVES_FROM = {
    # "tagged as a prospect | tagged | None | New"
    "New": ("None",),
    # "our own email was sent | emailed | None, New | Outreach"; "a proposal was sent | None, New | Outreach"
    "Outreach": ("None", "New"),
    # "an application waits", "a counter-proposal", "both have agreed": "None, New, Outreach, Expired | Negotiating"
    "Negotiating": ("None", "New", "Outreach", "Expired"),
    # "the last contract in force ends | Joined | Expired"
    "Expired": ("Joined",),
    # "a contract in force starts | any | Joined"
    "Joined": RELATIONSHIP_STAGES,
}
"""The stage that a derived event leads to, and the stages that it moves. Open: events of one instant happen in the
order in which they stand here, and a supplied one comes last."""

INFERRED_FROM = {
    # "inferred from Publisher Declined, Advertiser Retracted, Pending Contract Expired"
    "Outreach": ("Publisher Declined", "Advertiser Retracted", "Pending Contract Expired"),
    # "inferred from Advertiser Declined, Publisher Retracted"; "inferred from Joined and Expired where nothing earlier
    # was seen"
    "Negotiating": ("Advertiser Declined", "Publisher Retracted", "Joined", "Expired"),
}
"""The stage of a partner to the contract stages that it is inferred from, where a contract was first seen in them."""

SIGNED = ("Joined", "Awaiting Contract Start")

FIRST_SEEN = datetime(2100, 1, 1, tzinfo=UTC)
"""When a row without a time of loading was seen, after every hour (SNAPSHOT_AT in account.py)."""


@dataclass(frozen=True)
class Period:
    """A contract and a time in which it was in one stage: when the stage began and was seen, and its newest dates."""

    contract: Row
    began: datetime
    seen: datetime

    @property
    def stage(self) -> str:
        """The stage of the contract."""
        return self.contract["contract_stage"]


@dataclass(frozen=True)
class Term:
    """A time in which a contract was in force, `end` excluded; the end it has by itself may be cut by a successor."""

    contract: Row
    start: datetime
    end: datetime | None

    def holds_at(self, instant: datetime) -> bool:
        """Whether the contract is in force at an instant."""
        return self.start <= instant and (self.end is None or instant < self.end)


@dataclass(frozen=True)
class Event:
    """Something that may move a partner's relationship stage."""

    at: datetime
    stage: str
    supplied: bool

    def moves(self, stage: str) -> bool:
        """ "a supplied relationship event | any | as supplied"; a derived one as MOVES_FROM says."""
        return self.supplied or stage in MOVES_FROM[self.stage]

    def rank(self) -> tuple[datetime, int]:
        """The order in which events happen."""
        return self.at, len(MOVES_FROM) if self.supplied else list(MOVES_FROM).index(self.stage)


@dataclass(frozen=True)
class Verdict:
    """Whether one condition (or the conditions on contracts together) holds for one partner, and what decided it."""

    conditions: tuple[Condition, ...]
    holds: bool
    because: str


class Oracle:
    """One program ("Everything is per program and partner") at one hour ("as_of is an input; nothing asks the
    clock")."""

    def __init__(
        self, rows: Mapping[str, Sequence[Row]], program_id: str, as_of: datetime, include_today: bool = False
    ):
        """`include_today` is the project setting `last_n_days_include_today`."""
        (program,) = [row for row in rows["programs"] if row["program_id"] == program_id]
        self.rows = {
            table: [row for row in records if row.get("program_id") == program_id] for table, records in rows.items()
        }
        self.zone = ZoneInfo(program["timezone"])
        self.as_of = as_of
        self.today = self.local_date(as_of)
        self.first_of_last_days = 0 if include_today else 1

    def members(self, segment: Iterable[Condition]) -> set[str]:
        """ "A list of one or more conditions, all of which must hold (AND)." """
        conditions = list(segment)
        return {
            partner["partner_id"]
            for partner in self.rows["partners"]
            if all(verdict.holds for verdict in self.verdicts(partner["partner_id"], conditions))
        }

    def verdicts(self, partner_id: str, segment: Sequence[Condition]) -> list[Verdict]:
        """What is found for each condition of a segment."""
        window = next((condition for condition in segment if condition[0] == "Performance Date Range"), None)
        verdicts = [
            self._verdict(partner_id, condition, window)
            for condition in segment
            if condition[0] not in (*ON_CONTRACTS, "Performance Date Range")
        ]
        on_contracts = tuple(condition for condition in segment if condition[0] in ON_CONTRACTS)
        return verdicts + ([self._contracts_verdict(partner_id, on_contracts)] if on_contracts else [])

    def _verdict(self, partner_id: str, condition: Condition, window: Condition | None) -> Verdict:
        label = condition[0]
        if label in MEASURES:
            actual = self.measure(label, partner_id, window)
            return Verdict((condition,), _compares(actual, condition), f"{label} {actual}")
        if label == "Relationship Stage":
            stage, _ = self.stage(partner_id)
            return Verdict((condition,), stage in _stages(condition, RELATIONSHIP_STAGES), f"{label} {stage}")
        if label == "Last Transition Date":
            _, day = self.stage(partner_id)
            shown = f"{label} {day}, {(self.today - day).days} days ago" if day else f"no {label}"
            # "Their transition date is unknown, so a Last Transition Date never matches them."
            return Verdict((condition,), day is not None and self.inside(day, condition), shown)
        found = self._names(label, partner_id)
        # "`is any of` a list. Names match exactly."
        return Verdict((condition,), any(name in condition[2] for name in found), f"{label} {found}")

    def _names(self, label: str, partner_id: str) -> list[str | None]:
        if label == "Partner Group":
            return [row.get("group_name") for row in self._of(partner_id, "partner_groups")]
        column = {"Partner Name": "name", "Partner ID": "partner_id"}[label]
        return [row[column] for row in self._of(partner_id, "partners")]

    # Dates

    def local_date(self, instant: datetime) -> date:
        """ "Every date is a local calendar date in the program's IANA time zone. A timestamp becomes a date there
        first"."""
        return instant.astimezone(self.zone).date()

    def inside(self, day: date, window: Condition) -> bool:
        """Whether a date lies in a window, "both ends inclusive"; "days are then counted as calendar dates, never as
        multiples of 24 hours", and "windows hang on the run's date"."""
        _, form, *ends = window
        if form == "dates":
            return ends[0] <= day <= ends[1]
        # "is Last N Days | 1 to N"; "last_n_days_include_today, makes it 0 to N"
        nearest, farthest = ends if form == "days ago" else (self.first_of_last_days, ends[0])
        return nearest <= (self.today - day).days <= farthest

    # Clicks, actions, revenue

    def measure(self, label: str, partner_id: str, window: Condition | None) -> int | Decimal:
        """A partner's total. "A partner without a single row has 0 clicks, 0 actions, 0 revenue"; "Measures without a
        range: all history"."""
        if label == "Clicks":
            return sum(row["clicks"] for row in self._clicks(partner_id, window))
        actions = self._actions(partner_id, window)
        if label == "Actions":
            return len({action["action_id"] for action in actions})
        # "Sum of the current sale amount of those same actions"; open: an unknown amount adds nothing
        return sum((Decimal(action.get("amount") or 0) for action in actions), Decimal(0))

    def _clicks(self, partner_id: str, window: Condition | None) -> list[Row]:
        """Clicks are known by local date; what is dated after the run's date has not happened."""
        return [
            row
            for row in self._of(partner_id, "partner_clicks_daily")
            if row["click_date"] <= self.today and (window is None or self.inside(row["click_date"], window))
        ]

    def _actions(self, partner_id: str, window: Condition | None) -> list[Row]:
        """ "distinct actions by event date whose state is not REVERSED (PENDING counts)", up to the instant."""
        return [
            row
            for row in self._of(partner_id, "actions")
            if row["state"] != "REVERSED"
            and row["event_at"] <= self.as_of
            and (window is None or self.inside(self.local_date(row["event_at"]), window))
        ]

    # Relationship stage

    def stage(self, partner_id: str) -> tuple[str, date | None]:
        """The stage and the local date of the newest transition: events one after another, each moving or not."""
        stage, day = "None", None
        for event in sorted(self.events(partner_id), key=Event.rank):
            if event.at <= self.as_of and event.moves(stage):
                stage, day = event.stage, self.local_date(event.at)
        # Open: a supplied None is the stage None, without a date.
        return (stage, day) if stage != "None" else ("None", None)

    def events(self, partner_id: str) -> list[Event]:
        """All that may move a partner. "Supplied and derived events stand side by side, ordered by instant." """
        derived = {Event(at, stage, False) for at, stage in self._derived(partner_id) if at is not None}
        emailed = set(self._emailed(partner_id))
        supplied = [one for one in self._supplied(partner_id) if not self._takes_back(one, derived | emailed)]
        # "On one local day a supplied event replaces derived events of the same stage (double reporting)". Open: our
        # own email stays, which is known and not derived.
        reported = {(self.local_date(event.at), event.stage) for event in supplied}
        return [
            *supplied,
            *emailed,
            *[one for one in derived if (self.local_date(one.at), one.stage) not in reported],
        ]

    def _supplied(self, partner_id: str) -> Iterable[Event]:
        """ "one that repeats the partner's last supplied stage is a restatement and moves nothing" """
        rows = self._of(partner_id, "relationship_events")
        last = None
        for event in sorted(
            {Event(row["transitioned_at"], row["relationship_stage"], True) for row in rows}, key=_told
        ):
            if event.stage != last:
                yield event
            last = event.stage

    def _takes_back(self, supplied: Event, others: Iterable[Event]) -> bool:
        """ "A supplied None or New does not take back our own email, a proposal, an application or a contract of the
        same day". Open: of that day, and not after the supplied event."""
        return supplied.stage in ("None", "New") and any(
            other.stage in ("Outreach", "Negotiating", "Joined")
            and other.at <= supplied.at
            and self.local_date(other.at) == self.local_date(supplied.at)
            for other in others
        )

    def _emailed(self, partner_id: str) -> list[Event]:
        """ "the hour of the run that delivered it (not of the one that claimed it)"; "Our own emails take effect from
        the next run on." """
        return [
            Event((row.get("delivered_as_of") or row["as_of"]) + timedelta(microseconds=1), "Outreach", False)
            for row in self._of(partner_id, "sent_emails")
            if row["action"] == "email" and row["state"] == "sent"
        ]

    def _derived(self, partner_id: str) -> Iterable[tuple[datetime | None, str]]:
        for row in self._of(partner_id, "prospects"):
            yield row["tagged_at"], "New"
        for periods in self.periods(partner_id):
            # "where a stage was never seen it is inferred from the one that followed it"
            for stage, contract_stages in INFERRED_FROM.items():
                if periods[0].stage in contract_stages:
                    yield periods[0].contract["created_at"], stage
            for period in periods:
                # "a proposal was sent", "an application waits", "both have agreed": "dated created_at"
                if period.stage == "Awaiting Publisher Approval":
                    yield period.contract["created_at"], "Outreach"
                if period.stage in ("Awaiting Advertiser Approval", "Awaiting Contract Start"):
                    yield period.contract["created_at"], "Negotiating"
                # "a counter-proposal": "when that stage began"
                if period.stage in ("Advertiser Countered", "Publisher Countered"):
                    yield period.began, "Negotiating"
                # "Declined and retracted proposals move nothing"
        yield from self._starts_and_ends(partner_id)

    def periods(self, partner_id: str) -> list[list[Period]]:
        """The periods of each contract: "events are derived from every stage a contract was seen in".

        `contract_versions` has the versions of contracts in the order in which they were seen; without it, the one
        version of `contracts` was.
        """
        table = "contract_versions" if "contract_versions" in self.rows else "contracts"
        contracts: dict[str, list[Period]] = {}
        for row in self._of(partner_id, table):
            periods = contracts.setdefault(row["contract_id"], [])
            seen = row.get("_loaded_at") or row.get("seen_at") or FIRST_SEEN
            if periods and periods[-1].stage == row["contract_stage"]:
                periods[-1] = replace(periods[-1], contract=row)
            else:
                periods.append(Period(row, row.get("updated_at") or seen, seen))
        return list(contracts.values())

    def _starts_and_ends(self, partner_id: str) -> Iterable[tuple[datetime, str]]:
        terms = self.terms(partner_id)
        for term in terms:
            yield term.start, "Joined"
            # "the last contract in force ends": "and no successor has come into force"
            if term.end is not None and not any(other.holds_at(term.end) for other in terms):
                yield term.end, "Expired"

    def terms(self, partner_id: str) -> list[Term]:
        """When the partner's contracts were in force. Open: one that ends before it starts never was."""
        own = [term for periods in self.periods(partner_id) for term in _own_terms(periods)]
        counting = [term for term in own if term.end is None or term.end > term.start]
        terms = []
        for term in counting:
            # "A successor counts only when it is a contract of the same partner that is in the table, signed and in
            # force by then"; "empty text is null everywhere"
            starts = [one.start for one in counting if one.contract["contract_id"] == _successor(term.contract)]
            end = min([term.end or min(starts), *starts]) if starts else term.end
            if end is None or end > term.start:
                terms.append(replace(term, end=end))
        return terms

    # Contracts

    def _contracts_verdict(self, partner_id: str, conditions: tuple[Condition, ...]) -> Verdict:
        """ "Contract Stage, Contract ID and Partner Template Term in one segment must hold on the same contract."

        Open: a contract is there from created_at on, with the stage that the source tells now.
        """
        contracts = [row for row in self._of(partner_id, "contracts") if row["created_at"] <= self.as_of]
        holds = any(self._contract_meets(contract, conditions) for contract in contracts)
        # "Stage None = no contract at all; `None, Joined` = either."
        if [condition[0] for condition in conditions] == ["Contract Stage"] and "None" in conditions[0][2]:
            holds = holds or not contracts
        return Verdict(conditions, holds, f"contracts {[_short(contract) for contract in contracts]}")

    def _contract_meets(self, contract: Row, conditions: tuple[Condition, ...]) -> bool:
        labels = {condition[0] for condition in conditions}
        # "Superseded contracts never."
        if self._is_superseded(contract):
            return False
        # "A template term without a stage looks at contracts in force or in play: not expired, declined or retracted."
        if "Partner Template Term" in labels and "Contract Stage" not in labels and _is_over(contract):
            return False
        # "Contract Stage chooses by stage. Contract ID alone looks at any contract."
        return all(_on_contract(contract, condition) for condition in conditions)

    def _is_superseded(self, contract: Row) -> bool:
        """Whether a successor has come into force."""
        terms = self.terms(contract["partner_id"])
        return any(term.contract["contract_id"] == _successor(contract) and term.start <= self.as_of for term in terms)

    def _of(self, partner_id: str, table: str) -> list[Row]:
        return [row for row in self.rows.get(table, []) if row["partner_id"] == partner_id]


def _compares(actual: int | Decimal, condition: Condition) -> bool:
    """ "strict comparisons on exact numbers, no rounding" """
    _, operator, value = condition
    return actual > value if operator == "greater than" else actual < value


def _stages(condition: Condition, all_stages: Sequence[str]) -> set[str]:
    """ "Select All: every stage except None, for both stage conditions. None applies only when it is named." """
    named = set(condition[2])
    if "Select All" in named:
        named = (named - {"Select All"}) | (set(all_stages) - {"None"})
    return named


def _on_contract(contract: Row, condition: Condition) -> bool:
    label, operator, value = condition
    if label == "Contract Stage":
        return contract["contract_stage"] in _stages(condition, CONTRACT_STAGES)
    if label == "Contract ID":
        return contract["contract_id"] in value
    name = contract.get("template_term_name")
    if operator == "contains":
        # "case-insensitive literal substring (no wildcards)"
        return name is not None and lower(value) in lower(name)
    return name in value


def lower(text: str) -> str:
    """Lower case letter by letter, whatever stands beside a letter."""
    return "".join(letter.lower()[0] for letter in text)


def _told(event: Event) -> tuple[datetime, int]:
    """Open: of stages supplied for one instant, the order is that of MOVES_FROM, None first."""
    return event.at, [*MOVES_FROM].index(event.stage) if event.stage in MOVES_FROM else -1


def _successor(contract: Row) -> str | None:
    return (contract.get("superseded_by") or "").strip() or None


def _own_terms(periods: Sequence[Period]) -> list[Term]:
    """When a contract was in force, whatever succeeds it: each time that it was signed and then, perhaps, Expired.

    Open: one that is negotiated again stays in force; one that comes back from Expired is in force again from then on.
    """
    spans: list[tuple[bool, list[int]]] = []
    for number, period in enumerate(periods):
        is_signed = period.stage in SIGNED
        if spans and spans[-1][0] == is_signed and (is_signed or period.stage == "Expired"):
            spans[-1][1].append(number)
        elif is_signed or period.stage == "Expired":
            spans.append((is_signed, [number]))
    terms = []
    for place, (is_signed, numbers) in enumerate(spans):
        if not is_signed and place > 0:
            continue
        # "Awaiting Contract Start; inferred from Joined and Expired": who is seen as Expired first was Joined before
        expired = [periods[number] for number in (spans[place + 1][1] if is_signed and spans[place + 1 :] else [])]
        signed = [periods[number] for number in numbers]
        term = _term(signed, expired if is_signed else signed, periods[numbers[-1] + 1 :], place > 0)
        terms += [term] if term else []
    return terms


def _term(signed: list[Period], expired: list[Period], after: Sequence[Period], returned: bool) -> Term | None:
    """When a contract was in force that was signed in some periods, and then Expired in others."""
    contract = signed[-1].contract
    # "the later of starts_at and created_at: nobody has joined before the contract existed". Open: without starts_at it
    # never started.
    start, other = contract.get("starts_at"), signed[0].began if returned else contract.get("created_at")
    if start is None:
        return None
    start = max(start, other) if other else start
    # Open: one that was declined or retracted before it started never started.
    if after and after[0].stage not in (*SIGNED, "Expired"):
        left = after[0].seen if signed[-1].stage == "Joined" else after[0].began
        if left <= start:
            return None
    end = (expired[-1].contract.get("ends_at") if expired else None) or contract.get("ends_at")
    if expired:
        # "the earlier of ends_at and the moment it was seen or said (updated_at) as Expired". Open: what is said to
        # have happened at the start or before is dated when it was seen.
        moment = expired[0].began if expired[0].began > start else expired[0].seen
        end = min(end, moment) if end else moment
    return Term(contract, start, end)


def _is_over(contract: Row) -> bool:
    return any(word in contract["contract_stage"] for word in ("Expired", "Declined", "Retracted"))


def _short(contract: Row) -> str:
    superseded = f", superseded by {_successor(contract)}" if _successor(contract) else ""
    return f"{contract['contract_id']}: {contract['contract_stage']}, {contract.get('template_term_name')}{superseded}"


# From sentences to tuples


def meaning(sentence: str) -> Condition:
    """What a canonical sentence of the help page says, as a tuple.

    >>> meaning("Last Transition Date interval between 0 & 14 Days Ago")
    ('Last Transition Date', 'days ago', 0, 14)
    >>> meaning('Partner Name is any of Acme, "Smith, ""the"" Sons"')
    ('Partner Name', 'is any of', ('Acme', 'Smith, "the" Sons'))
    """
    label = next(label for label in LABELS if sentence.startswith(label + " "))
    rest = sentence.removeprefix(label).strip()
    for pattern, make in _FORMS.items():
        if found := re.fullmatch(pattern, rest):
            return (label, *make(*found.groups()))
    raise ValueError(f"{sentence!r} is not a canonical sentence")


def _values(text: str) -> tuple[str, ...]:
    return tuple(next(csv.reader([text], skipinitialspace=True)))


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d" if text[0].isdigit() else "%b %d %Y").date()


def _number(text: str) -> int | Decimal:
    return Decimal(text) if "." in text else int(text)


_FORMS = {
    r"is any of (.+)": lambda values: ("is any of", _values(values)),
    r"contains (.+)": lambda text: ("contains", *_values(text)),
    r"(greater|less) than (.+)": lambda word, number: (f"{word} than", _number(number)),
    r"is Today": lambda: ("days ago", 0, 0),
    r"is Yesterday": lambda: ("days ago", 1, 1),
    r"is (\d+) Days Ago": lambda days: ("days ago", int(days), int(days)),
    r"is Last (\d+) Days": lambda days: ("last days", int(days)),
    r"interval between (\d+) (?:and|&) (\d+) Days Ago": lambda near, far: ("days ago", int(near), int(far)),
    r"between (\w{3} \d+ \d+|\d+-\d+-\d+)(?: and |-)(.+)": lambda first, last: ("dates", _day(first), _day(last)),
}
