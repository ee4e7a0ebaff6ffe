"""Test emails: what a partner would read, marked as a test, and in nobody's way."""

import shutil
from contextlib import closing
from pathlib import Path

import fast_mail_parser
import pytest

from compiler import PartnerflowError
from flows.definitions.loader import read_definitions
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.messages.unsubscribe import is_test, verify_token
from flows.sending.send_test_email import send_test_email
from flows.settings import CHECKOUT, Settings, read_settings
from support.cli import partnerflow
from support.states import HOUR

KEY = "a key of these tests"


@pytest.fixture
def state(tmp_path: Path) -> Settings:
    """A state in which nothing has been built."""
    return Settings(var=tmp_path / "var", workflows=CHECKOUT / "workflows")


def tried(
    settings: Settings, workflow: str = "welcome", to: str = "me@example.org", partner: str | None = None
) -> dict:
    """What test-send answers."""
    return send_test_email(settings, read_definitions(settings)[workflow], to, partner, HOUR)


def parsed(answer: dict) -> fast_mail_parser.PyMail:
    """The email that an answer of test-send names."""
    return fast_mail_parser.parse_email(Path(answer["delivered_to"]).read_bytes())


def test_a_test_email_is_what_the_partner_would_read(example, tmp_path: Path):
    """Its name, language and text, with [Test] before the subject and a header; the ledger knows nothing."""
    (tmp_path / "var").mkdir()
    shutil.copy(example[0].warehouse, tmp_path / "var")
    built = Settings(var=tmp_path / "var", workflows=CHECKOUT / "workflows")
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
        tried(built, partner="nobody")


def test_two_test_emails_are_two_emails(state: Settings):
    """Their ids and Message-IDs are random, so that no mail program takes one for the other."""
    sent = [tried(state) for _ in range(2)]
    assert len({one["message_id"] for one in sent}) == len(list(state.outbox.glob("test-*.eml"))) == 2
    assert parsed(sent[0]).text_plain[0].startswith("Hi Sam,")


def test_the_link_of_a_test_email_acts_on_nothing(state: Settings):
    """It is signed like any other, but for a delivery that is known to be a test."""
    keys = f"{KEY},an older key of the tests"
    signed = Settings(
        var=state.var,
        workflows=state.workflows,
        unsubscribe_url="https://mail.example.com/u/",
        unsubscribe_signing_keys=keys,
    )
    link = (
        parsed(tried(signed)).headers["List-Unsubscribe"][0].split(">")[0].removeprefix("<https://mail.example.com/u/")
    )
    assert is_test(verify_token(link, signed.unsubscribe_signing_keys))


def test_copies_of_a_test_email_go_to_nobody(state: Settings, tmp_path: Path):
    """Neither cc nor bcc hear of it."""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    with (tmp_path / "workflows" / "messages" / "welcome" / "message.yml").open("a") as file:
        file.write("cc: cc@example.com\nbcc: bcc@example.com\n")
    own = Settings(var=state.var, workflows=tmp_path / "workflows")
    assert b"cc@" not in Path(tried(own)["delivered_to"]).read_bytes()


@pytest.mark.parametrize(
    ("workflow", "to", "partner", "says"),
    [("accept-applications", "me@example.org", None, "has no email to send"),
     ("welcome", "me@@example.org", None, "is no address that can be written to"),
     ("welcome", "me@example.org", "7", "No facts have been built yet")],
)  # fmt: skip
def test_what_cannot_be_tried_is_one_clear_message(state: Settings, workflow, to, partner, says: str):
    """And nothing is written."""
    with pytest.raises(PartnerflowError, match=says):
        tried(state, workflow, to, partner)
    assert list(state.outbox.glob("*")) == []


def test_a_message_with_an_error_is_not_tried(state: Settings, tmp_path: Path):
    """The problems are shown as check shows them."""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    (tmp_path / "workflows" / "messages" / "welcome" / "body.txt").write_text("{{ partner.nmae }}")
    with pytest.raises(PartnerflowError, match=r"body.txt:1:4: error: partner.nmae is undefined. \[unknown-variable\]"):
        tried(Settings(var=state.var, workflows=tmp_path / "workflows"))


@pytest.mark.parametrize(
    ("variables", "says"),
    [({"UNSUBSCRIBE_URL": "http://mail.example.com/u", "UNSUBSCRIBE_SIGNING_KEYS": KEY}, "no https address of a page"),
     ({"UNSUBSCRIBE_URL": "https://m.example/u?x=<y>", "UNSUBSCRIBE_SIGNING_KEYS": KEY}, "no https address of a page"),
     ({"UNSUBSCRIBE_URL": "https://mail.example.com/u"}, "needs unsubscribe_signing_keys"),
     ({"UNSUBSCRIBE_SIGNING_KEYS": "short"}, "a key has fewer than 16 characters"),
     ({"BOUNCE_ADDRESS": "a b@c.example"}, "no plain email address"),
     ({"SENDER_ADDRESS": "x"}, "no plain email address")],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict, says: str):
    """No secret is shown."""
    for name, value in variables.items():
        monkeypatch.setenv(f"PARTNERFLOW_{name}", value)
    with pytest.raises(PartnerflowError, match=says) as caught:
        read_settings()
    assert KEY not in str(caught.value) and "short" not in str(caught.value)
