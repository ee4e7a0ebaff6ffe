"""The members of a segment in plain Python, from the semantics. It shares no code with what is tested.

    Oracle(rows, "1000", as_of).members([("Clicks", "less than", 100)])

`rows` is {raw table: [dict]}, times aware, a column left out is null. A segment is a list of tuples, one a condition:

    ("Clicks", "less than", 100)                     also Actions, Revenue; also "greater than"; "is 0", 0
    ("Performance Date Range", "days ago", 0, 14)    also Last Transition Date; also "last days", 30
    ("Last Transition Date", "dates", d1, d2)
    ("Contract End Date", "days ago", -30, 0)        negative days are to come
    ("Contract Stage", "is any of", ("None", "Joined"))
    ("Partner Template Term", "contains", "gold")
    ("Partner Group", "is none of", ("Gold",))       also where `is any of` is possible
    ("Contacted By", "is any of", ("welcome",))      also with ("Contacted By Date Range", "last days", 30)
    ("Segment", "is any of", ("active",))            `named` has the conditions of each by name

Each rule is below the sentence of semantics.md ("What the words mean: decisions") that it comes from. Where the text is
silent, "Open:" gives the reading chosen. Relationship stages are in stage_oracle.py.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from support.stage_oracle import contract_versions, relationship_events, stage_at, superseded

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
END_DATE = "Contract End Date"
ON_CONTRACTS = ("Contract Stage", "Contract ID", "Partner Template Term", END_DATE)
CONTACT_RANGE = "Contacted By Date Range"
DATES = ("Performance Date Range", "Last Transition Date")
LABELS = (
    *MEASURES,
    *DATES,
    "Relationship Stage",
    "Partner Group",
    "Partner Name",
    "Partner ID",
    "Segment",
    CONTACT_RANGE,
    "Contacted By",
    *ON_CONTRACTS,
)


@dataclass(frozen=True)
class Verdict:
    """Whether a condition, or all conditions on contracts together, holds for a partner, and because of what."""

    conditions: tuple[Condition, ...]
    holds: bool
    because: str


class Oracle:
    """One program ("Everything is per program and partner") at one hour ("as_of is an input; nothing asks the
    clock")."""

    def __init__(
        self,
        rows: Mapping[str, Sequence[Row]],
        program_id: str,
        as_of: datetime,
        include_today: bool = False,
        named: Mapping[str, Sequence[Condition]] | None = None,
    ):
        """`include_today` is the project setting `last_n_days_include_today`; `named` are the named segments."""
        self.program_id, self.named = program_id, named or {}
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
            if self.is_member(partner["partner_id"], conditions)
        }

    def is_member(self, partner_id: str, conditions: Sequence[Condition]) -> bool:
        """Return whether all conditions hold for a partner."""
        return all(verdict.holds for verdict in self.verdicts(partner_id, conditions))

    def verdicts(self, partner_id: str, segment: Sequence[Condition]) -> list[Verdict]:
        """Return a verdict for each condition of a segment, and one for all conditions on contracts."""
        window = next((condition for condition in segment if condition[0] == "Performance Date Range"), None)
        contact_range = next((condition for condition in segment if condition[0] == CONTACT_RANGE), None)
        verdicts = [
            self._verdict(partner_id, condition, window, contact_range)
            for condition in segment
            if condition[0] not in ("Performance Date Range", CONTACT_RANGE)
            and (condition[0] not in ON_CONTRACTS or _excludes(condition))
        ]
        on_contracts = tuple(one for one in segment if one[0] in ON_CONTRACTS and not _excludes(one))
        return verdicts + ([self._contracts_verdict(partner_id, on_contracts)] if on_contracts else [])

    def _verdict(
        self, partner_id: str, condition: Condition, window: Condition | None, contact_range: Condition | None
    ) -> Verdict:
        label = condition[0]
        # "None of: the partner has no row with any of the values"
        if _excludes(condition):
            ranges = [contact_range] if contact_range else []
            (opposite,) = self.verdicts(partner_id, [(label, "is any of", condition[2]), *ranges])
            return Verdict((condition,), not opposite.holds, opposite.because)
        # "Segment is any of: the partner is in one of these segments, each with its own Performance Date Range"
        if label == "Segment":
            inside = [name for name in condition[2] if self.is_member(partner_id, self.named[name])]
            return Verdict((condition,), bool(inside), f"in the segments {inside}")
        # "Contacted By is any of: one of these workflows has written to the partner"
        if label == "Contacted By":
            found = self._contacts(partner_id, contact_range)
            return Verdict((condition,), any(name in condition[2] for name in found), f"contacted by {found}")
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

    def _contacts(self, partner_id: str, contact_range: Condition | None) -> list[str]:
        """Return the workflows whose emails were sent, "by the hour of the run that delivered" them.

        "Our own emails take effect from the next run on." "Emails that never left do not count."
        """
        dated = [
            (row["workflow_id"], row.get("delivered_as_of") or row["as_of"])
            for row in self._of(partner_id, "sent_emails")
            if row["action"] == "email" and row["state"] == "sent"
        ]
        return [
            name
            for name, at in dated
            if at < self.as_of and (contact_range is None or self.inside(self.local_date(at), contact_range))
        ]

    # Dates

    def local_date(self, instant: datetime) -> date:
        """ "Every date is a local calendar date in the program's IANA time zone. A timestamp becomes a date there
        first"."""
        return instant.astimezone(self.zone).date()

    def inside(self, day: date, window: Condition) -> bool:
        """Return whether a date lies in a window, "both ends inclusive".

        "Days are then counted as calendar dates, never as multiples of 24 hours"; "windows hang on the run's date".
        """
        _, form, *ends = window
        if form == "dates":
            return ends[0] <= day <= ends[1]
        # "is Last N Days | 1 to N"; "last_n_days_include_today, makes it 0 to N"
        nearest, farthest = ends if form == "days ago" else (self.first_of_last_days, ends[0])
        return nearest <= (self.today - day).days <= farthest

    # Clicks, actions, revenue

    def measure(self, label: str, partner_id: str, window: Condition | None) -> int | Decimal:
        """Return the total of a partner. "Measures without a range: all history".

        "A partner without a single row has 0 clicks, 0 actions, 0 revenue".
        """
        if label == "Clicks":
            return sum(row["clicks"] for row in self._clicks(partner_id, window))
        actions = self._actions(partner_id, window)
        if label == "Actions":
            return len({action["action_id"] for action in actions})
        # "Sum of the current sale amount of those same actions"; open: an unknown amount adds nothing
        return sum((Decimal(action.get("amount") or 0) for action in actions), Decimal(0))

    def _clicks(self, partner_id: str, window: Condition | None) -> list[Row]:
        """Return the clicks in a window. They have local dates only; those after the run's date do not count yet."""
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
        """Return the stage and the local date of its event: "the date of the newest transition event"."""
        stage, since = stage_at(relationship_events(self._rows_of(partner_id)), self.as_of, self.zone)
        return stage, since and self.local_date(since)

    # Contracts

    def _contracts_verdict(self, partner_id: str, conditions: tuple[Condition, ...]) -> Verdict:
        """ "Contract Stage, Contract ID and Partner Template Term in one segment must hold on the same contract."

        Open: a contract exists from created_at on, with the stage that its row has now.
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
        if labels & {"Partner Template Term"} and not labels & {"Contract Stage", END_DATE} and _is_over(contract):
            return False
        # "Contract End Date without a stage looks at signed contracts: Joined, Awaiting Contract Start or Expired, also
        # beside a template term."
        signed = ("Joined", "Awaiting Contract Start", "Expired")
        if END_DATE in labels and "Contract Stage" not in labels and contract["contract_stage"] not in signed:
            return False
        # "Contract Stage chooses by stage. Contract ID alone looks at any contract."
        return all(
            self._ends_inside(contract, condition) if condition[0] == END_DATE else _on_contract(contract, condition)
            for condition in conditions
        )

    def _ends_inside(self, contract: Row, window: Condition) -> bool:
        """ "Contract End Date: the local date of ends_at"; one that is open-ended has none."""
        ends_at = contract.get("ends_at")
        return ends_at is not None and self.inside(self.local_date(ends_at), window)

    def _is_superseded(self, contract: Row) -> bool:
        """Return whether a successor has come into force."""
        return superseded(contract["contract_id"], self.as_of, contract_versions(self._rows_of(contract["partner_id"])))

    def _rows_of(self, partner_id: str) -> dict[str, list[Row]]:
        return {table: self._of(partner_id, table) for table in self.rows if table != "programs"}

    def _of(self, partner_id: str, table: str) -> list[Row]:
        return [row for row in self.rows.get(table, []) if row["partner_id"] == partner_id]


def _compares(actual: int | Decimal, condition: Condition) -> bool:
    """ "strict comparisons on exact numbers, no rounding" """
    _, operator, value = condition
    if operator == "is 0":
        return actual == 0
    return actual > value if operator == "greater than" else actual < value


def _excludes(condition: Condition) -> bool:
    return condition[1] == "is none of"


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
    """Return a text in lower case, letter by letter, without rules that depend on the letters beside it."""
    return "".join(letter.lower()[0] for letter in text)


def _is_over(contract: Row) -> bool:
    return any(word in contract["contract_stage"] for word in ("Expired", "Declined", "Retracted"))


def _short(contract: Row) -> str:
    successor = f", superseded by {contract['superseded_by']}" if contract.get("superseded_by") else ""
    return f"{contract['contract_id']}: {contract['contract_stage']}, {contract.get('template_term_name')}{successor}"


# From sentences to tuples


def meaning(sentence: str) -> Condition:
    """Return a canonical sentence of the help page as a tuple.

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
    r"is (any|none) of (.+)": lambda word, values: (f"is {word} of", _values(values)),
    r"contains (.+)": lambda text: ("contains", *_values(text)),
    r"(greater|less) than (.+)": lambda word, number: (f"{word} than", _number(number)),
    r"is 0": lambda: ("is 0", 0),
    r"is in (\d+) Days?": lambda days: ("days ago", -int(days), -int(days)),
    r"interval between (\d+) and (\d+) Days From Now": lambda near, far: ("days ago", -int(far), -int(near)),
    r"is Today": lambda: ("days ago", 0, 0),
    r"is Yesterday": lambda: ("days ago", 1, 1),
    r"is (\d+) Days Ago": lambda days: ("days ago", int(days), int(days)),
    r"is Last (\d+) Days": lambda days: ("last days", int(days)),
    r"interval between (\d+) (?:and|&) (\d+) Days Ago": lambda near, far: ("days ago", int(near), int(far)),
    r"between (\w{3} \d+ \d+|\d+-\d+-\d+)(?: and |-)(.+)": lambda first, last: ("dates", _day(first), _day(last)),
}
