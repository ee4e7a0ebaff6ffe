"""Notices: each receiver gets a change of state once, and what cannot be sent is tried again."""

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from compiler import DefinitionError
from compiler.language.notices import parse_receiver, read_notices
from flows.definitions.diff import Change, save_snapshot
from flows.definitions.loader import read_definitions
from flows.doctor import notices as doctor_check
from flows.ledger.ledger import Ledger
from flows.ledger.notified import failed_notices
from flows.ledger.queries import RunRecord, deliveries, record_runs
from flows.notices.condition import conditions_of_run
from flows.notices.notify import notify_of_changes, notify_of_run
from flows.plan.plan import Plan, WorkflowPlan
from flows.settings import Settings
from support.cli import partnerflow
from support.ledgers import delivery, opened
from support.smtp_server import ScriptedServer, at

HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)
DONE = WorkflowPlan("welcome")
HELD = WorkflowPlan("welcome", "held", detail="raw.actions was last loaded at 2026-03-18 02:00 UTC")
DEFINITION = """\
name: Welcome
program: "1000"
status: active
owner: Ann Lee <ann@example.com>
segment: [Relationship Stage is any of Joined]
action: {email: hello}
"""


class Webhook(ThreadingHTTPServer):
    """An endpoint on 127.0.0.1; `posts` are the bodies. `status` is what it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.posts: list[dict] = []
        self.status = 200

    @property
    def url(self) -> str:
        """Its URL, with a secret in it."""
        return f"http://127.0.0.1:{self.server_address[1]}/services/s3cret"


class _Post(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        self.server.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"no_such_channel")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Run an endpoint for the length of a `with` block."""
    with Webhook() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A workflow with an owner, whose notices go to a webhook."""
    workflows = tmp_path / "workflows"
    message = workflows / "messages" / "hello"
    message.mkdir(parents=True)
    (message / "message.yml").write_text("subject: Hello\n")
    (message / "body.txt").write_text("Hi\n\n{{ unsubscribe_link }}\n")
    (workflows / "welcome.yml").write_text(DEFINITION)
    (workflows / "notices.yml").write_text("notify: [webhook team]\n")
    return Settings(state_dir=tmp_path / "var", workflows=workflows)


def with_webhook(settings: Settings, server: Webhook) -> Settings:
    """Return the settings with the URL of the webhook."""
    return Settings(state_dir=settings.state_dir, workflows=settings.workflows, notice_webhooks={"team": server.url})


def tell(settings: Settings, ledger: Ledger, *rows: WorkflowPlan, notes: tuple[str, ...] = (), late: int = 0) -> None:
    """Tell what a run with these rows and notes has to tell."""
    plan = Plan(HOUR, rows, notes=notes, found_late=late)
    notify_of_run(settings, read_definitions(settings), ledger, plan)


def texts(server: Webhook) -> list[str]:
    """Return the texts of all posts, without their subjects, and forget them."""
    found = [one["text"].partition("\n")[2] for one in server.posts]
    server.posts.clear()
    return found


def test_each_change_of_state_is_sent_once(settings: Settings, ledger: Ledger):
    """Held, held again, in error, well, and well again: three notices. Another ledger object changes nothing."""
    failed = WorkflowPlan("welcome", "error", detail="The message has an error.")
    with webhook() as server:
        settings = with_webhook(settings, server)
        for row in (DONE, HELD, HELD, failed, failed, DONE, DONE):
            tell(settings, ledger, row)
        assert texts(server) == [
            "welcome is held: raw.actions was last loaded at 2026-03-18 02:00 UTC",
            "welcome is error: The message has an error.",
            "welcome is well again.",
        ]


def test_doubts_are_sent_when_there_are_more_and_when_all_are_settled(settings: Settings, ledger: Ledger):
    """Settling one of two sends nothing."""
    with webhook() as server:
        settings = with_webhook(settings, server)
        ledger.claim([delivery(name, workflow="welcome") for name in "ab"], {})
        for one in ledger.lease("r", ["welcome"], 2, HOUR.replace(tzinfo=None)):
            ledger.mark_sending(one)
        ledger.reclaim_expired("next", HOUR.replace(tzinfo=None))
        tell(settings, ledger, DONE)
        for partner in "ab":
            (one,) = [one for one in deliveries(ledger) if one.partner_id == partner]
            ledger.resolve(one, "sent", "person:ann", "It is in the log")
            tell(settings, ledger, DONE)
        first, last = texts(server)
    assert first.startswith("welcome has 2 deliveries in doubt: perhaps sent, and never sent again automatically.")
    assert last == "welcome has no more deliveries in doubt."


def test_data_that_are_late_or_unreadable_are_sent_once_per_kind(settings: Settings, ledger: Ledger):
    """Other numbers in the same note send nothing; another note, late rows and none at all are."""
    with webhook() as server:
        settings = with_webhook(settings, server)
        for notes in (("3 files cannot be read.",), ("14 files cannot be read.",), ("2 rows are set aside.",), ()):
            tell(settings, ledger, DONE, notes=notes)
        tell(settings, ledger, DONE, late=2)
        assert texts(server) == [
            "3 files cannot be read.",
            "2 rows are set aside.",
            "All data are there and can be used again.",
            "2 partners were found late: their rows were loaded after the day had been evaluated.",
        ]


@pytest.mark.parametrize(("what", "recipients", "is_sent"), [("changed", 101, True), ("changed", 100, False),
                                                            ("paused", 101, False), (None, 101, False)])  # fmt: skip
def test_changed_workflow_that_reaches_many_is_sent(what: str | None, recipients: int, is_sent: bool):
    """More than `many_partners`, by a definition that is new, activated or changed. Nothing is sent when it is over."""
    changes = [Change("welcome", what)] if what else []
    plan = Plan(HOUR, (WorkflowPlan("welcome", recipients=recipients),))
    (found,) = [one for one in conditions_of_run(plan, changes, Counter(), 100) if one.kind == "many_partners"]
    assert found.is_well != is_sent
    assert found.well == ""
    assert not is_sent or found.text.startswith("welcome is changed and reaches 101 partners at once.")


def test_change_that_reaches_many_is_sent_before_the_emails_and_not_again(settings: Settings, ledger: Ledger):
    """The notice before sending says it alone; what else has changed follows after the run."""
    save_snapshot(settings, read_definitions(settings))
    (settings.workflows / "welcome.yml").write_text(DEFINITION.replace("Joined", "Expired"))
    many = WorkflowPlan("welcome", recipients=101)
    with webhook() as server:
        settings = with_webhook(settings, server)
        for _ in "twice":
            notify_of_changes(settings, read_definitions(settings), ledger, Plan(HOUR, (many,)))
        (text,) = texts(server)
        assert text.startswith("welcome is changed and reaches 101 partners at once. If that is too many, pause it")
        tell(settings, ledger, replace(many, status="error", detail="The server was down."))
        assert texts(server) == ["welcome is error: The server was down."]


def test_notice_that_cannot_be_sent_is_tried_again_and_seen_by_doctor(settings: Settings):
    """The run ends normally. The next one sends it, once. The URL is neither in the log nor in the ledger."""
    with webhook() as server, opened(settings.ledger) as ledger:
        settings = with_webhook(settings, server)
        server.status = 404
        tell(settings, ledger, HELD)
        assert failed_notices(ledger) == {"webhook team": "The webhook team answers 404: no_such_channel"}
        (found,) = doctor_check(settings, HOUR)
        assert found[:2] == (
            "warning",
            "A notice to webhook team could not be sent: The webhook team answers 404: no_such_channel",
        )
        server.status = 200
        server.posts.clear()
        tell(settings, ledger, HELD)
        tell(settings, ledger, HELD)
        assert len(texts(server)) == 1
        assert failed_notices(ledger) == {}


def test_one_receiver_that_fails_harms_no_other(settings: Settings, ledger: Ledger):
    """A server that hangs up and a setting that is missing are errors of those receivers only."""
    (settings.workflows / "welcome.yml").write_text(DEFINITION + "notify: [webhook none, owner, webhook team]\n")
    with webhook() as server, ScriptedServer(at("MAIL", "550 no")) as mail:
        settings = with_webhook(settings, server).model_copy(update=mail.settings)
        tell(settings, ledger, HELD)
        assert len(texts(server)) == 1
    failed = failed_notices(ledger)
    assert set(failed) == {"webhook none", "ann@example.com"}
    assert failed["webhook none"] == "The setting notice_webhooks has no none."


def test_owner_gets_an_email_by_the_mail_transport(settings: Settings, ledger: Ledger):
    """One message for all that has changed, marked as automatic. What concerns no workflow goes to all owners."""
    (settings.workflows / "notices.yml").write_text("notify: [owner]\n")
    with ScriptedServer() as mail:
        settings = settings.model_copy(update=mail.settings)
        tell(settings, ledger, HELD, notes=("3 files cannot be read.",))
        ((recipients, content),) = mail.accepted
    message = message_from_bytes(content, policy=default)
    assert recipients == ["ann@example.com"]
    assert (message["To"], message["Auto-Submitted"]) == ("ann@example.com", "auto-generated")
    assert message["Subject"] == "partnerflow: 2 need attention"
    assert message.get_content().split("\r\n\r\n") == [
        "3 files cannot be read.", "welcome is held: raw.actions was last loaded at 2026-03-18 02:00 UTC\r\n",
    ]  # fmt: skip


def test_command_reads_the_notice_as_json(settings: Settings, ledger: Ledger, tmp_path: Path):
    """It is a setting, so that nobody who edits a definition can run one. A code other than 0 is an error."""
    (settings.workflows / "notices.yml").write_text("notify: [command pager, command broken]\n")
    code = f"import sys, pathlib; pathlib.Path({str(tmp_path / 'read.json')!r}).write_bytes(sys.stdin.buffer.read())"
    commands = {
        "pager": [sys.executable, "-c", code],
        "broken": [sys.executable, "-c", "import sys; sys.exit('no network')"],
    }
    tell(settings.model_copy(update={"notice_commands": commands}), ledger, HELD)
    document = json.loads((tmp_path / "read.json").read_text())
    assert document["subject"].startswith("partnerflow: welcome is held")
    assert document["notices"] == [
        {"kind": "status", "workflow_id": "welcome", "is_well": False,
         "text": "welcome is held: raw.actions was last loaded at 2026-03-18 02:00 UTC"}
    ]  # fmt: skip
    assert failed_notices(ledger) == {"command broken": "The command broken ended with code 1: no network"}


def test_owner_of_a_broken_definition_gets_a_notice(settings: Settings, ledger: Ledger):
    """Its owner is that of the last run, which could read it."""
    (settings.workflows / "notices.yml").write_text("notify: [owner]\n")
    save_snapshot(settings, read_definitions(settings))
    (settings.workflows / "welcome.yml").write_text("name: broken\n")
    tell(settings, ledger, WorkflowPlan("welcome", "error", detail="The key program is missing."))
    (file,) = settings.outbox.glob("notice-*.eml")
    assert b"To: ann@example.com" in file.read_bytes()


def test_without_notify_nothing_is_sent(settings: Settings, ledger: Ledger):
    """An owner alone is not enough."""
    (settings.workflows / "notices.yml").unlink()
    tell(settings, ledger, HELD)
    assert not settings.outbox.exists()


def test_doctor_notifies_once_when_no_run_has_happened(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """There is another one only after a run. The exit code is that of `doctor`."""
    with webhook() as server:
        settings = with_webhook(settings, server)
        monkeypatch.setenv("PARTNERFLOW_NOTICE_WEBHOOKS", json.dumps({"team": server.url}))
        as_of = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0) - timedelta(hours=5)
        with opened(settings.ledger) as ledger:
            record_runs(ledger, [RunRecord("r", as_of, (), ())])
        for _ in range(2):
            partnerflow(settings, "doctor", "--notify")
        (text,) = texts(server)
        assert text.startswith(f"No run for 5 hours: the last one was as of {as_of:%Y-%m-%d %H:%M} UTC.")
        with opened(settings.ledger) as ledger:
            tell(settings, ledger, DONE)
        assert texts(server) == ["Runs again: as of 2026-03-20 18:00 UTC."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("notify: [ann]\n", "'ann' is not a valid value of notify."),
        ("notify: [webhook]\n", "'webhook' is not a valid value of notify."),
        ("notify: [https://hooks.example.com/s3cret]\n", "is not a valid value of notify."),
        ("many_partners: 0\n", "0 is not a valid value of many_partners."),
        ("silent_hours: soon\n", "'soon' is not a valid value of silent_hours."),
        ("notifies: [owner]\n", "There is no key notifies."),
        ("- owner\n", "This does not define notices."),
    ],
)
def test_invalid_notices_are_problems_that_break_no_workflow(settings: Settings, text: str, message: str):
    """`check` fails, with the place; the workflows run, and nobody gets a notice."""
    with pytest.raises(DefinitionError, match=message):
        read_notices("notices.yml", text)
    (settings.workflows / "notices.yml").write_text(text)
    definitions = read_definitions(settings)
    assert [workflow.id for workflow in definitions.active] == ["welcome"]
    assert [(one.code, one.severity) for one in definitions.problems] == [("notices", "error")]


def test_receiver_is_written_as_it_is_read():
    """Four kinds."""
    for text in ("owner", "ann@example.com", "webhook team-1", "command pager"):
        assert str(parse_receiver(text)) == text


def test_doctor_names_receivers_that_the_settings_lack(settings: Settings):
    """A definition may name a webhook before anybody has set its URL."""
    (settings.workflows / "welcome.yml").write_text(DEFINITION + "notify: [command pager]\n")
    found = list(doctor_check(settings, HOUR))
    assert [(severity, message) for severity, message, _ in found] == [
        ("error", "Notices go to command pager, webhook team, and the settings do not have them.")
    ]


@pytest.mark.parametrize("url", ["http://hooks.example.com/s3cret", "hooks.example.com/s3cret", "https:///s3cret"])
def test_webhook_over_plain_http_is_refused(url: str):
    """The URL is a secret, so it is not in the error either."""
    with pytest.raises(ValidationError, match="the URL of team is not a valid https URL") as refused:
        Settings(notice_webhooks={"team": url})
    assert "s3cret" not in str(refused.value)
