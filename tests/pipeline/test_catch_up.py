"""Missed hours: which they are, what each workflow wants done about them, and that nobody is lost or doubled by it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from compiler import MissedHours, PartnerflowError, Workflow, parse_missed_hours
from compiler.segment_tree import SendEmail
from flows.ledger.ledger import Ledger
from flows.ledger.queries import RunRecord, record_runs
from flows.pipeline.catch_up import CatchUp, find_catch_up
from flows.pipeline.run import Run, run_hour
from flows.pipeline.text import SENT
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from support.cli import partnerflow
from support.example_workflows import copy_workflows
from support.ledgers import ledger_location, opened
from support.states import HOUR, copy_state, move_state, reload_raw_tables
from support.week import replayed_contacts
from support.zones import NOT_WHOLE_HOURS

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
COUNTS = ("members", "addresses", "already_contacted", "suppressed", "no_address", "recipients", *SENT)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    with opened(ledger_location(request.param, tmp_path)) as one:
        yield one


def workflow(name: str = "w", words: str = "send up to 3 days late") -> Workflow:
    """An active workflow of program 1."""
    return Workflow(name, name, "", "1", "active", (), SendEmail("m"), missed_hours=parse_missed_hours(words))


def ran(ledger: Ledger, hour: datetime, *, programs: tuple[str, ...] = ("1",), **statuses: str) -> None:
    """Record a run in which these workflows had these statuses."""
    rows = [
        {"workflow_id": name, "status": status, "is_settled": status in ("done", "over_limit"), "detail": None}
        | dict.fromkeys(COUNTS, 0)
        for name, status in statuses.items()
    ]
    number = f"{hour.isoformat()} {len(statuses)} {programs}"
    record_runs(ledger, [RunRecord(number, hour.replace(tzinfo=None), programs, tuple(rows))])


def found(
    ledger: Ledger,
    as_of: datetime,
    *workflows: Workflow,
    zone: str = "UTC",
    deployment: str = "UTC",
    instead: MissedHours | None = None,
) -> CatchUp:
    """What has been missed before an hour."""
    return find_catch_up(ledger, workflows or [workflow()], {"1": zone}, as_of, ZoneInfo(deployment), instead)


def hours(ledger: Ledger, as_of: datetime, *workflows: Workflow, **zones: str) -> list[str]:
    """The instants that are to be caught up."""
    return [f"{instant:%d %H:%M:%S}" for instant in found(ledger, as_of, *workflows, **zones).instants]


def test_a_run_every_hour_misses_nothing(ledger: Ledger):
    """Not even when one comes at another minute."""
    for minutes in (0, 60, 90, 120):
        nothing = found(ledger, NOON + timedelta(minutes=minutes))
        assert (nothing.instants, nothing.held, nothing.skipped) == ({}, {}, {})
        ran(ledger, NOON + timedelta(minutes=minutes), w="done")


def test_the_hours_of_an_outage_are_caught_up(ledger: Ledger):
    """Those after the last run, until the hour itself."""
    ran(ledger, NOON, w="done")
    assert hours(ledger, NOON + timedelta(hours=4)) == ["20 13:00:00", "20 14:00:00", "20 15:00:00"]


def test_the_first_run_of_a_day_looks_at_the_end_of_the_day_before(ledger: Ledger):
    """Whatever the workflow wants of missed hours: none was missed. The day is that of the program's zone."""
    ran(ledger, NOON + timedelta(hours=11), w="done")
    for words in ("send up to 3 days late", "skip", "hold"):
        assert hours(ledger, NOON + timedelta(hours=12), workflow("w", words)) == ["20 23:59:59"]
    ran(ledger, datetime(2026, 3, 21, 18, tzinfo=UTC), w="done")
    in_kolkata = hours(ledger, datetime(2026, 3, 21, 19, tzinfo=UTC), zone="Asia/Kolkata")
    assert in_kolkata == ["21 18:29:59"]


@pytest.mark.parametrize("name", NOT_WHOLE_HOURS)
def test_zones_not_in_whole_hours_catch_up_their_own_hours(ledger: Ledger, name: str):
    """Midnight is one of them, and each day ends right before it, in the deployment's zone and the program's."""
    zone = ZoneInfo(name)
    ran(ledger, datetime(2026, 3, 20, 21, tzinfo=zone).astimezone(UTC), w="done")
    missed = found(ledger, datetime(2026, 3, 21, 2, tzinfo=zone).astimezone(UTC), zone=name, deployment=name)
    local = [f"{instant.astimezone(zone):%d %H:%M:%S}" for instant in missed.instants]
    assert local == ["20 22:00:00", "20 23:00:00", "20 23:59:59", "21 00:00:00", "21 01:00:00"]
    ran(ledger, datetime(2026, 3, 21, 23, tzinfo=zone).astimezone(UTC), w="done")
    on_time = found(ledger, datetime(2026, 3, 22, tzinfo=zone).astimezone(UTC), zone=name, deployment=name)
    assert [f"{instant.astimezone(zone):%d %H:%M:%S}" for instant in on_time.instants] == ["21 23:59:59"]


def test_a_change_by_half_an_hour_loses_no_hour_and_no_end_of_day(ledger: Ledger):
    """Lord Howe's clocks go forward between 14:30 and 16:00 UTC; the day of a program in Tokyo ends at 15:00."""
    before, after = datetime(2026, 10, 3, 12, 30, tzinfo=UTC), datetime(2026, 10, 3, 17, tzinfo=UTC)
    ran(ledger, before, w="done")
    place = {"zone": "Asia/Tokyo", "deployment": "Australia/Lord_Howe"}
    assert hours(ledger, after, **place) == ["03 13:30:00", "03 14:30:00", "03 14:59:59", "03 16:00:00"]
    ran(ledger, before + timedelta(hours=2), w="done")
    assert hours(ledger, after - timedelta(hours=1), workflow("w", "skip"), **place) == ["03 14:59:59"]


def test_an_hour_at_which_it_was_held_or_broken_is_caught_up_and_one_over_the_limit_is_not(ledger: Ledger):
    """Held is not decided; over the limit is."""
    ran(ledger, NOON, w="done")
    ran(ledger, NOON + timedelta(hours=1), w="held")
    ran(ledger, NOON + timedelta(hours=2), w="error")
    assert hours(ledger, NOON + timedelta(hours=3)) == ["20 13:00:00", "20 14:00:00"]
    ran(ledger, NOON + timedelta(hours=3), w="over_limit")
    assert hours(ledger, NOON + timedelta(hours=4)) == []


def test_what_was_not_active_has_missed_nothing(ledger: Ledger):
    """New, or paused while its program was run without it; also when it is the only workflow, and before an outage."""
    assert hours(ledger, NOON) == []
    ran(ledger, NOON, w="done")
    ran(ledger, NOON + timedelta(hours=1))
    assert hours(ledger, NOON + timedelta(hours=2)) == []
    assert hours(ledger, NOON + timedelta(hours=9)) == []
    ran(ledger, NOON + timedelta(hours=9), w="held")
    assert hours(ledger, NOON + timedelta(hours=10)) == ["20 21:00:00"]


def test_another_programs_run_and_an_hour_that_was_caught_up_say_nothing_of_it(ledger: Ledger):
    """A host that has other programs runs on while ours is away; and an hour is caught up for those that missed it."""
    ran(ledger, NOON, w="done")
    ran(ledger, NOON + timedelta(hours=1), programs=("2",), other="done")
    ran(ledger, NOON + timedelta(hours=2), programs=(), sibling="done")
    assert hours(ledger, NOON + timedelta(hours=3)) == ["20 13:00:00", "20 14:00:00"]


def test_what_was_caught_up_is_over(ledger: Ledger):
    """Also when the hour of the run itself was held."""
    ran(ledger, NOON, w="done")
    ran(ledger, NOON + timedelta(hours=1), programs=(), w="done")
    ran(ledger, NOON + timedelta(hours=2), w="held")
    assert hours(ledger, NOON + timedelta(hours=3)) == ["20 14:00:00"]


def test_what_is_later_than_the_workflow_allows_is_skipped_and_said(ledger: Ledger):
    """A day here, nothing there; each workflow has its own way."""
    ran(ledger, NOON, a="done", b="done")
    later = NOON + timedelta(hours=26)
    seen = found(ledger, later, workflow("a", "send up to 1 day late"), workflow("b", "skip"))
    assert len([instant for instant, ids in seen.instants.items() if ids == {"a"}]) == 24 + 1
    assert min(seen.instants) == later - timedelta(days=1)
    assert seen.skipped == {
        "a": "The hour 2026-03-20 13:00 UTC was missed, and skipped (missed_hours: send up to 1 day late)",
        "b": "The hours from 2026-03-20 13:00 UTC to 2026-03-21 13:00 UTC were missed, and skipped "
        "(missed_hours: skip)",
    }


def test_a_workflow_may_wait_for_a_person_who_then_decides_for_once(ledger: Ledger):
    """With the words of the key, on the command line."""
    ran(ledger, NOON, w="done")
    later, own = NOON + timedelta(hours=3), workflow("w", "hold")
    seen = found(ledger, later, own)
    assert (seen.instants, list(seen.held)) == ({}, ["w"])
    assert "from 2026-03-20 13:00 UTC to 2026-03-20 14:00 UTC" in seen.held["w"]
    assert len(found(ledger, later, own, instead=parse_missed_hours("send up to 1 day late")).instants) == 2
    skipped = found(ledger, later, own, instead=parse_missed_hours("skip"))
    assert (skipped.instants, skipped.held, list(skipped.skipped)) == ({}, {}, ["w"])


@pytest.mark.parametrize(
    "words",
    [
        "",
        "send",
        "Send up to 3 days late",
        "send up to 0 days late",
        "send up to 32 days late",
        "send up to 1 days late",
        "later",
    ],
)
def test_other_words_are_refused_with_the_remedy(words: str):
    """In a definition they have a place, too."""
    with pytest.raises(PartnerflowError, match="Write `send up to 3 days late`"):
        parse_missed_hours(words)


@pytest.mark.parametrize("words", ["skip", "hold", "send up to 1 day late", "send up to 31 days late"])
def test_the_words_are_read_and_written_alike(words: str):
    """One way to say each."""
    assert str(parse_missed_hours(words)) == words


# On the example account


BACK = datetime(2026, 3, 22, 6, tzinfo=UTC)
"""02:00 in New York, after an outage that has lasted from the example's hour over the whole of 21 March."""

NEWCOMERS = {
    "owl": "2026-03-21 03:30",  # joins at 23:30 in New York: after the last hour of the day
    "fortnight": "2026-03-07 17:00",  # 14 days before the day that is lost
    "later": "2026-03-21 15:00",  # joins, and is welcomed, on that day
}


@pytest.fixture(scope="module")
def back(example, workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Run]:
    """The example account with newcomers, run again after the outage; one workflow waits for a person."""
    folder = tmp_path_factory.mktemp("outage")
    copy_state(example[0].state_dir, workshop)
    copy_workflows(folder / "workflows")
    settings = Settings(state_dir=workshop, workflows=folder / "workflows")
    with (settings.workflows / "prospect-invite.yml").open("a") as file:
        file.write("missed_hours: hold\n")
    with open_warehouse(settings.warehouse) as connection:
        for name, joined in NEWCOMERS.items():
            connection.execute("INSERT INTO raw.partners VALUES ('1000', ?, ?, 'en', NULL)", [name, name])
            contact = "INSERT INTO raw.partner_contacts VALUES ('1000', ?, ?, ?, NULL, true, NULL, NULL)"
            connection.execute(contact, [name, f"{name}@example.org", name])
            contract = "INSERT INTO raw.contracts (program_id, contract_id, partner_id, contract_stage, starts_at, "
            contract += "created_at, updated_at) VALUES ('1000', ?, ?, 'Joined', ?, ?, ?)"
            connection.execute(contract, [f"c-{name}", name, joined, joined, joined])
    reload_raw_tables(settings, BACK)
    run = run_hour(settings, BACK)
    return settings.model_copy(update={"state_dir": move_state(workshop, folder)}), run


def contacted(settings: Settings, after: datetime) -> set[tuple[str, str]]:
    """Workflow and partner, of what was claimed in runs after an hour."""
    with duckdb.connect(settings.published, read_only=True) as reader:
        query = "SELECT workflow_id, partner_id FROM marts.sent_emails WHERE as_of > ?"
        return set(reader.execute(query, [after.replace(tzinfo=None)]).fetchall())


@pytest.mark.long
def test_an_outage_of_a_day_loses_nobody(back: tuple[Settings, Run]):
    """Neither the transition after the last hour, nor the 14 days ago of the day that is over."""
    settings, _ = back
    assert {("welcome", "owl"), ("few-clicks-14", "fortnight"), ("welcome", "later")} <= contacted(settings, HOUR)


@pytest.mark.long
def test_it_contacts_those_whom_a_run_every_hour_would_have_contacted(back: tuple[Settings, Run]):
    """As the simulation of those hours, by one statement and with a ledger of its own, tells."""
    settings, _ = back
    expected = replayed_contacts(settings, 36, "prospect-invite")
    assert contacted(settings, HOUR) == expected
    assert len(expected) > len(NEWCOMERS)


@pytest.mark.long
def test_every_hour_that_was_caught_up_has_its_rows(back: tuple[Settings, Run]):
    """What it brought is counted there and nowhere else; and the deliveries name it as the run that claimed them."""
    settings, run = back
    late = ("New York",)  # the day before the outage, for fortnight, whose contract was loaded late
    assert len(run.catch_up) == 35 + len(("Kolkata", "New York", "Kolkata", "New York", *late))
    brought = sum(row.sent for one in (*run.catch_up, run) for row in one.plan.workflows)
    assert brought == len(contacted(settings, HOUR))
    with duckdb.connect(settings.published, read_only=True) as reader:
        query = """
            SELECT runs.as_of, runs.recipients, runs.sent, emails.as_of
            FROM marts.sent_emails AS emails JOIN marts.workflow_runs AS runs USING (run_id, workflow_id)
            WHERE emails.partner_id = 'owl'"""
        (found,) = reader.execute(query).fetchall()
        members = reader.execute("SELECT DISTINCT evaluated_at FROM marts.segment_membership").fetchall()
    end_of_day = datetime(2026, 3, 21, 3, 59, 59, 999999)
    assert found == (end_of_day, 1, 1, BACK.replace(tzinfo=None))
    assert members == [(BACK.replace(tzinfo=None),)]


@pytest.mark.long
def test_a_workflow_that_waits_for_a_person_is_held_and_says_how_to_decide(back: tuple[Settings, Run]):
    """And nobody is contacted by it meanwhile."""
    settings, run = back
    rows = {row.workflow_id: row for row in run.plan.workflows}
    assert rows["prospect-invite"].status == "held"
    assert '`partnerflow plan --catch-up "send up to 3 days late"`' in rows["prospect-invite"].detail
    assert {row.status for name, row in rows.items() if name != "prospect-invite"} == {"done"}
    assert "prospect-invite" not in {name for name, _ in contacted(settings, HOUR)}


def test_the_command_takes_the_words_of_the_key_and_refuses_others(settings: Settings):
    """Misuse, with the remedy."""
    answer = partnerflow(settings, "run", "--catch-up", "sometimes")
    assert answer.code == 2
    assert "Write `send up to 3 days late`" in " ".join(answer.stderr.replace("│", " ").split())
