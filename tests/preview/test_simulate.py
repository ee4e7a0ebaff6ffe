"""Simulations: the examples of the help page day by day, and a comparison with an oracle that runs each hour."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlglot import exp

import flows.warehouse.evaluations
from compiler import Cap, Compiler, ContactPolicy, SendWindow, Workflow, read_definition
from compiler.sql.recheck import conditions_to_recheck, recheck_segment
from flows.definitions.loader import read_definitions
from flows.definitions.scaffold.templates import template
from flows.ledger.holdout import Holdouts, is_held_out
from flows.preview.bound import PERIODS, EmailBound, email_bounds
from flows.preview.hours import local_hours
from flows.preview.simulate import Simulation
from flows.settings import CHECKOUT, Settings
from flows.warehouse.connection import open_warehouse
from flows.warehouse.evaluations import Hour
from support.account import VOCABULARY, empty_account, raw_rows
from support.cli import partnerflow
from support.definitions import workflow, workflow_without_yaml
from support.example_members import MEMBERS
from support.oracle import Oracle, meaning
from support.policy_oracle import Email, Policy, PolicyOracle
from support.simulations import simulate_rows
from support.states import HOUR
from support.strategies import Draw, draws

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
NEW_YORK = ZoneInfo("America/New_York")


def history(found: Simulation, zone: ZoneInfo = NEW_YORK) -> dict[str, list[str]]:
    """Return the local hour and workflow of each contact, by partner."""
    contacts: dict[str, list[str]] = {}
    for send in found.sends:
        contacts.setdefault(send.partner_id, []).append(f"{send.as_of.astimezone(zone):%m-%d %H} {send.workflow_id}")
    return contacts


@pytest.fixture(scope="module")
def examples() -> dict[str, Workflow]:
    """The sixteen workflows of the help page, by id."""
    return {one.id: one for one in read_definitions(Settings(workflows=CHECKOUT / "workflows")).workflows}


def with_prefix(examples: Mapping[str, Workflow], prefix: str) -> list[Workflow]:
    """Return the workflows whose id starts with the prefix."""
    return [one for name, one in examples.items() if name.startswith(prefix)]


@pytest.mark.long
def test_prospecting_template_over_thirty_days():
    """A prospect is invited in the hour of the tag, reminded 7 and 14 days after the invitation, accepted and welcomed.

    A partner that joins or applies gets no more reminders.
    """
    files = template("automate-your-prospecting").files("1000", {"term": "Standard"})
    reads = [read_definition(name, text, VOCABULARY) for name, text in files.items() if "/" not in name]
    rows = raw_rows(
        {
            "silent": {"tagged": "2026-03-02 09:30"},
            "answers": {
                "tagged": "2026-03-02 09:30",
                "contracts": [
                    {"stage": "Joined", "term": "Standard", "from": "2026-03-12 10:15", "created": "2026-03-12 10:15"}
                ],
            },
            "applies": {
                "tagged": "2026-03-02 23:30",
                "contracts": [
                    {"stage": "Awaiting Advertiser Approval", "term": "Standard", "created": "2026-03-05 08:00"}
                ],
            },
        },
        NEW_YORK,
    )
    found = simulate_rows(rows, [one.workflow for one in reads], date(2026, 3, 1), date(2026, 3, 30))
    assert history(found) == {
        "silent": [
            "03-02 10 prospecting-invite", "03-09 00 prospecting-follow-up-7", "03-16 00 prospecting-follow-up-14"
        ],
        "answers": ["03-02 10 prospecting-invite", "03-09 00 prospecting-follow-up-7", "03-12 11 prospecting-welcome"],
        # tagged after the last hourly run of the day: the next run also evaluates the end of that day
        "applies": ["03-03 00 prospecting-invite", "03-05 08 prospecting-accept"],
    }  # fmt: skip
    assert sum(found.hours.values()) == len(found.sends) - 1


def test_example_5_offers_help_at_14_30_60_and_90_days(examples):
    """A partner with few clicks gets its email in the first hour of the day."""
    rows = raw_rows(
        {
            "quiet": {"joined": "2026-01-01 15:00"},
            "wakes": {"joined": "2026-01-01 15:00", "clicks": {"2026-02-10": 100}},
            "busy": {"joined": "2026-01-01 15:00", "clicks": {"2026-01-02": 100}},
        },
        NEW_YORK,
    )
    assert history(simulate_rows(rows, with_prefix(examples, "few-clicks"), date(2026, 1, 1), date(2026, 4, 10))) == {
        "quiet": [
            "01-15 00 few-clicks-14",
            "01-31 00 few-clicks-30",
            "03-02 00 few-clicks-60",
            "04-01 00 few-clicks-90",
        ],
        "wakes": ["01-15 00 few-clicks-14", "01-31 00 few-clicks-30"],
    }


def test_examples_4_and_6_congratulate_once_per_workflow(examples):
    """Each workflow sends one email. A sale of the first month counts for the second once it is 31 days ago."""
    rows = raw_rows(
        {
            "strong": {"joined": "2026-01-01 15:00", "actions": [{"at": "2026-01-10 12:00", "amount": "12000"}]},
            "late": {"joined": "2026-01-01 15:00", "actions": [{"at": "2026-02-20 12:00", "amount": "1000"}]},
            "small": {"joined": "2026-01-01 15:00", "actions": [{"at": "2026-01-10 12:00", "amount": "999"}]},
        },
        NEW_YORK,
    )
    both = [*with_prefix(examples, "high-revenue"), *with_prefix(examples, "revenue")]
    found = simulate_rows(rows, both, date(2026, 1, 1), date(2026, 4, 10))
    assert history(found) == {
        "strong": [
            "01-11 00 high-revenue-1-30", "01-11 00 revenue-1000", "01-11 00 revenue-10000",
            "02-10 00 high-revenue-31-60",
        ],
    }  # fmt: skip
    assert [len(sends) for sends in found.several.values()] == [4]


def test_new_contract_is_welcomed_once_per_workflow(examples):
    """A new contract enters the welcome segment again, but no workflow contacts a partner twice (help page)."""
    contracts = [
        {"stage": "Expired", "id": "old", "from": "2026-01-05 15:00", "superseded by": "new"},
        {"stage": "Joined", "id": "new", "from": "2026-02-05 15:00"},
    ]
    rows = raw_rows({"swapped": {"contracts": contracts}}, NEW_YORK)
    welcome = [examples["welcome"]]
    assert history(simulate_rows(rows, welcome, date(2026, 1, 1), date(2026, 3, 1))) == {
        "swapped": ["01-05 15 welcome"]
    }
    assert history(simulate_rows(rows, welcome, date(2026, 2, 1), date(2026, 3, 1))) == {
        "swapped": ["02-05 15 welcome"]
    }


def test_each_application_is_accepted_once(examples):
    """Two that wait at the same time, and one of a later month; the JSON names their contracts."""
    applied = {"stage": "Awaiting Advertiser Approval", "term": "Creator Standard Terms"}
    contracts = [
        applied | {"id": identity, "created": created}
        for identity, created in (("A", "2026-03-02 08:00"), ("B", "2026-03-02 08:00"), ("C", "2026-03-05 10:30"))
    ]
    accept = replace(examples["accept-applications"], program="1000")
    rows = raw_rows({"returns": {"contracts": contracts}}, NEW_YORK)
    found = simulate_rows(rows, [accept], date(2026, 3, 1), date(2026, 3, 8))
    assert [(f"{one.as_of.astimezone(NEW_YORK):%d %H}", one.contract_id) for one in found.sends] == [
        ("02 08", "A"), ("02 08", "B"), ("05 11", "C"),
    ]  # fmt: skip
    (row,) = found.as_json()["workflows"]
    assert (row["partners"], row["emails"], row["busiest"]["partners"]) == (1, 0, 1)
    assert found.several == {}


def test_hours_over_the_address_limit_send_nothing(examples):
    """Three partners join on one day; the limit is two addresses."""
    rows = raw_rows({f"p{hour}": {"joined": f"2026-01-05 {hour}:00"} for hour in (10, 12, 14)}, NEW_YORK)
    found = simulate_rows(rows, [examples["welcome"]], date(2026, 1, 4), date(2026, 1, 6), limit=2)
    assert history(found) == {"p10": ["01-05 10 welcome"], "p12": ["01-05 12 welcome"]}
    (breach,) = found.limit_breaches
    end_of_day = datetime(2026, 1, 6, 4, 59, 59, 999999, tzinfo=UTC)
    assert (breach.first, breach.last) == (datetime(2026, 1, 5, 19, tzinfo=UTC), end_of_day)
    assert breach.addresses == 3


def test_invited_partner_is_not_new_the_next_day():
    """A second workflow for New finds nobody the next day, even if the hours of both days are evaluated together."""
    new = "Relationship Stage is any of New"
    today = workflow("today", "1000", [new, "Last Transition Date is Today"])
    late = workflow("late", "1000", [new, "Last Transition Date is Yesterday"])
    rows = raw_rows({"prospect": {"tagged": "2026-03-02 09:30"}}, NEW_YORK)
    days = date(2026, 3, 2), date(2026, 3, 4)
    assert history(simulate_rows(rows, [today, late], *days)) == {"prospect": ["03-02 10 today"]}
    assert history(simulate_rows(rows, [late], *days)) == {"prospect": ["03-03 00 late"]}


def test_limit_counts_partners_moved_by_an_email():
    """The limit is one address. The invitation moves one partner to Outreach, so a second one there is too many."""
    invite = workflow("invite", "1000", ["Relationship Stage is any of New", "Last Transition Date is Today"])
    follow = workflow("follow", "1000", ["Relationship Stage is any of Outreach"])
    histories = {"invited": {"tagged": "2026-03-02 10:00"}, "other": {"supplied": {"2026-03-02 12:00": "Outreach"}}}
    found = simulate_rows(raw_rows(histories, NEW_YORK), [invite, follow], date(2026, 3, 1), date(2026, 3, 3), limit=1)
    assert history(found) == {"invited": ["03-02 10 invite", "03-02 11 follow"]}
    (breach,) = found.limit_breaches
    assert (breach.workflow_id, breach.first) == ("follow", datetime(2026, 3, 2, 17, tzinfo=UTC))


def test_local_hours_follow_the_clock_changes():
    """A day has 23 hours when the clocks go forward and 25 when they go back; its end is evaluated, too.

    The hours are those of the deployment's zone.
    """
    days = {date(2026, 3, 8): 23, date(2025, 11, 2): 25, date(2026, 3, 20): 24}
    counted = {day: len(local_hours("1", NEW_YORK, day, day, NEW_YORK)) for day in days}
    assert counted == {day: days[day] + 1 for day in days}
    kolkata, day = ZoneInfo("Asia/Kolkata"), date(2026, 3, 20)
    assert local_hours("1", kolkata, day, day, kolkata)[0].as_of == datetime(2026, 3, 19, 18, 30, tzinfo=UTC)
    first, *_, last = local_hours("1", kolkata, day, day, ZoneInfo("UTC"))
    assert first.as_of == datetime(2026, 3, 19, 19, tzinfo=UTC)
    assert (last.as_of, last.local_date) == (
        datetime(2026, 3, 20, 18, 29, 59, 999999, tzinfo=UTC),
        date(2026, 3, 20),
    )


def test_simulate_dates_a_contact_by_the_hour_of_the_deployments_zone():
    """Joined after the last hour of a day in Kolkata, and welcomed at midnight there, not at the next hour of UTC."""
    kolkata = ZoneInfo("Asia/Kolkata")
    rows = raw_rows({"late": {"joined": "2026-03-02 23:30"}}, kolkata)
    welcome = workflow("welcome", "1000", ["Relationship Stage is any of Joined", "Last Transition Date is Today"])
    found = simulate_rows(rows, [welcome], date(2026, 3, 1), date(2026, 3, 4), deployment="Asia/Kolkata")
    assert [one.as_of for one in found.sends] == [datetime(2026, 3, 3, tzinfo=kolkata)]


def test_statements_are_written_once_for_all_hours(monkeypatch: pytest.MonkeyPatch):
    """To write those that read the models takes longer than to run them."""
    rows = raw_rows({"prospect": {"tagged": "2026-03-02 09:30"}}, NEW_YORK)
    invite = workflow("invite", "1000", ["Relationship Stage is any of New", "Last Transition Date is Today"])
    workflows = [invite, workflow("joined", "1000", ["Relationship Stage is any of Joined"])]
    connection = type(empty_account().connection)
    original, of_models = connection.written, Counter()
    by_models = {"simulated_members", "simulated_applications", "simulated_events", "simulated_history"}

    def written(self: Any, statement: exp.Expr) -> str:
        size = flows.warehouse.evaluations.MAX_HOURS_PER_BATCH
        of_models[size] += isinstance(statement, exp.Create) and statement.this.name in by_models
        return original(self, statement)

    monkeypatch.setattr(connection, "written", written)
    for size in (168, 6):
        monkeypatch.setattr(flows.warehouse.evaluations, "MAX_HOURS_PER_BATCH", size)
        found = simulate_rows(rows, workflows, date(2026, 3, 2), date(2026, 3, 3))
        assert history(found) == {"prospect": ["03-02 10 invite"]}
    assert of_models[168] == of_models[6] > 0


# Against the oracle


def run_of(instant: datetime) -> datetime:
    """Return the hour of the run that evaluates an instant."""
    hour = instant.replace(minute=0, second=0, microsecond=0)
    return hour if hour == instant else hour + timedelta(hours=1)


KEY = b"of the ledger"
POLICIES = (
    Policy(),
    Policy(((1, "partner", 1),), window=((0, 1, 2, 3, 4, 5, 6), 9, 17)),
    Policy(((1, "partner", 24), (1, "address", 1)), exempt=frozenset({"s1"}), priority=("s2", "s0")),
    Policy(((1, "address", 24),), window=((0, 2, 4, 6), 3, 5), max_delay_days=1),
)


def contact_policy(one: Policy) -> ContactPolicy:
    """Return a policy of the oracle as the flow reads it."""
    window = one.window and SendWindow(frozenset(one.window[0]), 60 * one.window[1], 60 * one.window[2])
    caps = tuple(Cap(*cap) for cap in one.caps)
    return ContactPolicy(caps, one.exempt, one.priority, window, one.max_delay_days)


class DrawnRun:
    """Runs of a drawn account hour by hour: contacts by the oracle of segments, emails by that of the policy.

    `holdout` percent of the new members of each workflow are held out, by the key KEY.
    """

    def __init__(
        self, drawn: Draw, workflows: Sequence[Workflow], compiler: Compiler, limit: int, policy: Policy, holdout: int
    ):
        self.drawn, self.compiler, self.limit, self.holdout = drawn, compiler, limit, holdout
        self.held_out: set[tuple[datetime, str, str]] = set()
        self.workflows = {one.id: one for one in workflows}
        self.rows = {**drawn.rows, "sent_emails": list(drawn.rows["sent_emails"])}
        self.contacted: set[tuple[str, str]] = set()
        self.over: set[tuple[datetime, str]] = set()
        zones = {row["program_id"]: ZoneInfo(row["timezone"]) for row in drawn.rows["programs"]}
        self.policy = PolicyOracle(policy, zones, self.qualifies)
        emails = [one for one in drawn.rows["sent_emails"] if (one["action"], one["state"]) == ("email", "sent")]
        self.policy.left = [
            (Email(one["as_of"], one["workflow_id"], one["program_id"], one["partner_id"], ""), one["as_of"])
            for one in emails
        ]
        self.earlier = len(emails)

    def run(self, hours: Iterable[Hour]) -> None:
        """Run the hours that these instants belong to, in order."""
        ordered = sorted(hours, key=lambda one: (run_of(one.as_of), one.as_of, one.program_id))
        for run_at, instants in groupby(ordered, key=lambda one: run_of(one.as_of)):
            together, before = list(instants), len(self.policy.left)
            new = [one for hour in together for one in self.claims(hour, run_at)]
            dropped = len(self.policy.dropped)
            self.policy.run(run_at, new, {one.program_id for one in together})
            for one, _ in self.policy.left[before:]:
                key = {"program_id": one.program, "partner_id": one.partner, "workflow_id": one.workflow}
                self.rows["sent_emails"].append(key | {"action": "email", "state": "sent", "as_of": run_at})
            self.contacted -= {(one.workflow, one.partner) for one, _ in self.policy.dropped[dropped:]}

    def claims(self, hour: Hour, run_at: datetime) -> list[Email]:
        """Return the emails to members at an instant that their workflow has not contacted."""
        oracle, new = self.oracle(hour.program_id, hour.as_of, self.drawn.named_conditions), []
        for name, segment in self.drawn.segments.items():
            if segment.program == hour.program_id:
                members = oracle.members(segment.conditions)
                if len(members) > self.limit:
                    self.over.add((hour.as_of, name))
                else:
                    new += [(name, partner) for partner in members if (name, partner) not in self.contacted]
        self.contacted.update(new)
        held_out = [one for one in new if is_held_out(KEY, self.holdout, one[0], hour.program_id, one[1])]
        self.held_out |= {(run_at, *one) for one in held_out}
        left = [one for one in new if one not in held_out]
        return [Email(run_at, name, hour.program_id, partner, f"{partner}@x.example") for name, partner in left]

    def qualifies(self, one: Email, hour: datetime) -> bool:
        """Return whether the conditions that are checked again still hold."""
        workflow, builder = self.workflows[one.workflow], self.compiler.builder
        weaker = [recheck_segment(workflow, each, builder) for each in conditions_to_recheck(workflow, builder)]
        for each in weaker:
            named = {part.name: [meaning(str(other)) for other in part.conditions] for part in each.segments}
            oracle = self.oracle(one.program, hour, named)
            if one.partner not in oracle.members([meaning(str(other)) for other in each.segment]):
                return False
        return True

    def oracle(self, program: str, hour: datetime, named: Mapping[str, Iterable[tuple]]) -> Oracle:
        """Return the oracle of a program's segments at an instant."""
        return Oracle(self.rows, program, hour, self.drawn.include_today, named)


@settings(
    max_examples=1000 if LONG else 4,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate] + ([Phase.shrink] if LONG else []),
)
@given(
    drawn=draws(), limit=st.sampled_from((1, 2, 10_000)), size=st.sampled_from((7, 168)),
    policy=st.sampled_from(POLICIES), days=st.sampled_from((0, 0, 1, 2)), holdout=st.sampled_from((0, 0, 40)),
)  # fmt: skip
def test_replay_equals_the_oracle_run_hour_by_hour(
    drawn: Draw, limit: int, size: int, policy: Policy, days: int, holdout: int
):
    """Accounts are random; the limit, the policy, the holdout and the number of hours evaluated together vary.

    No partner gets more emails than `overlaps --bound` says.
    """
    compiler = Compiler(VOCABULARY, drawn.include_today)
    workflows = [
        workflow_without_yaml(name, one.program, one.sentences, drawn.named_sentences)
        for name, one in drawn.segments.items()
    ]
    first = drawn.hours[0].date()
    last = first + timedelta(days=days)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows.warehouse.evaluations, "MAX_HOURS_PER_BATCH", size)
        found = simulate_rows(
            drawn.rows, workflows, first, last, compiler, limit, policy=contact_policy(policy),
            holdouts=Holdouts(KEY, {one.id: holdout for one in workflows}),
        )  # fmt: skip
    hours = [
        hour
        for row in drawn.rows["programs"]
        for hour in local_hours(row["program_id"], ZoneInfo(row["timezone"]), first, last, ZoneInfo("UTC"))
    ]
    expected = DrawnRun(drawn, workflows, compiler, limit, policy, holdout)
    expected.run(hours)
    assert {(one.as_of, one.workflow_id, one.partner_id) for one in found.held_out} == expected.held_out
    sends = {(hour, one.workflow, one.partner) for one, hour in expected.policy.left[expected.earlier :]}
    assert {(one.as_of, one.workflow_id, one.partner_id) for one in found.sends} == sends
    ends = {"disqualified": expected.policy.dropped, "given_up": expected.policy.given_up}
    for outcome, emails in ends.items():
        ended = {(one.ended, one.workflow_id, one.partner_id) for one in found.deferred if one.outcome == outcome}
        assert ended == {(hour, one.workflow, one.partner) for one, hour in emails}
    waiting = {(one.not_before, one.workflow_id, one.partner_id) for one in found.deferred if one.outcome == "waiting"}
    assert waiting == {(until, one.workflow, one.partner) for one, until in expected.policy.waiting.items()}
    assert_never_exceeds_the_bounds(found, email_bounds(workflows, contact_policy(policy), compiler, first, False))
    spans = [(one.workflow_id, one.first, one.last) for one in found.limit_breaches]
    assert expected.over == {
        (hour.as_of, name)
        for name, start, final in spans
        for hour in hours
        if start <= hour.as_of <= final and hour.program_id == drawn.segments[name].program
    }


def assert_never_exceeds_the_bounds(found: Simulation, bounds: Iterable[EmailBound]) -> None:
    """Fail if a partner gets more emails in an hour, in 24 hours or in all days than `overlaps --bound` says."""
    emails: dict[tuple[str, str], list[datetime]] = {}
    for one in found.sends:
        emails.setdefault((one.program_id, one.partner_id), []).extend([one.as_of] * one.emails)
    at_most = {(one.program_id, one.period): one.at_most for one in bounds}
    for (program, partner), hours in emails.items():
        for period in PERIODS:
            length = timedelta(hours=period.hours)
            most = max(sum(start <= hour < start + length for hour in hours) for start in hours)
            assert most <= at_most[program, period.name], (program, partner, period.name)


# On the example account


def test_simulate_of_future_days_changes_nothing(copied: Settings):
    """Prospects that the run has invited are reminded seven days later; the warehouse is unchanged."""

    def raw() -> list:
        with open_warehouse(copied.warehouse) as connection:
            tables = ("raw.sent_emails", "raw.evaluations", "marts.fct_relationship_history")
            return [sorted(map(str, connection.execute(f"SELECT * FROM {name}").fetchall())) for name in tables]

    before = raw()
    days = (HOUR + timedelta(days=1)).date().isoformat(), (HOUR + timedelta(days=8)).date().isoformat()
    answer = partnerflow(copied, "simulate", "--from", days[0], "--to", days[1], "--json")
    assert answer.code == 0, answer.stderr
    document = answer.json()
    assert list(document) == ["from", "to", "workflows", "hours", "several", "sends"]
    sends = {(one["workflow_id"], one["partner_id"]) for one in document["sends"]}
    assert {partner for name, partner in sends if name == "prospect-follow-up-7"} >= set(MEMBERS["prospect-invite"])
    assert not [name for name, _ in sends if name == "prospect-invite"]
    assert raw() == before


def test_simulate_of_a_draft_over_past_days(copied: Settings):
    """The argument simulates one workflow, which may be a draft."""
    file = copied.workflows / "draft.yml"
    file.write_text((copied.workflows / "welcome.yml").read_text().replace("status: active", "status: draft"))
    command = ["simulate", "draft", "--from", "2026-03-01", "--to", "2026-03-20"]
    found = partnerflow(copied, *command, "--json").json()
    (row,) = found["workflows"]
    assert (row["workflow_id"], row["partners"] > 9) == ("draft", True)
    said = partnerflow(copied, *command).stdout
    assert "Simulation of 2026-03-01 to 2026-03-20" in said
    assert "0 partners are contacted by more than one workflow." in said


@pytest.mark.parametrize(
    ("days", "code", "says"),
    [
        (("2026-03-20", "2026-03-01"), 1, "is not a valid range of days"),
        (("yesterday", "2026-03-01"), 2, "is not a valid date, such as 2026-03-20"),
        (("2026-03-01", "2026-03-02"), 1, "Run `partnerflow plan` once"),
    ],
)
def test_simulate_of_invalid_days_is_an_error(tmp_path, days: tuple[str, str], code: int, says: str):
    """The message says what to do. Without a build, it says to run `partnerflow plan`."""
    state = Settings(state_dir=tmp_path / "var", workflows=CHECKOUT / "workflows")
    answer = partnerflow(state, "simulate", "--from", days[0], "--to", days[1])
    assert answer.code == code
    assert says in " ".join(answer.stderr.replace("│", " ").split())
