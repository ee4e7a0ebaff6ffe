"""Rendered emails: headers, bodies and addresses, read back with other parsers, for any partner name."""

import re
from base64 import urlsafe_b64decode
from binascii import b2a_qp
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes, policy

import fast_mail_parser
import pytest

from compiler import PartnerflowError
from flows.addresses import address_key, canonical_address, mask_address, normalize_address
from flows.messages.loader import read_message
from flows.messages.message import message_from
from flows.messages.mime.compose import compose
from flows.messages.mime.headers import mailbox, unstructured
from flows.messages.render import render
from flows.messages.unsubscribe import (
    UnsubscribeLinks,
    UnsubscribePage,
    read_token,
    seal_page,
    sign_token,
    unsubscribe_links,
)
from flows.settings import CHECKOUT, Settings
from support.emails import HEADERS, SIGNED, TWO_PARTS, delivery, message, settings
from support.example_members import MEMBERS
from support.injection_strings import NAMES, shown


@pytest.mark.parametrize("case", NAMES)
@pytest.mark.parametrize("html", [None, "<p>Dear {{ partner.name }}</p>"], ids=["text", "both"])
def test_email_with_any_partner_name_is_well_formed(case: str, html: str | None):
    """There are only our own headers, in short ASCII lines; two parsers read back the name, subject and bodies."""
    name, read_as = NAMES[case], shown(NAMES[case])
    raw = render(delivery(name), message(html=html), settings()).content
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    lines = raw.split(b"\r\n")
    assert all(len(line) <= 78 or line.startswith(b"List-Unsubscribe: ") for line in lines)
    assert message_from_bytes(raw).keys() == (TWO_PARTS if html else HEADERS)
    parsed = fast_mail_parser.parse_email(raw)
    assert [*parsed.headers] == (TWO_PARTS if html else HEADERS)
    assert parsed.subject == f"Hello {read_as}".strip()
    assert (parsed.from_.display_name or "", parsed.from_.address) == (read_as or "1000", "us@example.com")
    assert [one.address for one in parsed.to] == ["you@example.org"]
    assert parsed.text_plain[0].replace("\r\n", "\n") == f"Dear {read_as},\n.\nBye\n"
    stdlib = message_from_bytes(raw, policy=policy.default).get_body(("plain",))
    assert stdlib.get_content().replace("\r\n", "\n") == f"Dear {read_as},\n.\nBye\n"
    if html:
        assert raw.index(b"text/plain") < raw.index(b"text/html")
        assert re.sub("<[^>]*>", "", parsed.text_html[0]).count("<") == 0


def test_encoded_word_in_a_name_adds_no_header():
    """The standard library of Python 3.11 and 3.12 writes a Bcc header here (CVE-2024-6923)."""
    raw = render(delivery(NAMES["encoded word"]), message(), settings()).content
    head = raw.split(b"\r\n\r\n")[0]
    assert b"Bcc" not in head and b"=?utf-8?q?evil" not in head


def test_list_unsubscribe_is_one_unfolded_line():
    """It has an https link and a mailto link, and a POST header (RFC 8058); it is neither folded nor encoded."""
    raw = render(delivery(), message(), SIGNED).content
    (line,) = re.findall(rb"(?m)^List-Unsubscribe: (.*)\r$", raw)
    https, mailto = re.fullmatch(rb"<(https://mail\.example\.com/u/[^>]+)>, <(mailto:[^>]+)>", line).groups()
    page = read_token(https.decode().rpartition("/")[2], SIGNED.unsubscribe_signing_keys)
    assert page == UnsubscribePage("5f2c", "Acme", "y…@example.org", "en")
    assert mailto.startswith(b"mailto:answers@example.com?subject=unsubscribe%205f2c.")
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert b"5f2c@" in raw and b"you%40" not in raw


def test_list_unsubscribe_without_url_is_mailto_only():
    """There is no POST header. Without reply_to, the mailto address is the sender's."""
    mailto = "mailto:us+x@example.com?subject=unsubscribe%205f2c"
    assert unsubscribe_links(UnsubscribePage("5f2c"), None, (), "us+x@example.com") == UnsubscribeLinks(
        mailto, {"List-Unsubscribe": f"<{mailto}>"}
    )
    raw = render(delivery(), message(reply_to=None), settings()).content
    assert b"List-Unsubscribe: <mailto:us@example.com?" in raw
    assert b"One-Click" not in raw


def test_unsubscribe_link_in_the_body_equals_the_header():
    """The same link is in the text and, escaped, in the HTML."""
    both = message("{{ unsubscribe_link }}", '<a href="{{ unsubscribe_link }}">x</a>')
    parsed = fast_mail_parser.parse_email(render(delivery(), both, SIGNED).content)
    link = parsed.headers["List-Unsubscribe"][0].split(">")[0].removeprefix("<")
    assert parsed.text_plain[0].strip() == link
    assert parsed.text_html[0].strip() == f'<a href="{link}">x</a>'


PAGE = UnsubscribePage("5f2c", "Größe & Söhne", "a…@x.example", "de-AT")


@pytest.mark.parametrize(
    ("token", "expected"),
    [(lambda keys: seal_page(PAGE, keys), PAGE), (lambda keys: sign_token("5f2c", keys), UnsubscribePage("5f2c"))],
    ids=["link", "mailto"],
)
def test_unsubscribe_token_is_read_with_any_current_key(token: Callable, expected: UnsubscribePage):
    """A token of another key or delivery, and a token that was altered, are rejected."""
    old, new = (
        Settings(unsubscribe_signing_keys="an older retired key").unsubscribe_signing_keys,
        SIGNED.unsubscribe_signing_keys,
    )
    made = token(old)
    assert (read_token(made, old), read_token(made, (*new, *old)), read_token(made, new)) == (expected, expected, None)
    assert token((*new, *old)) == token(new) != made
    forged = [made[:-1], made + "A", "6" + made[1:], made[::-1], made[:32], made + "\n", f" {made}"]
    forged += ["", ".", "ü.ü", "a.b.c", "\0", "A" * 5000, "=", "A", "AAAA" * 12]
    assert [read_token(one, old) for one in forged] == [None] * len(forged)
    assert read_token(made, ()) is None


def test_link_has_one_spelling():
    """Base64 leaves bits unused and padding optional; another spelling of the same link is refused."""
    made = seal_page(PAGE, SIGNED.unsubscribe_signing_keys)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/="
    spelled = [made + "=", made + "==", *(made[:-1] + letter for letter in letters if letter != made[-1])]
    assert [read_token(one, SIGNED.unsubscribe_signing_keys) for one in spelled] == [None] * len(spelled)


def test_link_shows_neither_address_nor_program():
    """They are encrypted in the URL, which may be logged; the address is masked besides."""
    raw = render(delivery("Northwind Outdoor", "mo@quiet.example"), message("{{ unsubscribe_link }}"), SIGNED).content
    link = fast_mail_parser.parse_email(raw).text_plain[0].strip()
    token = link.rpartition("/")[2]
    assert len(token) < 200
    sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert not any(part in sealed for part in (b"quiet", b"Northwind", b"5f2c"))
    page = read_token(token, SIGNED.unsubscribe_signing_keys)
    assert page == UnsubscribePage("5f2c", "Northwind Outdoor", "m…@quiet.example", "en")


def test_list_unsubscribe_is_short_enough_for_a_header_line():
    """A header line has at most 998 characters (RFC 5322, 2.1.1): with the longest of everything in it."""
    url = "https://" + "m" * 288 + ".io"
    page = UnsubscribePage("f" * 32, "名" * 200, mask_address("a@" + "x" * 250 + ".de"), "zh-Hant-TW")
    links = unsubscribe_links(page, url, SIGNED.unsubscribe_signing_keys, "r" * 64 + "@" + "y" * 189)
    assert len(f"List-Unsubscribe: {links.headers['List-Unsubscribe']}") <= 998
    read = read_token(links.link.rpartition("/")[2], SIGNED.unsubscribe_signing_keys)
    assert (read.program, read.address) == ("名" * 26, "…" + "x" * 56 + ".de")


def test_envelope_has_bounce_address_and_all_recipients():
    """The bounce address contains the delivery id; cc is in the headers, bcc is not."""
    email_message = render(delivery(), message(cc="cc@example.com", bcc="bcc@example.com"), SIGNED)
    assert email_message.sender == "bounce+5f2c@b.example.com"
    assert email_message.recipients == ("you@example.org", "cc@example.com", "bcc@example.com")
    parsed = fast_mail_parser.parse_email(email_message.content)
    assert ([one.address for one in parsed.to], [one.address for one in parsed.cc]) == (
        ["you@example.org"], ["cc@example.com"],
    )  # fmt: skip
    assert b"bcc@" not in email_message.content.lower()
    assert render(delivery(), message(), settings()).sender == "us@example.com"


def test_rendering_a_delivery_again_gives_the_same_bytes():
    """So does rendering from the message version that the ledger stores."""
    first = message("Today is {{ today.date }}, {{ today.time }}.", "<b>{{ partner.name }}</b>")
    again = message_from(first.content)
    assert again.version == first.version
    assert render(delivery(), first, SIGNED) == render(delivery(), again, SIGNED)
    assert b"March 20, 2026, 2:00" in render(delivery(), first, SIGNED).content


def test_message_of_unknown_format_raises():
    """A message version of a newer program is not sent."""
    with pytest.raises(PartnerflowError, match="has format 3"):
        message_from(message().content | {"format": 3})


def test_list_id_has_only_letters_digits_and_dashes():
    """Dots and underscores of a workflow id, which have a meaning there, are replaced."""
    raw = render(delivery(workflow_id="a..b_c-", program_id="1:2"), message(), settings()).content
    assert b"\r\nList-Id: <a-b-c.example.com>\r\nFeedback-ID: a-b-c:1-2:email:partnerflow\r\n" in raw


@pytest.mark.parametrize(
    ("text", "expected"),
    [("A.b+c@Example.COM", "A.b+c@example.com"), (" a@x.example ", "a@x.example"),
     ("a@bücher.example", "a@xn--bcher-kva.example"), ("a@faß.example", "a@xn--fa-hia.example"),
     ("o'neil@x.example", "o'neil@x.example"), ("a@x.test", "a@x.test")],
)  # fmt: skip
def test_address_is_normalized_for_smtp(text: str, expected: str):
    """The domain is lower-case and in IDNA form; the part before the @ keeps its letter case."""
    assert normalize_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "a", "@x", "a@", "a b@x.example", "a@x.example, b@y.example", "a@x.example\r\nBcc: b@y", "ü@x.example",
             "<a@x.example>", "a..b@x.example", "a@x example", "a\u200b@x.example", '"a b"@x.example', "a@[127.0.0.1]",
             "a" * 65 + "@x.example", "a@x.local", "a@xn--.example",
             "a@" + "x" * 64 + ".example", "a@-x.example", "a@x..example", "a@x.example\0",
             "=?utf-8?q?a?=@x.example>"],
)  # fmt: skip
def test_invalid_address_raises(text: str):
    """The error says that it is not a valid email address."""
    with pytest.raises(PartnerflowError, match="not a valid email address"):
        normalize_address(text)
    assert canonical_address(text) is None


def test_spellings_of_one_mailbox_have_one_key():
    """Every text has a key, and the key of a key is the key itself."""
    spellings = [
        "anna@bücher.example",
        " ANNA@BÜCHER.example",
        "Anna@xn--bcher-kva.example",
        "anna@bu\u0308cher.example",
    ]
    spellings += [
        f"{blank}anna@bücher.example{blank}" for blank in ("\r\n", "\t", "\x85", "\xa0", "\u200b", "\u3000", "\ufeff")
    ]
    for same in (address_key, canonical_address):
        assert {same(one) for one in spellings} == {"anna@xn--bcher-kva.example"}
    assert address_key("an.na@x.example") != address_key("anna@x.example") != address_key("anna+a@x.example")
    for text in ["", "@", "a@", "nobody", "a@b@c", "\0", "a@" + "x" * 300, "a@\ud800"]:
        assert address_key(address_key(text)) == address_key(text)


def test_long_lines_dots_and_trailing_spaces_survive():
    """Quoted-printable keeps lines short and preserves dots and white space at line ends."""
    body = "x" * 5000 + "\n.\n..\nFrom here \n\t\nlast=20 \r\nü\rend"
    raw = compose({"Subject": "x"}, body, body)
    parsed = fast_mail_parser.parse_email(raw)
    expected = body.replace("\r\n", "\n").replace("\r", "\n") + "\n"
    assert {one.replace("\r\n", "\n") for one in parsed.text_plain + parsed.text_html} == {expected}
    assert b"\r\n.\r\n" not in raw


@pytest.mark.parametrize(
    "body", ["", "\n", "a\n\n.\n", " \t\n=\n", "\x0b\x0c\x85\u2028", "ü" * 60 + "\n" + "x" * 9000, "a=" * 300]
)
def test_body_encoded_by_line_equals_body_encoded_whole(body: str):
    """This holds for new lines, cached lines, and lines too long for the cache."""
    whole = b2a_qp(f"{body.removesuffix(chr(10))}\n".replace("\n", "\r\n").encode(), istext=True)
    for _ in range(2):
        assert compose({}, body, None).partition(b"\r\n\r\n")[2] == whole


def test_display_names_are_quoted_or_encoded():
    """A text that looks like an encoded word is encoded itself."""
    assert mailbox("Smith, Sons & Co", "a@b.example") == '"Smith, Sons & Co" <a@b.example>'
    assert mailbox(' "x\\ ', "a@b.example") == '"\\"x\\\\" <a@b.example>'
    assert mailbox("\r\n", "a@b.example") == "a@b.example"
    assert unstructured("=?utf-8?q?a?=").startswith("=?utf-8?b?")
    assert all(len(line) <= 75 for line in unstructured("ü€🎒" * 200).split("\r\n "))


def test_outbox_emails_parse_without_warnings(example):
    """Each has one recipient, a text, a Message-ID equal to the file name, and no unrendered variable."""
    state, run = example
    files = list(state.outbox.glob("*.eml"))
    assert len(files) == sum(row.sent for row in run.plan.workflows if row.workflow_id != "accept-applications")
    identities = set()
    for file in files:
        parsed = fast_mail_parser.parse_email(file.read_bytes())
        identities.add(parsed.headers["Message-ID"][0])
        assert parsed.headers["Message-ID"] == [f"<{file.stem}@example.com>"]
        assert len(parsed.to) == 1
        assert not parsed.warnings
        assert parsed.text_plain[0].strip()
        assert not message_from_bytes(file.read_bytes(), policy=policy.default).defects
        assert not any("{{ program" in body for body in parsed.text_plain + parsed.text_html)
    assert len(identities) == len(files)


def test_email_is_in_the_partners_language(example):
    """The German partner gets subject, text and HTML in German; the others get the default language."""
    state, _ = example
    emails = [fast_mail_parser.parse_email(file.read_bytes()) for file in state.outbox.glob("*.eml")]
    found = [one for one in emails if one.headers["List-Id"] == ["<first-action-30.example.com>"]]
    assert Counter(one.headers["Content-Language"][0] for one in found) == {"en": 10, "de": 1}
    (german,) = [one for one in found if one.headers["Content-Language"] == ["de"]]
    assert german.subject == "Glückwunsch zum ersten Verkauf mit Northwind Outdoor"
    assert 'lang="de"' in german.text_html[0]
    assert "dein erster Verkauf" in german.text_html[0] and "dein erster Verkauf" in german.text_plain[0]


def test_partner_name_is_never_rendered_as_a_template(example):
    """A partner named {{ partner.name }} is greeted by that name, and a name with an encoded Bcc adds no header."""
    state, _ = example
    emails = [fast_mail_parser.parse_email(file.read_bytes()) for file in state.outbox.glob("*.eml")]
    texts = " ".join(" ".join(text.split()) for one in emails for text in one.text_plain)
    assert "33001007" in MEMBERS["prospect-invite"]
    assert "{{ partner.name }}" in texts
    assert all("Bcc" not in one.headers for one in emails)


def test_example_messages_render_in_every_language():
    """Every message folder of the example workflows is valid."""
    for folder in (one.parent for one in (CHECKOUT / "workflows" / "messages").glob("*/message.yml")):
        for language in read_message(folder).content["languages"]:
            here = delivery()
            here.context["partner"]["language"] = language
            assert render(here, read_message(folder), SIGNED).content
