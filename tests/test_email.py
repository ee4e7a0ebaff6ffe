"""The emails: what a mail program reads is what was written, whatever a partner is called."""

from datetime import datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest

from compiler import PartnerflowError
from conftest import CHECKOUT
from example_members import MEMBERS
from flows.compose import Email, address, compose
from flows.messages import read_message

NAMES = {
    "plain": "Acme",
    "quotes": 'Trail "Gear" Co.',
    "backslash": "a\\b",
    "comma": "Smith, Sons & Co",
    "address in it": "Sean, evil@x.example <a@b.example>",
    "emoji": "🎒 Rucksack",
    "right to left": "חנות הרים",
    "long": "Größe, " * 40 + "Ende",
    "encoded word": "=?utf-8?q?evil=0d=0aBcc=3a_x=40y.example?=",
    "line break": "Acme\r\nBcc: x@y.example",
    "other line breaks": "Acme\u2028Bcc: x@y.example\x85\x0bX: y",
    "bell": "Bell\x07Tab\tEnd",
    "braces": "{{ partner.name }}{% raw %}",
    "empty": "",
}
HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Partnerflow-Delivery", "MIME-Version",
    "Content-Type", "Content-Transfer-Encoding",
]  # fmt: skip


def written(name: str) -> bytes:
    """An email from, about and with this name."""
    email = Email(sender_name=name, reply_to=None, subject=f"Hello {name}", text=f"Dear {name},\n.\nBye")
    return compose(email, "us@example.com", "you@example.org", "id@example.com", datetime(2026, 3, 20, 18), "id")


@pytest.mark.parametrize("case", NAMES)
def test_no_name_breaks_a_header(case: str):
    """The headers are exactly ours, in lines of plain ASCII that are short enough; the name reads back."""
    raw = written(NAMES[case])
    parsed = message_from_bytes(raw)
    assert parsed.keys() == HEADERS
    assert all(len(line) <= 998 and line.isascii() for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    expected = " ".join("".join(one if one.isprintable() else " " for one in NAMES[case]).split())
    assert str(make_header(decode_header(parsed["Subject"]))) == f"Hello {expected}".strip()
    phrase, mailbox = parseaddr(parsed["From"].replace("\r\n", ""))
    assert (str(make_header(decode_header(phrase))), mailbox) == (expected, "us@example.com")
    assert parsed.get_payload(decode=True).decode().replace("\r\n", "\n").startswith(f"Dear {NAMES[case][:3]}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("A.b+c@Example.COM", "A.b+c@Example.COM"), (" a@x.example ", "a@x.example"),
     ("a@bücher.example", "a@xn--bcher-kva.example")],
)  # fmt: skip
def test_an_address_is_written_as_smtp_takes_it(text: str, expected: str):
    """A non-ASCII domain in its IDNA form; letter case as given."""
    assert address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "a", "@x", "a@", "a b@x.example", "a@x.example, b@y.example", "a@x.example\r\nBcc: b@y", "ü@x.example",
             "<a@x.example>", "a..b@x.example", "a@x example"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str):
    """With the text in the message."""
    with pytest.raises(PartnerflowError, match="no address that can be written to"):
        address(text)


def test_the_outbox_holds_emails_that_a_mail_program_opens(example):
    """One recipient each, a text that names the partner, ids and dates of the ledger; nothing left in braces."""
    settings, run = example
    files = list(settings.outbox.glob("*.eml"))
    assert len(files) == sum(row.sent for row in run.plan.workflows if row.workflow_id != "accept-applications")
    identities = set()
    for file in files:
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        identities.add(message["Message-ID"])
        assert message["Message-ID"] == f"<{file.stem}@example.com>"
        assert len(message["To"].addresses) == 1
        assert message.get_content().strip()
        assert not message.defects
    assert len(identities) == len(files)


def test_a_partners_name_is_data_to_the_template(example):
    """A partner named {{ partner.name }} is greeted by that name, a hidden Bcc stays a name."""
    settings, _ = example
    bodies = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in settings.outbox.glob("*.eml")]
    texts = " ".join(" ".join(str(body.get_content()).split()) for body in bodies)
    assert "33001007" in MEMBERS["prospect-invite"]
    assert "{{ partner.name }}" in texts
    assert all("Bcc" not in body for body in bodies)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "There is no m/message.yml"),
        ({"message.yml": "subject: Hi\n"}, "There is no m/body.txt"),
        ({"message.yml": "subjct: Hi\n", "body.txt": "x"}, "Its keys are subject"),
        ({"message.yml": "subject: ''\n", "body.txt": "x"}, "the subject is empty"),
        ({"message.yml": "subject: Hi\n", "body.txt": "{{ partner.nmae }}"}, "partner.nmae is undefined"),
        ({"message.yml": "subject: Hi\n", "body.txt": "{% if %}"}, "m/body.txt: missing expression"),
        ({"message.yml": "subject: Hi\n", "body.txt": "{% include 'secrets' %}"}, "template not found"),
        ({"message.yml": "subject: Hi\n", "body.txt": "{% for a in (1..9000) %}{% for b in (1..9000) %}x{% endfor %}"
          "{% endfor %}"}, "loop iteration limit"),
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_used_says_where_and_why(tmp_path, files: dict, says: str):
    """Before anybody is claimed."""
    folder = tmp_path / "m"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(PartnerflowError) as caught:
        read_message(folder)
    assert says in str(caught.value)


def test_every_message_of_the_example_workflows_can_be_used():
    """They render for a contact without a name."""
    for folder in (CHECKOUT / "workflows" / "messages").iterdir():
        assert read_message(folder)
