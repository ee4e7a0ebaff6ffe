"""Sending in a whole run: a mail server, suppressions, and the commands for deliveries in doubt."""

import shutil
from datetime import timedelta
from getpass import getuser
from pathlib import Path

import pytest

from flows.ledger.delivery import SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.ledger.suppressions import suppress
from flows.pipeline.run import run_hour
from flows.settings import CHECKOUT, Settings
from flows.warehouse.connection import Connection
from flows.warehouse.raw_tables import create_raw_table
from support.cli import partnerflow
from support.example_workflows import WORKFLOWS, copy_workflows
from support.ledgers import delivery, ledger_location, opened
from support.smtp_server import ScriptedServer, at
from support.states import HOUR, copy_state, drop_warehouse, with_example


@pytest.fixture(scope="module")
def loaded(read_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of the example account before its first run."""
    settings = Settings(state_dir=tmp_path_factory.mktemp("loaded") / "var", workflows=WORKFLOWS)
    shutil.copytree(read_project, settings.state_dir / "dbt_project")
    return with_example(settings).state_dir


def state(loaded: Path, tmp_path: Path, **more) -> Settings:
    """Return a copy of that state with these settings."""
    copy_state(loaded, tmp_path / "var")
    return Settings(**{"state_dir": tmp_path / "var", "workflows": WORKFLOWS} | more)


def clear_mirror(connection: Connection, ledger: Ledger) -> None:
    """Empty the mirror, so that the warehouse has no delivery and no suppression."""
    for name in ("sent_emails", "workflow_runs", "suppressions"):
        create_raw_table(connection, name)


@pytest.mark.long
def test_hour_over_smtp_with_ledger_in_postgresql(loaded: Path, tmp_path: Path, monkeypatch):
    """Every email is sent once, even if the warehouse and the mirror of the ledger are lost.

    A partner suppressed before the plan is not claimed. A claimed email is sent as it was, even if the message has been
    edited since. After the loss the plan lists all partners again; the ledger's primary key and compare-and-swap refuse
    to send twice, or to a suppressed address.
    """
    workflows = tmp_path / "workflows"
    copy_workflows(workflows)
    url = ledger_location("postgresql", tmp_path)
    with ScriptedServer(at("RCPT", "450 4.2.0 greylisted")) as server:
        more = server.settings | {"ledger_url": url}
        settings = state(loaded, tmp_path, workflows=workflows, **more)
        with opened(url) as ledger:
            suppress(ledger, ["M.Lead@quietcreek.example.org"], "asked us", "person:ann")
        run = run_hour(settings, HOUR)
        row = next(row for row in run.plan.workflows if row.workflow_id == "few-clicks-14")
        assert (row.sent, row.suppressed, row.detail) == (
            0,
            1,
            f"{row.recipients} deferred, to be tried again",
        )
        assert server.accepted == []

        (workflows / "messages" / "few-clicks" / "body.txt").write_text("Edited.")
        server.decide = lambda _: None
        with opened(url) as ledger:
            for one in deliveries(ledger, ["pending"]):
                ledger.resolve(one, "pending", "person:ann", "now")
        drop_warehouse(settings.state_dir)
        settings.published.unlink()
        with_example(settings)
        for module in ("pipeline.planning", "pipeline.run"):
            monkeypatch.setattr(f"flows.{module}.mirror", clear_mirror)
        again = {row.workflow_id: row for row in run_hour(settings, HOUR).plan.workflows}
        assert (again["few-clicks-14"].already_contacted, again["few-clicks-14"].recipients) == (0, row.recipients + 1)
        assert again["few-clicks-14"].detail == "1 suppressed just before sending"
        with opened(url) as ledger:
            emails = [one for one in deliveries(ledger, ["sent"]) if one.action == "email"]
        assert sorted(server.message_ids) == sorted(one.message_id for one in emails)
        assert len(emails) == 75
        assert "Edited." not in "".join(data.decode() for _, data in server.accepted)
        assert not [to for to, _ in server.accepted if to == ["m.lead@quietcreek.example.org"]]


@pytest.mark.long
def test_unreachable_server_is_an_error_and_the_next_run_sends(loaded: Path, tmp_path: Path, monkeypatch):
    """The rows have the status error and the reason. A suppression that is removed lets the workflow send."""
    monkeypatch.setattr("flows.sending.dispatcher.RECONNECT_DELAY", 0)
    with ScriptedServer(at("greeting", "554 go away")) as server:
        more = server.settings
        settings = state(loaded, tmp_path, **more)
        assert partnerflow(settings, "suppress", "m.lead@quietcreek.example.org").code == 0
        run = run_hour(settings, HOUR)
        troubled = {row.workflow_id for row in run.plan.workflows if row.status == "error"}
        assert troubled == {row.workflow_id for row in run.plan.workflows if row.recipients} - {"accept-applications"}
        assert "cannot be reached: 554 go away" in next(row.detail for row in run.plan.workflows if row.detail)
        quiet_creek = ("explain", "few-clicks-14", "21005024", "--as-of", HOUR.isoformat(), "--json")
        explained = partnerflow(settings, *quiet_creek).json()
        assert (explained["addresses"], explained["unsubscribed"], explained["already_contacted_at"]) == (0, 1, None)
        server.decide = lambda _: None
        lifted = ("suppress", "m.lead@quietcreek.example.org", "--remove", "--reason", "she asked for it")
        assert partnerflow(settings, *lifted).code == 0
        run_hour(settings, HOUR + timedelta(minutes=1))
        assert len(server.accepted) == 76


def test_deliveries_and_settle_commands(tmp_path: Path):
    """A person lists the deliveries in doubt and settles them; the ledger records it."""
    settings = Settings(state_dir=tmp_path / "var")
    with opened(settings.ledger) as ledger:
        ledger.claim([delivery("p", workflow="w"), delivery("q", workflow="v")], {})
        for one in ledger.lease("dead", ["w", "v"], 2, utc_now()):
            ledger.mark_sending(one)
            ledger.record_result(one, "sending", SendResult("in_doubt", "No reply after the message: timed out"))
    found = partnerflow(settings, "deliveries", "w", "--state", "in_doubt", "--json").json()["deliveries"]
    assert [(one["partner_id"], one["state"], one["as_of"]) for one in found] == [
        ("p", "in_doubt", "2026-03-20T18:00:00Z")
    ]
    table = partnerflow(settings, "deliveries").stdout
    assert ("2 in_doubt" in table, "timed out" in " ".join(table.split())) == (True, True)
    reason = ("--reason", "The partner has answered it")
    settled = partnerflow(settings, "settle", found[0]["delivery_id"], "--as", "sent", *reason, "--by", "ann", "--json")
    assert (settled.json()["state"], settled.json()["reason"]) == ("sent", "The partner has answered it")
    again = partnerflow(settings, "settle", found[0]["delivery_id"], "--as", "pending", *reason)
    assert (again.code, "is sent" in again.stderr) == (1, True)
    wrong = partnerflow(settings, "deliveries", "--state", "lost")
    assert (wrong.code, "The states are pending, leased" in wrong.stderr) == (1, True)


def test_suppress_command(tmp_path: Path):
    """It adds, lists and removes. An invalid address and a missing suppression are errors."""
    settings = Settings(state_dir=tmp_path / "var")
    added = partnerflow(settings, "suppress", "Ann@Bücher.example", "w", "--reason", "By telephone", "--json")
    (one,) = added.json()["suppressions"]
    assert (one["email_key"], one["scope"], one["reason"]) == ("ann@xn--bcher-kva.example", "w", "By telephone")
    assert partnerflow(settings, "suppress", "--json").json() == added.json()
    why = ("--reason", "She asked us to")
    not_there = partnerflow(settings, "suppress", "ann@bücher.example", "--remove", *why)
    assert (not_there.code, "is not suppressed for all" in not_there.stderr) == (1, True)
    without = partnerflow(settings, "suppress", "ann@bücher.example", "w", "--remove")
    assert (without.code, "The reason is missing." in without.stderr) == (1, True)
    assert partnerflow(settings, "suppress", "ann@bücher.example", "w", "--remove", *why).code == 0
    (lifted,) = partnerflow(settings, "suppress", "--json").json()["suppressions"]
    assert (lifted["scope"], lifted["reason"], lifted["source"]) == ("lifted:w", why[1], f"person:{getuser()}")
    assert " w (lifted) " in partnerflow(settings, "suppress").stdout
    assert "is not a valid email address" in partnerflow(settings, "suppress", "ann").stderr


def test_every_setting_is_in_the_manual():
    """docs/operate.md has the name of each variable. That of the state folder is PARTNERFLOW_VAR."""
    manual = (CHECKOUT / "docs" / "operate.md").read_text(encoding="utf-8")
    variables = {name: f"`PARTNERFLOW_{name.upper()}`" for name in Settings.model_fields}
    variables["state_dir"] = "`PARTNERFLOW_VAR`"
    assert [name for name, variable in variables.items() if variable not in manual] == []
