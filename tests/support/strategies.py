"""Hypothesis strategies for accounts and segments: few partners and rows, most of them edge cases.

Instants are near local midnights, clock changes, ends of windows and the evaluation hour; numbers are near the totals
of partners; texts have unusual characters. The strategies draw picks (such as "noon, on the first of the draw's days"),
so that hypothesis shrinks to one partner, one row and one simple condition; `_add_program` and `_segment` turn picks
into rows and conditions.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from support.oracle import (
    CONTACT_RANGE,
    CONTRACT_STAGES,
    DATES,
    END_DATE,
    LABELS,
    MEASURES,
    ON_CONTRACTS,
    RELATIONSHIP_STAGES,
    Condition,
    Oracle,
)

HOURS = (
    ("America/New_York", date(2026, 3, 20)),  # the clocks went forward on 8 March
    ("Asia/Kolkata", date(2026, 3, 20)),  # five and a half hours ahead of UTC, no summer time
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2025, 11, 2)),  # one hour occurs twice
    ("Europe/London", date(2026, 3, 29)),
    ("Europe/London", date(2025, 10, 26)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # the clocks change by half an hour
    ("Australia/Lord_Howe", date(2025, 10, 5)),
    ("Pacific/Apia", date(2011, 12, 31)),  # there was no 30 December
    ("Pacific/Apia", date(2026, 3, 20)),
    ("America/Sao_Paulo", date(2018, 11, 4)),  # there was no midnight
    ("America/Havana", date(2025, 11, 2)),  # the hour after midnight occurs twice
    ("Pacific/Chatham", date(2026, 4, 5)),
    ("UTC", date(2024, 2, 29)),
)
"""The time zone of a program, and a date near which it is evaluated."""

RUNS = (time(14), time(0), time(1), time(2), time(23), time(2, 30))
MAX_DAYS = 36_600
DAYS = (1, 14, 7, 30, 2, 31, 60, 90, -1)
SHIFTS = (0, 0, 0, 1, -1)
AROUND_THE_HOUR = (timedelta(0), timedelta(microseconds=-1), timedelta(microseconds=1), timedelta(hours=-1))
WALL_CLOCK = (
    time(12),
    time(0),
    time(23, 59, 59, 999_999),
    time(0, 0, 0, 1),
    time(23, 30),
    time(0, 30),
    time(1, 30),
    time(2),
    time(2, 30),
    time(3),
)
TEXTS = (
    "Gold",
    "gold",
    "Gold Tier",
    "Gold_Tier, 100%",
    'The "Old" Shop',
    "O'Hara \\ Sons",
    "{{ ref('x') }} {% raw %}",
    "None",
    "Select All",
    "ÄRGER, ärger",
    "ΟΔΟΣ οδός",
    " padded ",
    "two\nlines",
    "[your group]",
    "'); DROP TABLE partners;--",
    "🙂",
)
SEARCHES = ("_", "%", "g%d", "g_l", "ΟΔΟΣ", "[a-z]")
PARTNERS = ("7001", "07001", "31e4")
GROUPS = (("g1", "Gold"), ("g2", "gold"), ("g3", 'The "Old" Shop'), ("g4", None))
CLICKS = (1, 0, 50, 99, 100, 10**12)
AMOUNTS = tuple(map(Decimal, ("10", "999", "999.50", "0.01", "0", "0.00000001", "-5", "123456789012.12345678")))
STATES = ("APPROVED", "PENDING", "REVERSED")
EMAILS = (
    ("email", "sent", "earlier"),
    ("email", "sent", "before"),
    ("email", "failed", "earlier"),
    ("email", "sending", "before"),
    ("accept application", "sent", "earlier"),
)


@dataclass(frozen=True)
class Segment:
    """A segment of a program: conditions as the oracle reads them, and the style of their sentences."""

    program: str
    conditions: tuple[Condition, ...]
    style: int = 0

    @property
    def sentences(self) -> list[str]:
        """The conditions in the help page's words."""
        return [sentence(condition, self.style) for condition in self.conditions]


@dataclass(frozen=True)
class Draw:
    """Raw rows, hours to evaluate (the tables are built at the first), and segments by workflow id.

    `named` are the named segments that these and one another refer to.
    `in_tables` selects the plan for many workflows (compiler/sql/staged_plan.py), which evaluates all hours at once.
    """

    rows: dict[str, list[dict[str, Any]]]
    hours: tuple[datetime, ...]
    segments: dict[str, Segment]
    include_today: bool = False
    in_tables: bool = False
    named: dict[str, Segment] = field(default_factory=dict)

    @property
    def named_sentences(self) -> dict[str, list[str]]:
        """The sentences of the named segments, by name."""
        return {name: one.sentences for name, one in self.named.items()}

    @property
    def named_conditions(self) -> dict[str, tuple[Condition, ...]]:
        """The conditions of the named segments as the oracle reads them, by name."""
        return {name: one.conditions for name, one in self.named.items()}


@dataclass(frozen=True)
class Calendar:
    """The days of a draw. They are few and include today, so that facts and conditions often have the same day."""

    zone: str
    as_of: datetime
    days: tuple[int, ...]

    def days_ago(self, pick: tuple[int, int]) -> int:
        """Return one of the calendar's days, or the day before or after it."""
        return self.days[pick[0] % len(self.days)] + pick[1]

    def day(self, pick: tuple[int, int]) -> date:
        """Return the local date of such a day."""
        return self.as_of.astimezone(ZoneInfo(self.zone)).date() - timedelta(days=self.days_ago(pick))

    def instant(self, pick: tuple | None) -> datetime | None:
        """Return a time of such a day in the zone, its midnight in UTC, or an instant near the evaluation hour."""
        if pick is None:
            return None
        day, clock = pick
        if isinstance(clock, timedelta):
            return self.as_of + clock
        return datetime.combine(self.day(day), clock, clock.tzinfo or ZoneInfo(self.zone)).astimezone(UTC)


def _lists(strategy: st.SearchStrategy, most: int, **unique: Any) -> st.SearchStrategy[list]:
    return st.lists(strategy, max_size=most, **unique)


def _mostly(usual: st.SearchStrategy, other: st.SearchStrategy) -> st.SearchStrategy:
    """Draw from the first strategy three times in four, and otherwise from the second."""
    return st.sampled_from((True, True, True, False)).flatmap(lambda is_usual: usual if is_usual else other)


DAY = st.sampled_from([(slot, shift) for shift in SHIFTS for slot in range(4)])
CLOCK = st.sampled_from(
    (
        *WALL_CLOCK,
        *[clock.replace(fold=1) for clock in WALL_CLOCK if time(0) < clock < time(12)],
        *AROUND_THE_HOUR,
        time(0, tzinfo=UTC),
    )
)
INSTANT = st.tuples(DAY, CLOCK)
OPTIONAL_INSTANT = _mostly(INSTANT, st.none())
LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXT = _mostly(st.sampled_from(TEXTS), st.text(LETTERS, min_size=1, max_size=4).filter(str.strip))
CONTRACT = st.fixed_dictionaries(
    {
        "contract_stage": st.sampled_from((*("Joined",) * 4, "Expired", *CONTRACT_STAGES, "Expired")),
        "template_term_name": _mostly(TEXT, st.none()),
        "starts_at": OPTIONAL_INSTANT,
        "ends_at": st.one_of(st.none(), INSTANT),
        "created_at": INSTANT,
        "updated_at": OPTIONAL_INSTANT,
        "superseded_by": st.sampled_from((*(None,) * 6, 0, 1, 2, "unknown")),
    }
)
FACTS = {
    # one partner in twelve has no row in this table, only in others
    "partners": st.sampled_from((1,) * 11 + (0,)).flatmap(lambda size: st.lists(TEXT, min_size=size, max_size=size)),
    "contracts": _lists(CONTRACT, 4),
    "prospects": _lists(INSTANT, 1),
    "relationship_events": _lists(st.tuples(INSTANT, st.sampled_from(RELATIONSHIP_STAGES[::-1])), 2),
    "sent_emails": _lists(st.tuples(INSTANT, st.sampled_from(EMAILS)), 2),
    "partner_clicks_daily": _lists(st.tuples(DAY, st.sampled_from(CLICKS)), 3),
    "actions": _lists(st.tuples(INSTANT, st.sampled_from(STATES), st.sampled_from((*AMOUNTS, None))), 4),
    "partner_groups": _lists(st.sampled_from(GROUPS), 2, unique=True),
}
"""What may have happened to a partner, by raw table."""

EXISTING = st.sampled_from((0, 0, 0, 1, 2))


LISTED = st.sampled_from(("is any of", "is any of", "is none of"))


def _choice(others: st.SearchStrategy[str]) -> st.SearchStrategy[tuple]:
    """Draw an operator and one or two values: values that the account has (as numbers), or others."""
    return st.tuples(LISTED, st.lists(_mostly(EXISTING, others), min_size=1, max_size=2))


STEPS = st.sampled_from((1, 1, 0, -1))
OPERATORS = st.sampled_from((("less than",), ("greater than",), ("greater than", "less than"), ("is 0",)))
COMPARISON = st.tuples(OPERATORS, STEPS, STEPS)
END = st.one_of(st.tuples(st.none(), st.sampled_from(SHIFTS)), DAY)
WINDOW = st.tuples(st.sampled_from(("one day", "days ago", "last days", "dates")), END, END)
STAGES = _choice(st.sampled_from((*("Select All",) * 4, *RELATIONSHIP_STAGES)))
CONTRACT_STAGE = _choice(st.sampled_from((*("None", "Select All") * 4, *CONTRACT_STAGES)))
NAMES = _choice(TEXT)
PART = st.tuples(_mostly(EXISTING, st.sampled_from(SEARCHES)), st.integers(0, 20), st.integers(1, 6))
TERM = st.one_of(NAMES, PART)
CONTACTS = _choice(st.sampled_from(("earlier", "before", "w0", "w1")))

CONDITIONS = {
    **{(label,): (COMPARISON,) for label in MEASURES},
    # the first condition needs the second or often goes with it, so that it is added if the segment has none
    ("Performance Date Range", "Clicks"): (WINDOW, COMPARISON),
    ("Performance Date Range", "Actions"): (WINDOW, COMPARISON),
    ("Performance Date Range", "Revenue"): (WINDOW, COMPARISON),
    ("Relationship Stage",): (STAGES,),
    ("Last Transition Date", "Relationship Stage"): (WINDOW, STAGES),
    ("Contract Stage",): (CONTRACT_STAGE,),
    ("Contract Stage", "Partner Template Term"): (CONTRACT_STAGE, TERM),
    ("Contract ID",): (NAMES,),
    ("Contract ID", "Partner Template Term"): (NAMES, TERM),
    ("Partner Template Term",): (TERM,),
    (END_DATE,): (WINDOW,),
    (END_DATE, "Partner Template Term"): (WINDOW, TERM),
    ("Contacted By",): (CONTACTS,),
    (CONTACT_RANGE, "Contacted By"): (WINDOW, CONTACTS),
    ("Contract Stage", END_DATE): (CONTRACT_STAGE, WINDOW),
    **{(label,): (NAMES,) for label in ("Partner Group", "Partner Name", "Partner ID")},
}
"""The conditions that a segment may have: labels to the strategies for their picks."""

MOVED_BY_EMAIL = ("Relationship Stage", "Last Transition Date", "Contacted By", CONTACT_RANGE)

THEMES = (
    (("contracts", "prospects", "relationship_events", "sent_emails"), MOVED_BY_EMAIL),
    (("partner_clicks_daily", "actions"), (*MEASURES, "Performance Date Range")),
    (("contracts",), ON_CONTRACTS),
    (("partner_groups",), ("Partner Group", "Partner Name", "Partner ID")),
    (tuple(FACTS), LABELS),
    (tuple(FACTS), LABELS),
)
"""What a program is about: the tables that have rows, and the labels of its conditions. Two of the six include all."""


def _program(tables: tuple[str, ...], labels: tuple[str, ...]) -> st.SearchStrategy[tuple]:
    """Draw a time zone, what happened to each partner, and the picks of segments."""
    zone = st.sampled_from([zone for zone, _ in HOURS])
    facts = {table: FACTS[table] if table in ("partners", *tables) else st.just([]) for table in FACTS}
    partners = st.lists(st.fixed_dictionaries(facts), min_size=1, max_size=len(PARTNERS))
    return st.tuples(zone, partners, st.lists(_segment_picks(labels), min_size=1, max_size=6))


def _segment_picks(labels: tuple[str, ...], levels: int = 2) -> st.SearchStrategy[tuple]:
    """Draw the partner that a segment is aimed at, one or two conditions, the style of their sentences, and segments.

    One in four refers to others, an operator and their picks, at most `levels` deep.
    """
    condition = st.one_of(
        *[
            st.tuples(*[part for pair in zip(map(st.just, names), picks, strict=True) for part in pair])
            for names, picks in CONDITIONS.items()
            if names[0] in labels
        ]
    )
    conditions = _lists(condition, 2, min_size=1, unique_by=lambda pick: pick[0])
    others = st.none()
    if levels:
        inner = st.lists(_segment_picks(labels, levels - 1), min_size=1, max_size=2)
        others = _mostly(others, st.tuples(st.sampled_from(("is any of", "is none of")), inner))
    return st.tuples(st.integers(0, len(PARTNERS) - 1), conditions, st.integers(0, 3), others)


PROGRAMS = st.lists(st.one_of(*[_program(*theme) for theme in THEMES]), min_size=1, max_size=4)


@st.composite
def draws(draw: st.DrawFn) -> Draw:
    """Draw an account of one to four programs, one or two hours, and one to six segments per program."""
    zone, day = draw(st.sampled_from(HOURS))
    day += timedelta(days=draw(st.sampled_from((0, 1, 13, 14, 30))))
    local = datetime.combine(day, draw(st.sampled_from(RUNS)), ZoneInfo(zone))
    as_of = local.replace(fold=draw(st.sampled_from((0, 1)))).astimezone(UTC)
    days = (*draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True)), 0)
    include_today = draw(st.booleans())
    rows: dict[str, list[dict]] = {"programs": [], **{table: [] for table in FACTS}}
    segments: dict[str, Segment] = {}
    named: dict[str, Segment] = {}
    for number, (other_zone, partners, segment_picks) in enumerate(draw(PROGRAMS), start=1):
        calendar = Calendar(zone if number == 1 else other_zone, as_of, days)
        _add_program(rows, str(number), calendar, partners)
        oracle = Oracle(rows, str(number), as_of, include_today)
        for picks in segment_picks:
            target = Target(oracle, calendar, PARTNERS[picks[0] % len(partners)])
            segments[f"w{len(segments)}"] = _with_others(target, picks, len(partners), named)
    later = draw(st.lists(st.sampled_from((1, 24, -24, 24 * 30)), max_size=1))
    hours = (as_of, *(as_of + timedelta(hours=hours) for hours in later))
    return Draw(rows, hours, segments, include_today, draw(st.booleans()), named)


# Picks to rows


def _add_program(rows: dict[str, list[dict]], program: str, calendar: Calendar, partners: list[dict]) -> None:
    rows["programs"].append({"program_id": program, "timezone": calendar.zone, "currency": "USD"})
    for partner, picks in zip(PARTNERS, partners, strict=False):
        key = {"program_id": program, "partner_id": partner}
        for table, found in picks.items():
            new = [key | row for row in _ROWS[table](found, calendar)]
            _number(table, new, len(rows[table]))
            rows[table] += new


def _number(table: str, rows: list[dict], start: int) -> None:
    """Give actions and emails unique ids, and contracts ids that contain the partner."""
    for number, row in enumerate(rows, start):
        if table in ("actions", "sent_emails"):
            row["action_id" if table == "actions" else "delivery_id"] = f"{table} {number}"
        for column in {"contract_id", "superseded_by"} & row.keys():
            row[column] = None if row[column] is None else f"{row['partner_id']}-{row[column]}"


def _contracts(picks: list[dict], calendar: Calendar) -> list[dict]:
    """Return contracts that end after they start. One may be superseded by another of the partner's or an unknown
    one."""
    rows = []
    for number, pick in enumerate(picks):
        row = pick | {name: calendar.instant(pick[name]) for name in pick if name.endswith("_at")}
        if row["starts_at"] and row["ends_at"]:
            row["starts_at"], row["ends_at"] = sorted((row["starts_at"], row["ends_at"]))
        known = [other for other in range(len(picks)) if other != number]
        if row["superseded_by"] not in (*known, "unknown"):
            row["superseded_by"] = None
        rows.append(row | {"contract_id": number})
    return rows


def _relationship_events(picks: list[tuple], calendar: Calendar) -> list[dict]:
    stages = {calendar.instant(pick): stage for pick, stage in picks}
    return [{"transitioned_at": at, "relationship_stage": stage} for at, stage in stages.items()]


def _sent_emails(picks: list[tuple], calendar: Calendar) -> list[dict]:
    return [
        {"workflow_id": name, "action": action, "state": state, "as_of": at, "sent_at": at}
        for pick, (action, state, name) in picks
        for at in [calendar.instant(pick)]
    ]


def _actions(picks: list[tuple], calendar: Calendar) -> list[dict]:
    return [
        {"event_at": calendar.instant(pick), "state": state, "amount": amount, "currency": "USD"}
        for pick, state, amount in picks
    ]


def _clicks(picks: list[tuple], calendar: Calendar) -> list[dict]:
    clicks = {calendar.day(pick): number for pick, number in picks}
    return [{"click_date": day, "clicks": number} for day, number in clicks.items()]


_ROWS = {
    "partners": lambda picks, _: [{"name": name} for name in picks],
    "contracts": _contracts,
    "prospects": lambda picks, calendar: [{"tagged_at": calendar.instant(pick)} for pick in picks],
    "relationship_events": _relationship_events,
    "sent_emails": _sent_emails,
    "partner_clicks_daily": _clicks,
    "actions": _actions,
    "partner_groups": lambda picks, _: [{"group_id": group, "group_name": name} for group, name in picks],
}


# Picks to conditions


@dataclass(frozen=True)
class Target:
    """The partner that a segment is aimed at, so that the partner is just inside or just outside it."""

    oracle: Oracle
    calendar: Calendar
    partner: str

    def values(self, label: str) -> list[str]:
        """Return the values of the partner that a condition may name."""
        if label == "Relationship Stage":
            return [self.oracle.stage(self.partner)[0], "None"]
        table, column = {
            "Partner Group": ("partner_groups", "group_name"),
            "Partner Name": ("partners", "name"),
            "Contacted By": ("sent_emails", "workflow_id"),
            "Partner ID": ("partners", "partner_id"),
            "Contract ID": ("contracts", "contract_id"),
            "Contract Stage": ("contracts", "contract_stage"),
            "Partner Template Term": ("contracts", "template_term_name"),
        }[label]
        rows = [row for row in self.oracle.rows[table] if row["partner_id"] == self.partner]
        # a position is the same contract for every label; superseded and later contracts come last
        rows.sort(
            key=lambda row: (
                row.get("superseded_by") is not None or row.get("created_at", self.oracle.as_of) > self.oracle.as_of
            )
        )
        return [row[column] or "None" for row in rows] or ["None"]

    def days_ago(self, label: str) -> int:
        """Return the days since the partner's last transition, first email, a contract's end, or first activity."""
        rows = self.oracle.rows
        days = [row["click_date"] for row in rows["partner_clicks_daily"] if row["partner_id"] == self.partner]
        days += [
            self.oracle.local_date(row["event_at"]) for row in rows["actions"] if row["partner_id"] == self.partner
        ]
        if label == CONTACT_RANGE:
            emails = [row for row in rows["sent_emails"] if row["partner_id"] == self.partner]
            days = [self.oracle.local_date(row["as_of"]) for row in emails]
        if label == END_DATE:
            ends = [row["ends_at"] for row in rows["contracts"] if row["partner_id"] == self.partner]
            days = [self.oracle.local_date(at) for at in ends if at]
        if label == "Last Transition Date":
            days = [day for day in [self.oracle.stage(self.partner)[1]] if day]
        return (self.oracle.today - days[0]).days if days else 1


def _segment(target: Target, picks: list[tuple]) -> tuple[Condition, ...]:
    """Return the conditions, with those they need and without those they exclude (semantics, "Conditions")."""
    picked = {label: pick for label, pick, *_ in picks}
    for label, _, *needed in picks:
        is_met = label == "Performance Date Range" and set(picked) & set(MEASURES)
        if needed and not is_met:
            picked.setdefault(*needed)
    if set(DATES) & set(picked):
        picked.pop("Contract Stage", None)
    dates = (*DATES, END_DATE, CONTACT_RANGE)
    windows = {label: (label, *_window(target, label, picked[label])) for label in dates if label in picked}
    conditions: list[Condition] = []
    for label, pick in picked.items():
        if label in dates:
            conditions.append(windows[label])
        elif label in MEASURES:
            conditions += _comparisons(target, label, windows.get("Performance Date Range"), pick)
        else:
            conditions.append((label, *_names(target, label, pick)))
    return tuple(conditions)


def _with_others(target: Target, pick: tuple, partners: int, named: dict[str, Segment]) -> Segment:
    """Return a segment, and add the segments that it refers to to the named ones."""
    _, picks, style, others = pick
    conditions = _segment(target, picks)
    if others:
        operator, inner = others
        names = []
        for one in inner:
            aimed = replace(target, partner=PARTNERS[one[0] % partners])
            segment = _with_others(aimed, one, partners, named)
            names.append(f"n{len(named)}")
            named[names[-1]] = segment
        conditions = (*conditions, ("Segment", operator, tuple(names)))
    return Segment(target.oracle.program_id, conditions, style)


def _window(target: Target, label: str, pick: tuple) -> tuple:
    """Return a window of any form, with its ends on, before or after a day on which something happened."""
    form, *ends = pick
    days = [
        target.days_ago(label) + shift if slot is None else target.calendar.days_ago((slot, shift))
        for slot, shift in ends
    ]
    if form == "dates":
        return "dates", *sorted(target.oracle.today - timedelta(days=number) for number in days)
    least = -MAX_DAYS if label == END_DATE else 0
    near, far = (max(least, number) for number in days)
    if form == "last days":
        return "last days", max(1, near)
    if form == "one day":
        return "days ago", near, near
    first, last = sorted((near, far))
    return "days ago", first, min(last, 0) if first < 0 else last


def _comparisons(target: Target, label: str, window: Condition | None, pick: tuple) -> list[Condition]:
    """Return a comparison with a number at or next to the partner's total, or one comparison of each operator."""
    operators, *steps = pick
    total = target.oracle.measure(label, target.partner, window)
    least_step = Decimal("0.01") if label == "Revenue" else 1
    found = []
    for operator, step in zip(operators, steps, strict=False):
        if operator == "is 0":
            return [(label, "is 0", 0)]
        beside, least = (1, 1 + least_step) if operator == "less than" else (-1, 0)
        found.append((label, operator, max(total + beside * step * least_step, least)))
    return found


def _names(target: Target, label: str, pick: tuple) -> tuple:
    """Return a list of values of the partner and others, or `contains` with part of a value in the other case."""
    values = target.values(label)

    def text(one: int | str) -> str:
        return values[one % len(values)] if isinstance(one, int) else one

    if pick[0] in ("is any of", "is none of"):
        return pick[0], tuple(dict.fromkeys(text(one) for one in pick[1]))
    whole, start, length = text(pick[0]), *pick[1:]
    part = whole[start % len(whole) :][:length]
    return "contains", (part if part.strip() else whole).swapcase()


# Sentences


def sentence(condition: Condition, style: int = 0) -> str:
    """Return the condition in the help page's words. Styles 1 to 3 write the same condition differently."""
    label, operator, *values = condition
    if operator in ("is any of", "is none of"):
        rest = f"{operator} " + ", ".join(_quoted(value, style) for value in values[0])
    elif operator == "is 0":
        rest = "is 0.00" if style == 3 else "is 0"
    elif operator == "contains":
        rest = f"contains {_quoted(values[0], 1)}"
    elif label in MEASURES:
        number = Decimal(values[0])
        rest = f"{operator} {number:,f}" if style else f"{operator} {number:f}"
    else:
        rest = _window_words(operator, values, style)
    return f"{(label, label, label.lower(), label.upper().replace(' ', '  '))[style]} {rest}"


def _quoted(value: str, style: int) -> str:
    plain = re.fullmatch(r"[^\W_](?:[^\s\"“”„‟«»＂,\[\]]| (?! ))*(?<! )", value) and value.isprintable()
    plain = plain and not re.search(r"(?i)\b(?:and|or|not|except)\b", value)
    return value if plain and not style else '"' + value.replace('"', '""') + '"'


def _window_words(form: str, ends: list, style: int) -> str:
    if form == "dates":
        first, last = ends
        if style == 1:
            return f"between {first.isoformat()} and {last.isoformat()}"
        if style == 2:
            return f"between {first:%m/%d/%Y} & {last:%m/%d/%Y}"
        return f"between {_page_date(first)}{'-' if style else ' and '}{_page_date(last)}"
    if form == "last days":
        return f"is Last {ends[0]} Days"
    if ends[0] < 0:
        one_day = f"{'is ' if style else ''}in {-ends[0]} {'Days' if style else 'day'}"
        return one_day if ends[0] == ends[1] else f"interval between {-ends[1]} and {-ends[0]} Days From Now"
    if ends[0] == ends[1] and style < 2:
        return {0: "is Today", 1: "is Yesterday"}.get(ends[0], f"is {ends[0]} Days Ago")
    return f"interval between {ends[0]} {'&' if style else 'and'} {ends[1]} Days Ago"


def _page_date(day: date) -> str:
    return f"{day:%b} {day.day} {day.year}"
