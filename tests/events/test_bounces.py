"""What is read from bounce messages, feedback reports and other mail to the bounce address."""

import pytest

from flows.events.bounces import read_bounce
from support.provider_payloads import bounce_message, feedback_report

DELIVERY = "0123456789abcdef0123456789abcdef"
EMAIL = "ann@partner.example"


def report(
    *fields: str, content_type: str = "message/delivery-status", to: str = f"bounce+{DELIVERY}@x.example"
) -> bytes:
    """Return a bounce message with these fields of a recipient."""
    lines = [
        "From: MAILER-DAEMON@mx.example.net", f"To: {to}", "Subject: Delivery report", "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"', "",
        "--b1", "Content-Type: text/plain", "", "Delivery failed.", "",
        "--b1", f"Content-Type: {content_type}", "", "Reporting-MTA: dns; mx.example.net", "", *fields, "",
        "--b1--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def mail(*headers: str, body: str) -> bytes:
    """Return a message to the bounce address without parts."""
    return "\r\n".join([*headers, f"To: bounce+{DELIVERY}@x.example", "", *body.split("\n"), ""]).encode()


QMAIL = f"""Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{EMAIL}>:
{{reply}}

--- Below this line is a copy of the message.

To: {EMAIL}
An email about 5.1.1
"""


@pytest.mark.parametrize("verp", [True, False])
def test_bounce_is_identified_by_envelope_or_returned_headers(verp: bool):
    """With the recipient and what happened to the email."""
    found = read_bounce(bounce_message(DELIVERY, EMAIL, verp=verp))
    assert (found["kind"], found["delivery_id"], found["message_id"]) == ("bounce", DELIVERY, f"{DELIVERY}@example.com")
    (recipient,) = found["recipients"]
    assert (recipient["email"], recipient["action"], recipient["status"]) == (EMAIL, "failed", "5.1.1")


def test_delivery_id_is_read_in_any_case():
    """A server on the way may have written the bounce address in upper case."""
    assert read_bounce(report(to=f"BOUNCE+{DELIVERY.upper()}@X.EXAMPLE"))["delivery_id"] == DELIVERY


@pytest.mark.parametrize("content_type", ["message/global", "message/global-headers"])
def test_internationalized_returned_message_identifies_the_delivery(content_type: str):
    """A mail server that supports SMTPUTF8 returns these types (RFC 6533)."""
    notice = bounce_message(DELIVERY, EMAIL, verp=False).replace(b"text/rfc822-headers", content_type.encode())
    assert read_bounce(notice)["delivery_id"] == DELIVERY


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["Action: failed", "Status: 5.1.1"], ("failed", "5.1.1")),
        (["Action: Failed (permanently)", "Status: 5.1.1 (no such user)"], ("failed", "5.1.1")),
        (["Action: (perm) failed", "Status: 5.1.1"], ("failed", "5.1.1")),
        (["Action: failed;  expired", "Status: 4.4.7"], ("failed", "4.4.7")),
        (["Status: 5.1.1"], ("failed", "5.1.1")),
        (["Action: failure", "Status: 5.0.0"], ("failed", "5.0.0")),
        (["Diagnostic-Code: smtp; 550 5.1.1 no such user"], ("failed", "5.1.1")),
        (["Diagnostic-Code: smtp; 550 no such user"], ("failed", None)),
        (["Diagnostic-Code: smtp; 451 try again"], ("delayed", None)),
        (["Status: 4.2.2"], ("delayed", "4.2.2")),
        (["Status: 2.0.0"], ("delivered", "2.0.0")),
        (["Action: delayed", "Status: 4.4.1"], ("delayed", "4.4.1")),
        (["Action: relayed"], ("relayed", None)),
        (["Action: unknown"], (None, None)),
    ],
    ids=str,
)
@pytest.mark.parametrize("content_type", ["message/delivery-status", "message/global-delivery-status"])
def test_action_is_read_or_follows_from_the_status(fields: list[str], expected: tuple, content_type: str):
    """With comments, in any case, or missing: then the class of the status or of the reply decides (RFC 3464)."""
    (found,) = read_bounce(report(f"Final-Recipient: rfc822; {EMAIL}", *fields, content_type=content_type))[
        "recipients"
    ]
    assert (found["action"], found["status"], found["email"]) == (*expected, EMAIL)


def test_every_recipient_of_a_report_is_read():
    """Also one with an original recipient only, and one without an address."""
    fields = [f"Final-Recipient: rfc822;<{EMAIL}>", "Action: failed", "", "Original-Recipient: rfc822; ben@x.example",
              "Action: delayed", "", "Action: failed", "Status: 5.2.2"]  # fmt: skip
    for content_type in ("message/delivery-status", "message/global-delivery-status"):
        found = read_bounce(report(*fields, content_type=content_type))["recipients"]
        expected = [(EMAIL, "failed"), ("ben@x.example", "delayed"), (None, "failed")]
        assert [(one["email"], one["action"]) for one in found] == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("Feedback-Type: abuse", "abuse"),
        ("Feedback-Type: Not-Spam (sorry)", "not-spam"),
        ("Feedback-Type: auth-failure", "auth-failure"),
        ("X-None: x", None),
    ],
)
def test_feedback_report_has_its_type(fields: str, expected: str | None):
    """In lower case; it is not a bounce, and its delivery is that of the returned headers."""
    found = read_bounce(feedback_report(DELIVERY, EMAIL, fields))
    assert (found["kind"], found["feedback_type"], found["delivery_id"]) == ("feedback", expected, DELIVERY)
    assert found["recipients"] == [{"email": EMAIL}]


def test_bounce_without_delivery_status_is_parsed():
    """qmail's text, by flufl.bounce, with what the server said about the address and nothing of the returned email."""
    notice = mail(
        "From: MAILER-DAEMON@mx.example.net", "Subject: failure notice", body=QMAIL.format(reply="no (#5.1.1)")
    )
    found = read_bounce(notice)
    (recipient,) = found["recipients"]
    assert (found["kind"], found["delivery_id"]) == ("bounce", DELIVERY)
    assert recipient == {
        "email": EMAIL, "action": "failed", "status": None, "diagnostic_code": f"<{EMAIL}>: no (#5.1.1)"
    }  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        ["Subject: Out of office: Hello"],
        ["Subject: Automatic reply: Hello"],
        ["Subject: Re: Hello", "Auto-Submitted: auto-replied (vacation)"],
        ["Subject: Re: Hello", "X-Autoreply: yes"],
        ["Subject: Re: Hello", "Precedence: auto_reply"],
        ["Subject: Read: Hello", "Content-Type: text/plain; report-type=disposition-notification"],
    ],
    ids=str,
)
def test_automatic_reply_has_no_recipients(headers: list[str]):
    """Even when it quotes a bounce message that a person had received."""
    found = read_bounce(mail(f"From: Ann <{EMAIL}>", *headers, body="I am away.\n\n" + QMAIL.format(reply="550 5.1.1")))
    assert (found["kind"], found["recipients"]) == ("other", [])


@pytest.mark.parametrize("header", ["From: MAILER-DAEMON@mx.example.net", f"X-Failed-Recipients: {EMAIL}"])
def test_bounce_of_a_mail_server_is_not_an_automatic_reply(header: str):
    """Exim sets Auto-Submitted to auto-replied in its bounces, too."""
    found = read_bounce(mail(header, "Auto-Submitted: auto-replied", body=QMAIL.format(reply="550 5.1.1")))
    assert [one["email"] for one in found["recipients"]] == [EMAIL]
