"""An email from a stranger, of any depth and size, is read in part or not at all, and never stops a run."""

import base64

import pytest

from flows.events.bounces import MAX_RECIPIENTS, read_bounce
from flows.events.mail_limits import MAX_BYTES, MAX_LINE, MAX_LINES, head_of_mail, is_nested_too_deeply
from support.provider_payloads import bounce_message

DELIVERY = "0123456789abcdef0123456789abcdef"
NESTED = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(1000))
QMAIL = b"From: MAILER-DAEMON@x.example\n\nHi. This is the qmail-send program at x.\n\n"


@pytest.mark.parametrize(
    "content",
    [
        NESTED,
        NESTED.replace(b"\n", b"\r").replace(b"Content-Type: ", b"content-type:\r\t"),
        b"Content-Type: message/rfc822\n\n" * 100_000,
        b'Content-Type: multipart/digest; boundary="b"\n\n--b\n\n' * 1000,
        b"Content-Type: message/delivery-status\n\n" * 1000,
    ],
)
def test_deeply_nested_email_is_not_read(content: bytes):
    """The parser would fail on it or take minutes."""
    assert is_nested_too_deeply(content)
    assert read_bounce(content)["recipients"] == []


def test_email_in_an_email_is_not_nested_too_deeply():
    """Not even a bounce message that returns a bounce message that returns an email with attachments."""
    inner = bounce_message(DELIVERY, "ann@x.example")
    assert not is_nested_too_deeply(inner + inner + inner)


def test_nested_parts_in_encoded_headers_are_not_read():
    """The returned headers are parsed after their decoding, and have the same limits."""
    encoded = base64.encodebytes(NESTED)
    content = b"Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: base64\n\n" + encoded
    report = b'Content-Type: multipart/report; boundary="b"\n\n--b\n' + content + b"\n--b--\n"
    assert not is_nested_too_deeply(report)
    assert read_bounce(report)["message_id"] is None


@pytest.mark.parametrize(
    "header",
    [b"To: " + b"(" * 2_000, b"To: " + b"(\n " * 2_000, b"Date: " + b"9" * 2_000, b"Subject: " + b"=?utf-8?q?" * 999],
)
def test_hostile_header_does_not_hide_the_bounce(header: bytes):
    """Comments in comments would exceed Python's recursion limit."""
    found = read_bounce(header + b"\n" + QMAIL + b"<ann@x.example>:\n550 5.1.1 no such user\n")
    assert [one["email"] for one in found["recipients"]] == ["ann@x.example"]


@pytest.mark.parametrize(
    "content",
    [
        b"-" * 1_000_000,
        b"--" + b"copy " * 200_000,
        b'Content-Type: text/plain; a="' + b";" * 1_000_000,
        b'Content-Type: text/plain; a="' + b"\r\n ;;;;;;;;" * 100_000,
        b"Content-Type: text/plain; charset=punycode\n\n\xe9" + b"a" * 1_000_000,
        b"\n" * 1_000_000,
    ],
    ids=["dashes", "copy", "semicolons", "folded", "punycode", "lines"],
)
def test_head_has_short_lines_and_headers(content: bytes):
    """What is parsed in quadratic time is short, whatever is received."""
    head = head_of_mail(content)
    lines = head.splitlines()
    types = [len(part) for part in head.split(b"\n\n", 1)[0].lower().split(b"content-type") if b";" in part]
    assert (len(head) <= MAX_BYTES, len(lines) <= MAX_LINES, max(map(len, lines)) <= MAX_LINE) == (True, True, True)
    assert all(length <= 500 for length in types)
    assert b" charset=punycode" not in head


def test_usual_bounce_message_is_its_own_head():
    """Nothing is cut from an email that is not hostile."""
    content = bounce_message(DELIVERY, "ann@x.example")
    assert head_of_mail(content) == content


def test_long_bounce_message_is_read_by_its_head():
    """The returned email may have large attachments."""
    found = read_bounce(bounce_message(DELIVERY, "ann@x.example") + b"x" * 10_000_000)
    assert [one["email"] for one in found["recipients"]] == ["ann@x.example"]


def test_many_recipients_are_read_up_to_a_limit():
    """An email of ours has one recipient and a few copies."""
    notice = b"".join(b"<a%d@x.example>:\n550 5.1.1 no such user\n\n" % number for number in range(1000))
    assert len(read_bounce(QMAIL + notice)["recipients"]) == MAX_RECIPIENTS
