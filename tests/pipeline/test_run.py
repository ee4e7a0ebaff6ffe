"""The hour: once each, none lost, and clear about whatever is wrong."""

import os
import signal
import subprocess
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import create_engine, text

from compiler import parse_missed_hours
from flows.definitions.loader import read_definitions
from flows.pipeline.run import plan_only, run_hour
from flows.pipeline.text import details
from flows.preview.preview import preview
from flows.preview.simulate import simulate
from flows.settings import CHECKOUT, Settings
from flows.warehouse.connection import open_warehouse
from flows.warehouse.evaluations import write_evaluations_at
from support.cli import command_line, environment, partnerflow
from support.example_members import MEMBERS
from support.states import HOUR, reload_raw_tables, with_example

INVITED = set(MEMBERS["prospect-invite"])


def sql(settings: Settings, *statements: str) -> None:
    """Change the raw tables, as a loader would."""
    with open_warehouse(settings.warehouse) as connection:
        for statement in statements:
            connection.execute(statement)


def emails(settings: Settings) -> Counter:
    """How many .eml files the outbox holds for each delivery."""
    return Counter(file.stem for file in settings.outbox.glob("*.eml"))


def ledger(settings: Settings, query: str) -> list[tuple]:
    """Rows of the ledger."""
    engine = create_engine(f"sqlite:///{settings.ledger}")
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def rows(run) -> dict:
    """The rows of a run, by workflow."""
    return {row.workflow_id: row for row in run.plan.workflows}


def test_a_second_run_of_the_same_hour_sends_nothing(copied: Settings):
    """Everybody has been contacted. stdout has one JSON document with the columns of the contract, stderr the steps."""
    before = emails(copied)
    answer = partnerflow(copied, "run", "--as-of", "2026-03-20T14:00:00-04:00", "--json")
    document = answer.json()
    assert (answer.code, list(document)) == (0, ["run_id", "as_of", "workflows"])
    assert document["as_of"] == "2026-03-20T18:00:00+00:00"
    before_sending = ["members", "addresses", "already_contacted", "suppressed", "no_address", "recipients"]
    counts = [*before_sending, "sent", "failed", "in_doubt"]
    assert list(document["workflows"][0]) == ["workflow_id", "status", *counts, "detail"]
    assert "Run dbt build" in answer.stderr
    assert emails(copied) == before
    assert {(row["status"], row["recipients"], row["sent"]) for row in document["workflows"]} == {("done", 0, 0)}
    with duckdb.connect(copied.published, read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM marts.recipients").fetchone() == (0,)


def test_the_hour_has_the_date_of_each_program(settings: Settings):
    """At 19:00 UTC it is the same day in New York and half past midnight of the next in Kolkata."""
    with_example(settings)
    with open_warehouse(settings.warehouse) as connection:
        write_evaluations_at(connection, HOUR + timedelta(hours=1))
        found = connection.execute("SELECT program_id, local_date FROM raw.evaluations ORDER BY 1").fetchall()
    assert found == [("1000", date(2026, 3, 20)), ("2000", date(2026, 3, 21))]


@pytest.mark.long
def test_the_next_hour_sends_only_to_whom_it_brings(copied: Settings):
    """In Kolkata the next hour is the next day: a follow-up falls due, and no partner receives two emails."""
    run = run_hour(copied, HOUR + timedelta(hours=1))
    pairs = ledger(copied, "SELECT workflow_id, program_id, partner_id FROM delivery")
    assert len(pairs) == len(set(pairs))
    assert {name: row.sent for name, row in rows(run).items() if row.sent} == {"prospect-follow-up-7": 1}


@pytest.mark.long
def test_our_own_email_moves_the_prospect_on_and_the_chain_follows(copied: Settings):
    """The invitation is Outreach from the next run on; seven days later the follow-up goes to the invited."""
    with duckdb.connect(copied.published, read_only=True) as connection:
        query = "SELECT DISTINCT relationship_stage FROM marts.fct_partners WHERE partner_id IN (SELECT unnest(?))"
        assert connection.execute(query, [sorted(INVITED)]).fetchall() == [("New",)]
    reload_raw_tables(copied, HOUR + timedelta(days=7))
    plan = plan_only(copied, HOUR + timedelta(days=7), missed_hours=parse_missed_hours("skip"))
    followed = {one.partner_id for one in plan.recipients if one.workflow_id == "prospect-follow-up-7"}
    proposed_to_that_day = {"33001098"}
    assert followed == INVITED | proposed_to_that_day


def test_plan_is_what_run_does(copied: Settings):
    """The plan's rows are the run's, before anything is sent; and planning claims, sends and publishes nothing."""
    later = HOUR + timedelta(hours=1)
    before = (ledger(copied, "SELECT * FROM delivery"), emails(copied), copied.published.stat().st_mtime_ns)
    planned = partnerflow(copied, "plan", "--as-of", later.isoformat(), "--json")
    assert planned.code == 0, planned.stderr
    assert (ledger(copied, "SELECT * FROM delivery"), emails(copied), copied.published.stat().st_mtime_ns) == before
    done = run_hour(copied, later).as_json()
    assert planned.json()["workflows"] == [row | {"sent": 0} for row in done["workflows"]]


def test_what_people_query_is_published_whole(copied: Settings):
    """Schema marts of the contract, in a file that opens while the warehouse is written."""
    with duckdb.connect(copied.published, read_only=True) as reader, open_warehouse(copied.warehouse):
        names = {name for (name,) in reader.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        sent = reader.execute("SELECT count(*) FROM marts.sent_emails WHERE state = 'sent'").fetchone()
    assert {
        "fct_partners", "fct_contracts", "fct_performance_daily", "segment_membership", "recipients", "sent_emails",
        "workflow_runs",
    } <= names  # fmt: skip
    assert sent == (len(emails(copied)) + len(list(copied.decisions.glob("*.json"))),)


def test_preview_lists_who_is_in_and_keeps_nothing(copied: Settings):
    """Also for another hour, in which a contract has started: the same SQL, and the hour that was built stays."""
    seen = partnerflow(copied, "preview", "welcome", "--as-of", HOUR.isoformat(), "--json").json()
    assert {one["partner_id"] for one in seen["members"]} == set(MEMBERS["welcome"])
    assert (seen["count"], seen["addresses"]) == (10, 9)
    evening = read_definitions(copied)
    later = preview(copied, evening["welcome"], evening.compiler, HOUR + timedelta(hours=5))
    assert {partner for _, partner, _ in later.members} == {*MEMBERS["welcome"], "21004803"}
    with open_warehouse(copied.warehouse) as connection:
        assert connection.execute("SELECT DISTINCT as_of FROM raw.evaluations").fetchall() == [
            (HOUR.replace(tzinfo=None),)
        ]


def test_preview_takes_a_file_that_is_no_workflow_yet(copied: Settings, tmp_path: Path):
    """A draft is tried before it is put into the folder."""
    file = tmp_path / "draft.yml"
    file.write_text(
        'name: Draft\nprogram: "2000"\nsegment: [Relationship Stage is any of New]\naction: {email: welcome}\n'
    )
    seen = partnerflow(copied, "preview", str(file), "--as-of", HOUR.isoformat(), "--json").json()
    assert set(MEMBERS["prospect-invite"]) <= {one["partner_id"] for one in seen["members"]}


def test_preview_before_anything_is_built_says_what_to_do(settings: Settings):
    """One message, no traceback."""
    answer = partnerflow(settings, "preview", "welcome")
    assert answer.code == 1
    assert "Run `partnerflow plan` once" in answer.stderr


CLICKS = {"few-clicks-14", "few-clicks-30", "few-clicks-60", "few-clicks-90"}
REVENUE = {
    "first-action-30", "first-action-30-60", "high-revenue-1-30", "high-revenue-31-60", "revenue-1000", "revenue-10000",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says", "held"),
    [
        pytest.param(
            "UPDATE raw.actions SET state = 'SHIPPED' WHERE program_id = '1000'",
            "rows of raw.actions are set aside in program 1000, such as 1000, ", REVENUE, marks=pytest.mark.long),
        ("UPDATE raw.actions SET currency = 'EUR' WHERE program_id = '1000'", "amount in EUR, not in USD", REVENUE),
        pytest.param(
            "DELETE FROM raw.partner_clicks_daily WHERE program_id = '1000'", "no clicks in the last days", CLICKS,
            marks=pytest.mark.long),
        pytest.param(
            "UPDATE raw.partner_clicks_daily SET _loaded_at = TIMESTAMP '2026-03-19 06:00'",
            "raw.partner_clicks_daily was last loaded at 2026-03-19 06:00 UTC, 1 day 13 hours before the hour; "
            "36 hours are allowed", CLICKS, marks=pytest.mark.long),
        pytest.param(
            "ALTER TABLE raw.contracts DROP COLUMN starts_at CASCADE", "base_contracts", set(MEMBERS),
            marks=pytest.mark.long),
        pytest.param("DROP TABLE raw.prospects CASCADE", "raw.prospects", set(MEMBERS), marks=pytest.mark.long),
    ],
)  # fmt: skip
def test_what_is_stale_or_fails_holds_the_workflows_that_read_it(copied: Settings, change: str, says: str, held: set):
    """They are held and say why, nobody is in their segments, and the others send as ever."""
    sql(copied, change)
    before = emails(copied)
    run = run_hour(copied, HOUR + timedelta(hours=1))
    assert not run.ok
    assert {name: row.status for name, row in rows(run).items()} == {
        name: "held" if name in held else "done" for name in MEMBERS
    }
    assert all(says in row.detail for row in rows(run).values() if row.status == "held")
    assert len(emails(copied) - before) == (0 if held == set(MEMBERS) else 1)
    with duckdb.connect(copied.published, read_only=True) as reader:
        query = "SELECT workflow_id FROM marts.workflow_runs WHERE status = 'held'"
        assert {name for (name,) in reader.execute(query).fetchall()} == held
        query = "SELECT DISTINCT workflow_id FROM marts.segment_membership"
        assert held == set(MEMBERS) or held.isdisjoint(name for (name,) in reader.execute(query).fetchall())


def big(settings: Settings, partners: int) -> None:
    """Partners of program 1000 that joined at the hour's own day, each with an address of its own."""
    many = f"FROM generate_series(0, {partners - 1}) AS t(n)"
    sql(
        settings,
        f"INSERT INTO raw.partners SELECT '1000', 'big-' || n, 'Big ' || n, NULL, NULL {many}",
        f"INSERT INTO raw.partner_contacts SELECT '1000', 'big-' || n, 'big-' || n || '@example.com', NULL, NULL, "
        f"true, NULL, NULL {many}",
        f"INSERT INTO raw.contracts SELECT '1000', 'S-big-' || n, 'big-' || n, 'Joined', '1', 'T', "
        f"TIMESTAMP '2026-03-20 17:00:00', NULL, NULL, TIMESTAMP '2026-03-20 16:00:00', "
        f"TIMESTAMP '2026-03-20 16:00:00', NULL {many}",
    )


@pytest.mark.long
@pytest.mark.parametrize(("partners", "status"), [(9_991, "done"), (9_992, "over_limit")])
def test_ten_thousand_addresses_pass_and_one_more_sends_nothing(copied: Settings, partners: int, status: str):
    """The limit counts the segment's result, those already contacted and unsubscribed included: 8 were there."""
    big(copied, partners)
    planned = {row.workflow_id: row for row in plan_only(copied, HOUR).workflows}
    welcome = planned["welcome"]
    assert (welcome.status, welcome.addresses) == (status, partners + 9)
    assert welcome.recipients == (partners if status == "done" else 0)
    assert (welcome.detail is None) == (status == "done")
    assert {row.status for name, row in planned.items() if name != "welcome"} == {"done"}


@pytest.mark.long
def test_over_the_limit_nothing_is_claimed_and_the_run_says_why(copied: Settings):
    """Other workflows go on."""
    big(copied, 10_000)
    run = run_hour(copied, HOUR)
    assert details(run.plan) == ["welcome: 10,009 email addresses; a segment is limited to 10,000, so nothing is sent."]
    assert ledger(copied, "SELECT count(*) FROM contact WHERE partner_id LIKE 'big-%'") == [(0,)]


@pytest.mark.long
def test_killed_in_the_middle_of_sending_and_run_again_everybody_hears_once(copied: Settings):
    """kill -9 twice while emails leave; the third run finishes what the others have claimed."""
    big(copied, 1_000)
    for target in (100, 500):
        process = subprocess.Popen(
            command_line(copied, "run", "--as-of", HOUR.isoformat()),
            env=environment(copied), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while len(list(copied.outbox.glob("*.eml"))) < target:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert ledger(copied, "SELECT count(*) FROM delivery WHERE state IN ('pending', 'leased')") > [(0,)]
    last = partnerflow(copied, "run", "--as-of", HOUR.isoformat(), "--json")
    assert last.code == 0
    states = dict(ledger(copied, "SELECT state, count(*) FROM delivery WHERE partner_id LIKE 'big-%' GROUP BY 1"))
    assert states == {"sent": 1_000}
    delivered = ledger(copied, "SELECT delivery_id FROM delivery WHERE action = 'email'")
    assert emails(copied) == Counter(identity for (identity,) in delivered)
    assert list(copied.outbox.glob(".*.part")) == []


def test_a_second_run_beside_the_first_is_refused(copied: Settings):
    """With the reason; not queued."""
    from flows.state_lock import state_lock

    with state_lock(copied.state_dir):
        answer = partnerflow(copied, "run", "--as-of", HOUR.isoformat())
    assert answer.code == 1
    assert "Another run is using" in answer.stderr


def test_one_bad_definition_or_message_harms_no_other_workflow(copied: Settings):
    """Its row says error and why; the others are done."""
    (copied.workflows / "broken.yml").write_text("name: Broken\n")
    (copied.workflows / "messages" / "few-clicks" / "body.txt").write_text("Hello {{ partner.nmae }}")
    (copied.workflows / "ghost.yml").write_text(
        'name: Ghost\nprogram: "9999"\nstatus: active\nsegment: [Relationship Stage is any of New]\n'
        "action: {email: welcome}\n"
    )
    found = rows(run_hour(copied, HOUR))
    errors = {name: row.detail for name, row in found.items() if row.status == "error"}
    assert sorted(errors) == ["broken", "few-clicks-14", "few-clicks-30", "few-clicks-60", "ghost"]
    assert "The key program is missing" in errors["broken"]
    assert "partner.nmae is undefined" in errors["few-clicks-14"]
    assert "There is no program 9999" in errors["ghost"]
    assert {row.status for name, row in found.items() if name not in errors} == {"done"}


@pytest.mark.long
def test_paused_and_draft_workflows_do_not_run(copied: Settings):
    """Only active ones have a row."""
    file = copied.workflows / "welcome.yml"
    file.write_text(file.read_text().replace("status: active", "status: paused"))
    assert "welcome" not in rows(run_hour(copied, HOUR))


def test_editing_a_workflow_its_segment_or_its_message_never_sends_twice(copied: Settings):
    """The key is the workflow's id and the partner."""
    file = copied.workflows / "welcome.yml"
    file.write_text(file.read_text().replace("Last Transition Date is Today", "Last Transition Date Is Last 30 Days"))
    (copied.workflows / "messages" / "welcome" / "body.txt").write_text("Another text.")
    row = rows(run_hour(copied, HOUR + timedelta(days=1), missed_hours=parse_missed_hours("skip")))["welcome"]
    pairs = ledger(copied, "SELECT program_id, partner_id FROM contact WHERE workflow_id = 'welcome'")
    assert len(pairs) == len(set(pairs)) == 8 + row.sent
    assert (row.already_contacted, row.sent > 0) == (8, True)


@pytest.mark.long
def test_every_contact_of_a_partner_is_written_to_when_the_workflow_says_so(copied: Settings):
    """recipients: all; the spellings of one address are one email, and none when any of them has unsubscribed."""
    sql(
        copied,
        "INSERT INTO raw.partners VALUES ('1000', 'multi', 'Multi', NULL, NULL)",
        "INSERT INTO raw.relationship_events VALUES ('1000', 'multi', TIMESTAMP '2026-03-20 12:00', 'Joined', NULL)",
        """INSERT INTO raw.partner_contacts VALUES
            ('1000', 'multi', 'a@example.com', 'A', NULL, true, NULL, NULL),
            ('1000', 'multi', 'A@EXAMPLE.com', 'A', NULL, false, NULL, NULL),
            ('1000', 'multi', 'a@example.com' || chr(10), 'A', NULL, false, NULL, NULL),
            ('1000', 'multi', 'b@example.com', 'B', NULL, false, NULL, NULL),
            ('1000', 'multi', 'c@example.com', 'C', NULL, false, TIMESTAMP '2026-01-01', NULL),
            ('1000', 'multi', 'd@bücher.example', 'D', NULL, false, NULL, NULL),
            ('1000', 'multi', 'D@XN--BCHER-KVA.example' || chr(160), 'D', NULL, false, TIMESTAMP '2026-01-01', NULL)""",
    )
    file = copied.workflows / "welcome.yml"
    file.write_text(file.read_text() + "recipients: all\n")
    run_hour(copied, HOUR)
    found = ledger(copied, "SELECT email FROM delivery WHERE partner_id = 'multi' ORDER BY email")
    assert found == [("a@example.com",), ("b@example.com",)]


@pytest.mark.long
def test_text_that_is_no_address_uses_up_nothing(copied: Settings):
    """The partner counts as one without an address. When the loader corrects it, the next run writes to it."""
    sql(
        copied,
        "INSERT INTO raw.partners VALUES ('1000', 'bad', 'Bad', NULL, NULL)",
        "INSERT INTO raw.relationship_events VALUES ('1000', 'bad', TIMESTAMP '2026-03-20 12:00', 'Joined', NULL)",
        "INSERT INTO raw.partner_contacts VALUES ('1000', 'bad', 'no address', 'A', NULL, true, NULL, NULL)",
    )
    first = rows(run_hour(copied, HOUR))["welcome"]
    assert (first.sent, first.failed, first.no_address) == (0, 0, 2)
    assert ledger(copied, "SELECT email FROM delivery WHERE partner_id = 'bad'") == []
    sql(copied, "UPDATE raw.partner_contacts SET email = 'Good@Bücher.example' WHERE partner_id = 'bad'")
    second = rows(run_hour(copied, HOUR + timedelta(minutes=1)))["welcome"]
    assert (second.sent, second.failed, second.no_address) == (1, 0, 1)
    found = ledger(copied, "SELECT email, email_key, state FROM delivery WHERE partner_id = 'bad'")
    assert found == [("good@xn--bcher-kva.example", "good@xn--bcher-kva.example", "sent")]


@pytest.mark.long
def test_email_that_cannot_be_rendered_uses_up_nothing(copied: Settings):
    """Each run tries it again, and sends it once the loader has corrected the data of its template.

    A person may make it pending, too: it then goes to the address, and has the name, of now.
    """
    sql(
        copied,
        "INSERT INTO raw.partners VALUES ('1000', 'odd', 'Odd', NULL, NULL), ('1000', 'set', 'Set', NULL, NULL)",
        """INSERT INTO raw.relationship_events VALUES
            ('1000', 'odd', TIMESTAMP '2026-03-20 12:00', 'Joined', NULL),
            ('1000', 'set', TIMESTAMP '2026-03-20 12:00', 'Joined', NULL)""",
        """INSERT INTO raw.partner_contacts VALUES
            ('1000', 'odd', 'odd@example.com', '0', NULL, true, NULL, NULL),
            ('1000', 'set', 'set@example.com', '0', NULL, true, NULL, NULL)""",
    )
    body = copied.workflows / "messages" / "welcome" / "body.mjml"
    share = "{% if partner.id == 'odd' or partner.id == 'set' %}{{ 6 | divided_by: contact.first_name }}{% endif %}"
    body.write_text(body.read_text() + f"<mj-text>{share}</mj-text>")
    first, again = (rows(run_hour(copied, HOUR + timedelta(minutes=one)))["welcome"] for one in (0, 1))
    assert [(one.recipients, one.sent, one.failed) for one in (first, again)] == [(2, 0, 2), (2, 0, 2)]
    sql(
        copied,
        "UPDATE raw.partner_contacts SET first_name = '2' WHERE partner_id IN ('odd', 'set')",
        "UPDATE raw.partner_contacts SET email = 'New@example.com' WHERE partner_id = 'set'",
    )
    ((waiting,),) = ledger(copied, "SELECT delivery_id FROM delivery WHERE partner_id = 'set'")
    assert partnerflow(copied, "settle", waiting, "--as", "pending", "--reason", "It is corrected").code == 0
    third = rows(run_hour(copied, HOUR + timedelta(minutes=2)))["welcome"]
    assert (third.sent, third.failed) == (2, 0)
    found = ledger(
        copied, "SELECT partner_id, email, email_key, state FROM delivery WHERE partner_id IN ('odd', 'set')"
    )
    assert sorted(found) == [
        ("odd", "odd@example.com", "odd@example.com", "sent"),
        ("set", "new@example.com", "new@example.com", "sent"),
    ]


@pytest.mark.long
def test_a_disk_that_is_full_ends_the_run_and_loses_nobody(copied: Settings, monkeypatch: pytest.MonkeyPatch):
    """What could not be written is pending again; the next run sends it."""
    big(copied, 20)
    real, written = os.fsync, []

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 11:
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            run_hour(copied, HOUR)
    states = dict(ledger(copied, "SELECT state, count(*) FROM delivery WHERE partner_id LIKE 'big-%' GROUP BY 1"))
    assert states["pending"] > 0
    assert states.keys() <= {"pending", "sent"}
    run_hour(copied, HOUR)
    states = dict(ledger(copied, "SELECT state, count(*) FROM delivery WHERE partner_id LIKE 'big-%' GROUP BY 1"))
    assert states == {"sent": 20}


@pytest.mark.parametrize("hour", ["yesterday", "2026-03-20T14:00:00", "2026-13-01T00:00:00Z"])
def test_an_hour_that_is_none_is_misuse(settings: Settings, hour: str):
    """Exit code 2, and an example of a good one."""
    answer = partnerflow(settings, "run", "--as-of", hour)
    assert answer.code == 2
    assert "2026-03-20T14:00:00-04:00" in " ".join(answer.stderr.split())


def test_without_raw_tables_run_says_who_fills_them(settings: Settings):
    """And sends nothing."""
    answer = partnerflow(settings, "run")
    assert answer.code == 1
    assert "`partnerflow load-example` fills them with the example account." in answer.stderr


@pytest.mark.long
def test_program_without_a_time_zone_holds_its_workflows_only(copied: Settings, caplog: pytest.LogCaptureFixture):
    """Other programs go on. One line names the program, its value and the workflows; so do the other commands.

    Once it has one, its workflows catch up: who became a prospect at the end of the day before is invited, once.
    """
    sql(
        copied,
        "UPDATE raw.programs SET timezone = 'Asia/Kolkata ' WHERE program_id = '2000'",
        "INSERT INTO raw.partners VALUES ('2000', 'owl', 'Owl', 'en', NULL)",
        "INSERT INTO raw.partner_contacts VALUES ('2000', 'owl', 'owl@example.org', NULL, NULL, true, NULL, NULL)",
        "INSERT INTO raw.prospects VALUES ('2000', 'owl', TIMESTAMP '2026-03-20 18:20:00', NULL)",
    )
    reason = (
        "'Asia/Kolkata ' of program 2000 in raw.programs is not a valid time zone. Did you mean Asia/Kolkata? "
        "Give it an IANA time zone in the source, such as America/New_York."
    )
    definitions = read_definitions(copied)
    held = [one.id for one in definitions.active if one.program == "2000"]
    run = run_hour(copied, HOUR + timedelta(hours=1))
    assert {name: row.detail for name, row in rows(run).items() if row.status != "done"} == dict.fromkeys(held, reason)
    line = f"{len(held)} workflows ({', '.join(held)}): {reason}"
    assert len(held) > 1 and details(run.plan).count(line) == caplog.messages.count(f"Held: {line}") == 1
    with duckdb.connect(copied.published, read_only=True) as reader:
        assert reader.execute("SELECT DISTINCT program_id FROM marts.segment_membership").fetchall() == [("1000",)]
    day = run.plan.as_of.date()
    simulation = simulate(copied, definitions.active, definitions.compiler, day, day)
    assert simulation.held == dict.fromkeys(held, reason) and set(simulation.workflows).isdisjoint(held)
    days = ["--from", str(day), "--to", str(day)]
    for command in (["preview"], ["explain", "x"], ["history", *days], ["simulate", *days]):
        name, *others = command
        answer = partnerflow(copied, name, held[0], *others)
        assert (answer.code, answer.stderr.strip()) == (1, reason)
    sql(copied, "UPDATE raw.programs SET timezone = 'Asia/Kolkata' WHERE program_id = '2000'")
    before = emails(copied)
    resumed = run_hour(copied, HOUR + timedelta(hours=2))
    assert resumed.ok and {one.plan.as_of for one in resumed.catch_up} >= {run.plan.as_of}
    caught_up = [(row.workflow_id, row.sent) for one in resumed.catch_up for row in one.plan.workflows if row.sent]
    assert (caught_up, len(emails(copied) - before)) == ([("prospect-invite", 1), ("prospect-follow-up-7", 1)], 2)
    assert ledger(copied, "SELECT workflow_id FROM contact WHERE partner_id = 'owl'") == [("prospect-invite",)]


def test_the_example_account_is_never_loaded_over_another(copied: Settings):
    """Loading it again over itself is fine."""
    assert partnerflow(copied, "load-example").code == 0
    sql(copied, "COMMENT ON TABLE raw.programs IS 'Ours'")
    answer = partnerflow(copied, "load-example")
    assert answer.code == 1
    assert "The warehouse holds another account." in answer.stderr


@pytest.mark.long
def test_dbt_build_runs_on_its_own(copied: Settings):
    """From dbt_project/, with nothing of ours but the profile; it builds the committed models."""
    dbt = Path(command_line(copied)[0]).parent / "dbt"
    target = ["--target-path", str(copied.state_dir / "target"), "--log-path", str(copied.state_dir / "logs")]
    done = subprocess.run(
        [dbt, "build", *target], cwd=CHECKOUT / "dbt_project", env=environment(copied), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert "ERROR=0" in done.stdout
    with open_warehouse(copied.warehouse) as connection:
        query = "SELECT count(DISTINCT workflow_id) FROM marts.segment_membership"
        assert connection.execute(query).fetchone() == (16,)
