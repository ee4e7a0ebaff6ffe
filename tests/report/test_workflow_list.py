"""`list` has every workflow with its status, its last run and what it has sent."""

from pathlib import Path

import pytest

from flows.settings import Settings
from support.cli import partnerflow
from support.published import HOUR, delivery, publish_rows, run

DEFINITION = """\
name: {name}
program: "1000"
status: {status}
segment:
  - Partner Template Term is any of Standard Terms
action: {action}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A state with workflows of every status, of which nothing has been published yet."""
    own = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    message = own.workflows / "messages" / "hello"
    message.mkdir(parents=True)
    (message / "message.yml").write_text("subject: Hello\n")
    (message / "body.txt").write_text("Hi {{ unsubscribe_link }}")
    for name, status in [("sends", "active"), ("later", "draft"), ("rests", "paused"), ("wrong", "runs")]:
        text = DEFINITION.format(name=name.title(), status=status, action="{email: hello}")
        (own.workflows / f"{name}.yml").write_text(text)
    accept = DEFINITION.format(name="Accepts", status="active", action="accept application")
    (own.workflows / "accepts.yml").write_text(accept)
    return own


def publish(settings: Settings) -> None:
    """Publish two hours of three workflows, of which one has no file any more."""
    sent = [delivery("sends", "p1", "a@x.example") | {"is_sent": True}]
    sent.append(delivery("sends", "p2", "b@x.example") | {"is_sent": False})
    decided = {"workflow_id": "accepts", "state": "sent", "email": None}
    publish_rows(
        settings.published,
        workflow_runs=[
            run("sends", HOUR.replace(hour=17), sent=1),
            run("sends", HOUR, "held", detail="raw.contracts is stale."),
            run("accepts", HOUR, sent=1),
            run("gone", HOUR),
        ],
        fct_email_deliveries=sent,
        sent_emails=[decided, decided | {"state": "failed"}],
        programs=[{"program_id": "1000", "name": "Northwind", "timezone": "America/New_York"}],
    )


def test_list_has_status_last_run_and_sent(settings: Settings):
    """Drafts, broken and deleted workflows too; the JSON is in UTC, applications count as accepted."""
    publish(settings)
    found = {one["workflow_id"]: one for one in partnerflow(settings, "list", "--json").json()["workflows"]}
    assert {name: (one["status"], one["sent"]) for name, one in found.items()} == {
        "accepts": ("active", 1), "gone": ("deleted", 0), "later": ("draft", 0), "rests": ("paused", 0),
        "sends": ("active", 1), "wrong": ("broken", 0),
    }  # fmt: skip
    assert found["sends"]["last_run"] == {
        "run_id": "20260320T180000", "as_of": "2026-03-20T18:00:00Z", "status": "held", "members": 0, "sent": 0,
        "detail": "raw.contracts is stale.",
    }  # fmt: skip
    assert found["later"]["last_run"] is None
    text = partnerflow(settings, "list").stdout
    words = " ".join(text.split())
    assert "accepts active 2026-03-20 14:00 EDT 0 1 accepted Accepts" in words
    assert "6 workflows: 2 active, 1 broken, 1 deleted, 1 draft, 1 paused." in " ".join(sorted_counts(text))
    assert "sends: raw.contracts is stale." in text


def sorted_counts(text: str) -> list[str]:
    """Return the line with the counts, its parts in alphabetical order."""
    (line,) = [one for one in text.splitlines() if one.startswith("6 workflows: ")]
    counts = sorted(line.removeprefix("6 workflows: ").removesuffix(".").split(", "), key=lambda one: one.split()[1])
    return ["6 workflows:", ", ".join(counts) + "."]


def test_list_before_the_first_run_knows_no_numbers(settings: Settings):
    """Unknown is not zero, and the text says what to do."""
    found = partnerflow(settings, "list", "--json").json()["workflows"]
    assert {(one["sent"], one["last_run"]) for one in found} == {(None, None)}
    text = partnerflow(settings, "list").stdout
    assert "Nothing has been published yet" in text
    assert " 0" not in text


def test_list_of_an_empty_folder_says_how_to_begin(tmp_path: Path):
    """The two commands that write workflows."""
    (tmp_path / "workflows").mkdir()
    own = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    assert partnerflow(own, "list", "--json").json() == {"workflows": []}
    text = partnerflow(own, "list").stdout
    assert "There are no workflows in" in text
    assert "`partnerflow new TEMPLATE --program ID`" in text
