"""Test emails: what a partner would receive, marked as a test, without a trace in the ledger."""

import shutil
from contextlib import closing
from pathlib import Path

import fast_mail_parser
import pytest

from compiler import PartnerflowError
from flows.definitions.loader import read_definitions
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.messages.unsubscribe import is_test, read_token
from flows.sending.send_test_email import send_test_email
from flows.settings import CHECKOUT, Settings, read_settings
from support.cli import partnerflow
from support.fault_injection import built_state
from support.states import HOUR

KEY = "a key of these tests"


@pytest.fixture
def state(tmp_path: Path) -> Settings:
    """A state that has not been built."""
    return Settings(state_dir=tmp_path / "var", workflows=CHECKOUT / "workflows")


def sent(settings: Settings, workflow: str = "welcome", to: str = "me@example.org", partner: str | None = None) -> dict:
    """Return the answer of test-send."""
    return send_test_email(settings, read_definitions(settings)[workflow], to, partner, HOUR)


def parsed(answer: dict) -> fast_mail_parser.PyMail:
    """Return the email that an answer of test-send names."""
    return fast_mail_parser.parse_email(Path(answer["delivered_to"]).read_bytes())


def test_email_is_what_the_partner_would_receive(example, tmp_path: Path):
    """It has the partner's name and language, and is marked in subject and headers. The ledger has no delivery."""
    built = built_state(example[0], tmp_path)
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
    with closing(Ledger(built.ledger)) as ledger:
        assert (deliveries(ledger), list(built.decisions.glob("*"))) == ([], [])
    with pytest.raises(PartnerflowError, match="There is no partner nobody in program 1000"):
        sent(built, partner="nobody")


def test_each_email_has_its_own_message_id(state: Settings):
    """The ids are random, so that a mail program does not merge two test emails."""
    both = [sent(state) for _ in range(2)]
    assert len({one["message_id"] for one in both}) == len(list(state.outbox.glob("test-*.eml"))) == 2
    assert parsed(both[0]).text_plain[0].splitlines()[4] == "Hi Sam,"


def test_unsubscribe_link_is_marked_as_a_test(state: Settings):
    """It is signed like any other, for an id that is recognized as a test."""
    keys = f"{KEY},an older key of the tests"
    signed = Settings(
        state_dir=state.state_dir,
        workflows=state.workflows,
        unsubscribe_url="https://mail.example.com/u/",
        unsubscribe_signing_keys=keys,
    )
    link = (
        parsed(sent(signed)).headers["List-Unsubscribe"][0].split(">")[0].removeprefix("<https://mail.example.com/u/")
    )
    assert read_token(link, signed.unsubscribe_signing_keys).is_test


def test_copies_are_not_sent(state: Settings, tmp_path: Path):
    """The email goes neither to cc nor to bcc. (An id may end like an address of hexadecimal digits.)"""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    with (tmp_path / "workflows" / "messages" / "welcome" / "message.yml").open("a") as file:
        file.write("cc: copy@example.com\nbcc: copy@example.org\n")
    own = Settings(state_dir=state.state_dir, workflows=tmp_path / "workflows")
    assert b"copy@" not in Path(sent(own)["delivered_to"]).read_bytes()


@pytest.mark.parametrize(
    ("workflow", "to", "partner", "says"),
    [("accept-applications", "me@example.org", None, "has no email to send"),
     ("welcome", "me@@example.org", None, "is not a valid email address"),
     ("welcome", "me@example.org", "7", "No facts have been built yet")],
)  # fmt: skip
def test_invalid_request_is_one_clear_error(state: Settings, workflow, to, partner, says: str):
    """No file is written."""
    with pytest.raises(PartnerflowError, match=says):
        sent(state, workflow, to, partner)
    assert list(state.outbox.glob("*")) == []


def test_message_with_a_problem_is_not_sent(state: Settings, tmp_path: Path):
    """The problems are shown as `check` shows them."""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    (tmp_path / "workflows" / "messages" / "welcome" / "body.txt").write_text("{{ partner.nmae }}")
    with pytest.raises(PartnerflowError, match=r"body.txt:1:4: error: partner.nmae is undefined. \[unknown-variable\]"):
        sent(Settings(state_dir=state.state_dir, workflows=tmp_path / "workflows"))


@pytest.mark.parametrize(
    ("variables", "says"),
    [({"UNSUBSCRIBE_URL": "http://mail.example.com/u", "UNSUBSCRIBE_SIGNING_KEYS": KEY}, "not a valid https URL"),
     ({"UNSUBSCRIBE_URL": "https://m.example/u?x=<y>", "UNSUBSCRIBE_SIGNING_KEYS": KEY}, "not a valid https URL"),
     ({"UNSUBSCRIBE_URL": "https://mail.example.com/u"}, "needs unsubscribe_signing_keys"),
     ({"UNSUBSCRIBE_SIGNING_KEYS": "short"}, "a key has fewer than 16 characters"),
     ({"BOUNCE_ADDRESS": "a b@c.example"}, "not a valid email address"),
     ({"SENDER_ADDRESS": "x"}, "not a valid email address")],
)  # fmt: skip
def test_invalid_setting_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict, says: str):
    """The error shows no secret."""
    for name, value in variables.items():
        monkeypatch.setenv(f"PARTNERFLOW_{name}", value)
    with pytest.raises(PartnerflowError, match=says) as caught:
        read_settings()
    assert KEY not in str(caught.value) and "short" not in str(caught.value)
