"""Email events: from the payloads of providers to marts, suppressions and the state of deliveries in doubt."""

import json
import sqlite3
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from compiler import PartnerflowError
from flows.doctor import email_events
from flows.events.ingestion import load_events
from flows.events.landing import landed_files, write_payload
from flows.hourly import actions_required
from flows.pipeline.run import run_hour
from flows.pipeline.text import details
from flows.report.data import read_report
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from support.provider_payloads import (
    bounce_message,
    mailgun,
    postmark,
    sendgrid,
    sendgrid_event,
    ses,
)
from support.states import HOUR, copy_state, move_state
from support.warehouses import empty_warehouse

NEXT = HOUR + timedelta(hours=1)
NEXT_RECIPIENT = "chloe.silva.33002021@example.com"
"""The only address of the example account that the next hour would send to."""


def drop(settings: Settings, name: str, content: bytes) -> None:
    """Write a file into the landing folder, as an export or a mail server does."""
    file = settings.landing / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@pytest.fixture(scope="module")
def after_events(example, workshop, tmp_path_factory):
    """The example account after the next hour, with events of four providers, a mail server and a partner.

    Return the settings, the delivery per role (each of the first ten emails of first-action-30 has one), and the run.
    """
    copy_state(example[0].state_dir, workshop)
    settings = Settings(state_dir=workshop, workflows=example[0].workflows)
    with sqlite3.connect(settings.ledger) as ledger:
        query = "SELECT delivery_id, email FROM delivery WHERE workflow_id = 'first-action-30' ORDER BY email"
        roles = [
            "opened",
            "machine",
            "clicked",
            "bounced",
            "complained",
            "full",
            "proven",
            "disproven",
            "left",
            "quiet",
        ]
        of = {
            role: SimpleNamespace(id=row[0], email=row[1])
            for role, row in zip(roles, ledger.execute(query), strict=False)
        }
        doubtful = [(of[role].id,) for role in ("proven", "disproven")]
        content = json.dumps(
            {"cc": "copy@example.net", "bcc": NEXT_RECIPIENT}
        )  # it has no delivery yet, but gets a copy
        ledger.execute("INSERT INTO message_version (version, content) VALUES ('with a copy', ?)", [content])
        ledger.executemany("UPDATE delivery SET state = 'in_doubt', sent_at = NULL WHERE delivery_id = ?", doubtful)
    for (delivery_id,) in doubtful:
        (settings.outbox / f"{delivery_id}.eml").unlink()  # a file that is there would prove that it was sent
    opened = sendgrid([
        sendgrid_event(of["opened"].id, of["opened"].email.upper(), "delivered"),
        sendgrid_event(of["opened"].id, of["opened"].email, "open", sg_machine_open=False),
        sendgrid_event(of["machine"].id, of["machine"].email, "delivered"),
        sendgrid_event(of["machine"].id, of["machine"].email, "open", sg_machine_open=True),
        sendgrid_event("somebody-elses", "who@example.net", "bounce", type="bounce", status="5.1.1"),
        sendgrid_event(of["quiet"].id, "Copy <copy@Example.net>", "bounce", type="bounce", status="5.1.1"),
    ])  # fmt: skip
    for _ in range(3):
        write_payload(settings.landing, "sendgrid", opened)
    write_payload(settings.landing, "mailgun", mailgun(of["clicked"].id, of["clicked"].email, "clicked"))
    write_payload(settings.landing, "ses", ses(of["bounced"].id, of["bounced"].email, "Delivery"))
    write_payload(
        settings.landing, "ses", ses(of["bounced"].id, of["bounced"].email, "Bounce", NEXT - timedelta(minutes=5))
    )
    write_payload(settings.landing, "postmark", postmark(of["complained"].id, of["complained"].email, "SpamComplaint"))
    write_payload(settings.landing, "postmark", postmark(of["proven"].id, of["proven"].email, "Delivery"))
    drop(settings, "bounce/1.eml", bounce_message(of["disproven"].id, of["disproven"].email))
    drop(settings, "bounce/2.eml", bounce_message(of["full"].id, of["full"].email, status="5.2.2"))
    drop(settings, "bounce/3.eml", b"Subject: out of office\r\n\r\nBack on Monday.")
    drop(settings, "ses/torn.jsonl", ses(of["opened"].id, of["opened"].email, "Open").encode() + b'\n{"Type": "Notif')
    drop(settings, "torn.jsonl", b'{"event_id": "x", "provider"\n\xff\xfe\n')
    drop(settings, "elsewhere/export.jsonl", b'{"some": "other system"}\n')
    drop(settings, "sendgrid/export.json", opened.encode())
    for event in (
        {"event": "unsubscribed", "scope": "program", "request_id": "r1", "delivery_id": of["left"].id},
        {"event": "unsubscribed", "scope": "all", "request_id": "r2", "delivery_id": of["opened"].id},
        {"event": "undone", "request_id": "r2", "delivery_id": of["opened"].id},
    ):
        write_payload(settings.landing, "partnerflow", json.dumps(event))
    write_payload(settings.landing, "postmark", postmark(_elsewhere(settings), NEXT_RECIPIENT, "Bounce"))
    run = run_hour(settings, NEXT)
    var = move_state(workshop, tmp_path_factory.mktemp("events"))
    return settings.model_copy(update={"state_dir": var}), of, run


def _elsewhere(settings: Settings) -> str:
    """Return the id of a delivery of another workflow."""
    with sqlite3.connect(settings.ledger) as ledger:
        return ledger.execute("SELECT delivery_id FROM delivery WHERE workflow_id = 'welcome' LIMIT 1").fetchone()[0]


def query(settings: Settings, text: str, *values) -> list[tuple]:
    """Return rows of the published file."""
    with duckdb.connect(settings.published, read_only=True) as reader:
        return reader.execute(text, list(values)).fetchall()


def test_report_counts_each_email_once_per_column(after_events):
    """Repeated opens count once and bot opens separately; a bounce overrides a delivery; a click implies a delivery."""
    settings, *_ = after_events
    columns = "sent, delivered, opened, bot_opened_only, clicked, bounced, complained, unsubscribed, with_events"
    found = query(settings, f"SELECT {columns} FROM marts.workflow_report WHERE workflow_id = 'first-action-30'")
    assert found == [(11, 6, 1, 1, 1, 3, 1, 1, 9)]


def test_weekly_report_uses_the_week_of_sending(after_events):
    """The week is that of the evaluation hour. Emails without events are counted as sent."""
    settings, *_ = after_events
    total = query(settings, "SELECT sum(sent) FROM marts.workflow_report")[0][0]
    found = query(settings, "SELECT week, sum(sent) FROM marts.workflow_report_weekly GROUP BY week")
    assert found == [(date(2026, 3, 16), total)]


def test_events_resolve_deliveries_in_doubt(after_events):
    """A reported delivery becomes sent, a bounced one failed with its reason; neither is sent again."""
    settings, of, run = after_events
    with sqlite3.connect(settings.ledger) as ledger:
        text = "SELECT state, reason FROM delivery WHERE delivery_id = ?"
        states = {role: ledger.execute(text, [of[role].id]).fetchone() for role in ("proven", "disproven")}
        moves = ledger.execute("SELECT count(*) FROM delivery_log WHERE from_state = 'in_doubt'").fetchone()
    assert states["proven"][0] == "sent"
    assert states["disproven"][0] == "failed"
    assert "550 5.1.1" in states["disproven"][1]
    assert moves == (2,)
    assert {row.workflow_id: row.sent for row in run.plan.workflows}["first-action-30"] == 0


def test_bounces_complaints_and_unsubscribes_suppress_before_next_run(after_events):
    """A soft bounce, a bounce of another sender and an undone unsubscribe suppress nobody.

    A copy's bounce suppresses only its address, and an unsubscribe only the emails of its program.
    """
    settings, of, run = after_events
    suppressed = dict(query(settings, "SELECT email, reason FROM marts.suppressions"))
    scopes = query(settings, "SELECT DISTINCT reason, scope FROM marts.suppressions ORDER BY ALL")
    assert scopes == [("complaint", "all"), ("hard bounce", "all"), ("unsubscribed", "program:1000")]
    assert suppressed == {
        of["bounced"].email: "hard bounce",
        of["disproven"].email: "hard bounce",
        of["complained"].email: "complaint",
        "copy@example.net": "hard bounce",
        of["left"].email: "unsubscribed",
        NEXT_RECIPIENT: "hard bounce",
    }
    row = next(row for row in run.plan.workflows if row.workflow_id == "prospect-follow-up-7")
    assert (row.suppressed, row.recipients, row.sent) == (1, 0, 0)


def test_ignored_events_are_counted_and_do_not_fail_the_run(after_events):
    """marts.email_event_ingestion_summary counts incomplete lines, duplicates, other senders and other systems."""
    settings, _, run = after_events
    assert run.ok
    columns = "provider, payloads, invalid_payloads, events, duplicate_events, unmatched_events"
    text = f"SELECT {columns} FROM marts.email_event_ingestion_summary ORDER BY 1"
    assert query(settings, text) == [
        ("bounce", 3, 0, 2, 0, 0),
        ("elsewhere", 1, 0, 0, 0, 0),
        ("mailgun", 1, 0, 1, 0, 0),
        ("partnerflow", 3, 0, 3, 0, 0),
        ("postmark", 3, 0, 3, 0, 0),
        ("sendgrid", 4, 0, 24, 18, 1),
        ("ses", 4, 1, 3, 0, 0),
        ("unknown", 1, 1, 0, 0, 0),
    ]


def test_unreadable_places_are_in_the_run_the_report_and_doctor(after_events, monkeypatch: pytest.MonkeyPatch):
    """Each is named once, without its content."""
    settings, _, run = after_events
    rows = [
        ("elsewhere/", "whole folder", "no model reads the events of this provider"),
        ("ses/torn.jsonl", "line 2", "it is not valid JSON"),
        ("torn.jsonl", "lines 1 to 2", "it is not valid JSON"),
    ]
    said = f"3 email events cannot be read: {'; '.join(f'{file}, {lines}: {why}' for file, lines, why in rows)}"
    (note,) = run.plan.notes
    assert note.startswith(said) and run.as_json()["notes"] == [note] and details(run.plan)[0] == note
    assert query(settings, "SELECT DISTINCT notes FROM marts.workflow_runs WHERE run_id = ?", run.run_id) == [(note,)]
    assert actions_required(run)[0] == f"- {note}"
    assert said in settings.report.read_text()
    assert read_report(settings.published).unreadable == rows
    assert [(found[0], found[1]) for found in email_events(settings, NEXT)] == [("warning", f"{said}.")]


def test_load_events_again_loads_nothing(after_events, tmp_path: Path):
    """Files that were merged are not loaded again; a new warehouse is filled from the folder."""
    settings, *_ = after_events
    with open_warehouse(settings.warehouse) as warehouse, empty_warehouse(tmp_path) as new:
        assert load_events(warehouse, settings.landing) == 0
        text = "SELECT event_id, provider, payload FROM raw.email_events"
        load_events(new, settings.landing)
        assert sorted(new.execute(text).fetchall()) == sorted(warehouse.execute(text).fetchall())


def test_growing_file_is_loaded_again_without_duplicates(tmp_path: Path):
    """A file may be loaded while an export still writes it."""
    settings = Settings(state_dir=tmp_path)
    line = mailgun("d", "a@x.example", "delivered").encode()
    with empty_warehouse(settings.state_dir) as warehouse:
        drop(settings, "mailgun/export.jsonl", line + b"\n" + line[:50])
        assert load_events(warehouse, settings.landing) == 1
        drop(settings, "mailgun/export.jsonl", line + b"\n" + line.replace(b"delivered", b"opened") + b"\n")
        assert load_events(warehouse, settings.landing) == 1


def test_small_files_of_the_receiver_are_merged(tmp_path: Path):
    """Exports are not merged, and the merged file is not loaded again."""
    settings = Settings(state_dir=tmp_path)
    for number in range(3):
        write_payload(settings.landing, "ses", f'{{"n": {number}}}')
    drop(settings, "ses/export.jsonl", b"{}\n")
    with empty_warehouse(settings.state_dir) as warehouse:
        assert load_events(warehouse, settings.landing) == 4
        names = [file.path.name for file in landed_files(settings.landing)]
        assert (len(names), names[-1]) == (2, "export.jsonl")
        known = warehouse.execute("SELECT count(*) FROM raw.ingested_files").fetchone()
        assert (known, load_events(warehouse, settings.landing)) == ((2,), 0)


def test_file_without_permission_raises_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The file is not skipped, because it may contain unsubscribes."""
    settings = Settings(state_dir=tmp_path)
    drop(settings, "ses/export.jsonl", b"{}")
    refused = PermissionError(13, "Permission denied")
    with empty_warehouse(settings.state_dir) as warehouse:
        warehouse.execute("SELECT 1")
        monkeypatch.setattr(Path, "open", lambda *_, **__: (_ for _ in ()).throw(refused))
        with pytest.raises(PartnerflowError, match=r"export\.jsonl cannot be read: Permission denied"):
            load_events(warehouse, settings.landing)


def test_crash_in_merge_loses_and_duplicates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The merged file is written before the small ones are deleted."""
    settings = Settings(state_dir=tmp_path)
    files = [write_payload(settings.landing, "ses", f'{{"n": {n}}}') for n in range(3)]
    with empty_warehouse(settings.state_dir) as warehouse:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(OSError("killed")))
            with pytest.raises(OSError, match="killed"):
                load_events(warehouse, settings.landing)
        assert len(landed_files(settings.landing)) == 4
        assert load_events(warehouse, settings.landing) == 0
        assert warehouse.execute("SELECT count(*) FROM raw.email_events").fetchone() == (3,)
    assert all(file.exists() for file in files)


@given(st.lists(st.text(), max_size=5), st.text(), st.binary(max_size=200))
@hypothesis_settings(max_examples=80, deadline=None)
@pytest.mark.long
def test_any_content_stops_no_run(tmp_path_factory, texts: list[str], payload: str, garbage: bytes):
    """JSON with any text is loaded unchanged, and no other text or bytes raise an error."""
    settings = Settings(state_dir=tmp_path_factory.mktemp("any"))
    payloads = [json.dumps({"text": text}) for text in [*texts, "\ud800"]]
    for text in payloads:
        write_payload(settings.landing, "ses", text)
    write_payload(settings.landing, "postmark", payload)
    drop(settings, "garbage.jsonl", garbage)
    drop(settings, "sendgrid/garbage.jsonl", garbage)
    drop(settings, "bounce/garbage.eml", garbage)
    with empty_warehouse(settings.state_dir) as warehouse:
        load_events(warehouse, settings.landing)
        found = warehouse.execute("SELECT payload FROM raw.email_events WHERE provider = 'ses'").fetchall()
    assert sorted(text for (text,) in found) == sorted(payloads)
