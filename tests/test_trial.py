"""Test emails: what a partner would read, marked as a test, and in nobody's way."""

import shutil
from pathlib import Path

import fast_mail_parser
import pytest

from conftest import CHECKOUT, environment, partnerflow
from flows.ledger import Ledger
from flows.settings import Settings
from flows.unsubscribe import is_test, read

KEY = "a key of these tests"


@pytest.fixture
def built(example, tmp_path: Path) -> Settings:
    """The facts of the example account as last built, in a state whose outbox and ledger are empty."""
    (tmp_path / "var").mkdir()
    shutil.copy(example[0].warehouse, tmp_path / "var")
    return Settings(var=tmp_path / "var", workflows=CHECKOUT / "workflows")


def parsed(answer: dict) -> fast_mail_parser.PyMail:
    """The email that an answer of test-send names."""
    return fast_mail_parser.parse_email(Path(answer["delivered_to"]).read_bytes())


def test_a_test_email_is_what_the_partner_would_read(built: Settings):
    """Its name, language and text, with [Test] before the subject and a header; the ledger knows nothing."""
    answer = partnerflow(
        built, "test-send", "first-action-30", "--to", "me@example.org", "--partner", "21006062",
        "--as-of", "2026-03-20T14:00:00-04:00", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.stderr
    email = parsed(answer.json())
    assert [one.address for one in email.to] == ["me@example.org"]
    assert email.headers["X-Partnerflow-Test"] == ["true"]
    assert email.subject.startswith("[Test] ")
    assert is_test(email.headers["X-Partnerflow-Delivery"][0])
    assert (answer.json()["partner_id"], answer.json()["language"]) == ("21006062", "de")
    assert "dein erster Verkauf mit Northwind Outdoor" in email.text_plain[0]
    ledger = Ledger(built.ledger)
    assert (ledger.deliveries(), list(built.decisions.glob("*"))) == ([], [])
    ledger.close()


def test_two_test_emails_are_two_emails(built: Settings):
    """Their ids and Message-IDs are random, so that no mail program takes one for the other."""
    sent = [partnerflow(built, "test-send", "welcome", "--to", "me@example.org", "--json").json() for _ in range(2)]
    assert len({one["message_id"] for one in sent}) == len(list(built.outbox.glob("test-*.eml"))) == 2
    assert "Sample Partner" in parsed(sent[0]).text_plain[0] or "Sam" in parsed(sent[0]).text_plain[0]


def test_the_link_of_a_test_email_acts_on_nothing(built: Settings, monkeypatch: pytest.MonkeyPatch):
    """It is signed like any other, but for a delivery that is known to be a test."""
    monkeypatch.setenv("PARTNERFLOW_UNSUBSCRIBE_URL", "https://mail.example.com/u/")
    monkeypatch.setenv("PARTNERFLOW_SIGNING_KEY", f"{KEY},an older key of the tests")
    assert "PARTNERFLOW_SIGNING_KEY" in environment(built)
    email = parsed(partnerflow(built, "test-send", "welcome", "--to", "me@example.org", "--json").json())
    link = email.headers["List-Unsubscribe"][0].split(">")[0].removeprefix("<https://mail.example.com/u/")
    assert is_test(read(link, Settings().signing_key))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["accept-applications", "--to", "me@example.org"], "has no email to try"),
     (["welcome", "--to", "me@@example.org"], "is no address that can be written to"),
     (["welcome", "--to", "me@example.org", "--partner", "nobody"], "There is no partner nobody in program 1000."),
     (["welcom", "--to", "me@example.org"], "There is no workflow welcom.")],
)  # fmt: skip
def test_what_cannot_be_tried_is_one_clear_message(built: Settings, arguments: list[str], says: str):
    """And nothing is written."""
    answer = partnerflow(built, "test-send", *arguments)
    assert (answer.code, says in answer.stderr, "Traceback" in answer.stderr) == (1, True, False)
    assert list(built.outbox.glob("*")) == []


def test_a_message_with_an_error_is_not_tried(built: Settings, tmp_path: Path):
    """The problems are shown as check shows them."""
    workflows = tmp_path / "workflows"
    shutil.copytree(CHECKOUT / "workflows", workflows)
    (workflows / "messages" / "welcome" / "body.txt").write_text("{{ partner.nmae }}")
    state = Settings(var=built.var, workflows=workflows)
    answer = partnerflow(state, "test-send", "welcome", "--to", "me@example.org")
    assert answer.code == 1
    assert "body.txt:1:4: error: partner.nmae is undefined. [unknown-variable]" in answer.stderr


@pytest.mark.parametrize(
    ("variables", "says"),
    [({"UNSUBSCRIBE_URL": "http://mail.example.com/u", "SIGNING_KEY": KEY}, "no https address of a page"),
     ({"UNSUBSCRIBE_URL": "https://mail.example.com/u?x=<y>", "SIGNING_KEY": KEY}, "no https address of a page"),
     ({"UNSUBSCRIBE_URL": "https://mail.example.com/u"}, "needs a signing_key"),
     ({"SIGNING_KEY": "short"}, "a key has fewer than 16 characters"),
     ({"BOUNCE_ADDRESS": "a b@c.example"}, "no plain email address"),
     ({"SENDER_ADDRESS": "x"}, "no plain email address")],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(built: Settings, monkeypatch, variables: dict, says: str):
    """No secret is shown."""
    for name, value in variables.items():
        monkeypatch.setenv(f"PARTNERFLOW_{name}", value)
    answer = partnerflow(built, "test-send", "welcome", "--to", "me@example.org")
    assert (answer.code, says in answer.stderr) == (1, True), answer.stderr
    assert KEY not in answer.stderr and "short" not in answer.stderr
