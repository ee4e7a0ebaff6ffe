"""Random partner names, addresses and messages: none breaks an email or adds a header to it.

The inputs are drawn from a fixed seed, so every run tries the same ones on any machine; hypothesis keeps failing inputs
in .hypothesis/. `BAD_INPUT_EXAMPLES=20000 BAD_INPUT_SEED=7 pytest tests/property/test_bad_input.py` tries more, and
different ones.
"""

import os
import tempfile
from email import message_from_bytes
from pathlib import Path

import fast_mail_parser
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from compiler import PartnerflowError
from flows.addresses import _BLANKS, _checked, address_key, canonical_address, normalize_address
from flows.messages.loader import check_message
from flows.messages.mime.headers import without_controls
from flows.messages.render import render
from flows.settings import CHECKOUT
from support.emails import HEADERS, SIGNED, TWO_PARTS, delivery, message
from support.injection_strings import NAMES, shown

EXAMPLES = int(os.environ.get("BAD_INPUT_EXAMPLES", "400"))
SEED = int(os.environ.get("BAD_INPUT_SEED", "20260320"))
BUDGET = settings(max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])

PIECES = [
    *NAMES.values(), "\r\n", "\n", "\r", "\0", " ", "@", "<", ">", ",", ";", '"', "\\", "=?", "?=", "=", ".",
    "{{", "%}",
]  # fmt: skip
names = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=6).map("".join))

ADDRESSES = [
    "you", "@", "example.org", ".", "..", "-", "+", " ", "\r\nBcc: x@y.example", "<", ">", ",", '"', "bücher", "xn--",
    "ü", "\u200b", "[127.0.0.1]", "a" * 70, "\0", "=?utf-8?q?a?=", "%", "()", "\u202e", "。", "ａ",
]  # fmt: skip
addresses = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(ADDRESSES), max_size=7).map("".join))

FILES = {
    file.name: file.read_text() for file in sorted((CHECKOUT / "workflows" / "messages").glob("*/*")) if file.is_file()
}
TOKENS = [
    "{{", "}}", "{%", "%}", "{{ partner.name }}", "{% if x %}", "{% endif %}", "{% raw %}", "{% for a in (1..99) %}",
    "{% endfor %}", "| replace: 'a', 'b'", "| times: 1e300", "| slice: -1, 99", "{firstName}", "{x}", "<", ">", "</",
    "/>", "<mj-text>", "</mj-text>", "<mj-section>", "<b>", "<!--", "-->", "<![CDATA[", "<?xml", "&", "&#0;", "\0",
    "\ud7ff", "\ufeff", '"', "'", ": ", "- ", "\n", "subject", "translations:", "liquid0z", "🎒", "=" * 100,
]  # fmt: skip


@st.composite
def damaged_files(draw: st.DrawFn) -> tuple[str, str]:
    """Draw the name and text of an example message's file, with pieces removed, repeated and inserted."""
    name = draw(st.sampled_from(sorted(FILES)))
    text = FILES[name]
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(text)))
        until = min(len(text), at + draw(st.integers(0, 30)))
        piece = draw(st.one_of(st.sampled_from(TOKENS), st.text(st.characters(codec="utf-8"), max_size=5)))
        text = text[:at] + piece * draw(st.integers(0, 3)) + text[until:]
    return name, text


@seed(SEED)
@BUDGET
@given(names)
def test_email_with_any_name_has_only_our_headers(name: str):
    """Two parsers find exactly our headers, and read the name back from sender, subject, text and HTML."""
    html = len(name) % 2 == 0
    raw = render(delivery(name), message(html="<p>{{ partner.name }}</p>" if html else None), SIGNED).content
    expected = [*(TWO_PARTS if html else HEADERS)]
    expected.insert(expected.index("List-Unsubscribe") + 1, "List-Unsubscribe-Post")
    assert raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= 998
    assert message_from_bytes(raw).keys() == expected
    email, read_as = fast_mail_parser.parse_email(raw), shown(name)
    assert [*email.headers] == expected
    assert email.subject == f"Hello {read_as}".strip()
    assert (email.from_.display_name or "", email.from_.address) == (read_as or "1000", SIGNED.sender_address)
    assert email.text_plain[0].replace("\r\n", "\n") == f"Dear {read_as},\n.\nBye\n"
    if html:
        assert email.text_html[0].count("<") == 2


@seed(SEED)
@BUDGET
@given(addresses)
def test_any_text_normalizes_to_one_address_or_an_error(text: str):
    """A text is refused, or becomes one address that normalizing again does not change. Every text has a key."""
    key, canonical = address_key(text), canonical_address(text)
    assert address_key(key) == key
    assert canonical in (None, key)
    try:
        found = normalize_address(text)
    except PartnerflowError as error:
        assert "not a valid email address" in str(error)
        assert canonical is None
        return
    assert found.isascii() and found.isprintable() and not set(found) & set(' ,;<>"()[]\\:')
    assert (normalize_address(found), found.count("@")) == (found, 1)
    assert found == _checked(text.strip(_BLANKS))
    assert canonical == found.lower()
    email = fast_mail_parser.parse_email(render(delivery(email=text), message(), SIGNED).content)
    assert [one.address for one in email.to] == [found]


@seed(SEED)
@BUDGET
@given(damaged_files())
def test_any_message_is_valid_or_has_problems(file: tuple[str, str]):
    """A valid message renders without optional values; every problem of an invalid one has a place in a file."""
    name, text = file
    with tempfile.TemporaryDirectory() as folder:
        files = {"message.yml": "subject: Hi\n", "body.txt": "Hi\n", name: text}
        for file_name, content in files.items():
            (Path(folder) / file_name).write_text(content, encoding="utf-8")
        found, problems = check_message(Path(folder))
        assert (found is None) == any(problem.severity == "error" for problem in problems)
        for problem in problems:
            end = files.get(Path(problem.path).name, "").count("\n") + 2
            assert 1 <= problem.line <= end and problem.column >= 1 and problem.message and problem.hint
            assert str(problem)
        if found is not None:
            for partner in ("", "<b>{{ x }}</b>\r\nBcc: a@b.example"):
                assert render(delivery(partner), found, SIGNED).content.isascii()


def test_removing_controls_twice_equals_once():
    """Removing control characters gives the name that a reader sees, and doing it again changes nothing."""
    for name in NAMES.values():
        assert without_controls(without_controls(name)) == without_controls(name) == shown(name)
