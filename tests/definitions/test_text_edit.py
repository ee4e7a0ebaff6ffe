"""Keys of a definition are changed in its text, and nothing else is."""

import pytest

from compiler import PartnerflowError, read_yaml
from flows.definitions.text_edit import with_values

TEXT = """\
# Few clicks
name: Few clicks     # at most 50
program: "1000"
status: 'draft'

segment:
- Clicks less than 100   # few
- 'Partner Group is any of "A: B"'

# What it sends
action:
  email: few-clicks
"""


def changed(**values) -> str:
    """Return TEXT with other values, after a check that it means what was asked for."""
    text = with_values("w.yml", TEXT, values)
    expected = read_yaml("w.yml", TEXT).value | values
    assert read_yaml("w.yml", text).value == {key: value for key, value in expected.items() if value is not None}
    return text


def test_scalar_when_changed_keeps_quotes_and_comment():
    """The rest of the text is the same, byte for byte."""
    text = changed(name="Fewer", program="2000", status="active")
    assert text == TEXT.replace("Few clicks ", "Fewer ").replace('"1000"', '"2000"').replace("'draft'", "'active'")


def test_new_key_goes_before_the_first_key_that_comes_after_it():
    """In the order of the documentation."""
    assert "status: 'draft'\n\ngoal: Clicks greater than 0 within 7 days\nsegment:" in changed(
        goal="Clicks greater than 0 within 7 days"
    )
    assert 'owner: Ann\nprogram: "1000"\n' in changed(owner="Ann")


def test_key_when_removed_leaves_the_comments_of_others():
    """Its own lines go."""
    assert changed(status=None) == TEXT.replace("status: 'draft'\n", "")
    assert "# What it sends" in changed(segment=None)
    assert changed(action=None).endswith("# What it sends\n")


def test_value_can_become_one_of_another_kind():
    """A list becomes the name of a segment, an email an application."""
    text = changed(segment="quiet", action="accept application")
    assert "segment: quiet\n" in text and "action: accept application\n" in text


@pytest.mark.parametrize(
    "value", ["1000", "yes", "a: b", "a #b", " a", "“a”", "é\u2028", "- a", "null", "1_0", "2026-03-20", "'"]
)
def test_text_of_any_kind_stays_text(value: str):
    """What YAML would read as something else is put in quotes."""
    for key in ("name", "program", "status", "owner"):
        changed(**{key: value})


def test_line_ends_of_the_file_are_kept():
    """Also those of lines that are added."""
    text = with_values("w.yml", TEXT.replace("\n", "\r\n"), {"owner": "Ann", "action": {"email": "a"}})
    assert text.count("\n") == text.count("\r\n")


def test_flow_style_and_blocks_can_be_changed():
    """However the file is written."""
    text = "name: >-\n  Few\n  clicks\n\nsegment: [A, B]\naction: {email: x}  # sends\n"
    assert with_values("w.yml", text, {"name": "N", "segment": "quiet", "action": {"email": "y"}}) == (
        "name: N\nsegment: quiet\naction:\n  email: y\n"
    )


def test_text_that_cannot_be_changed_so_is_refused():
    """Nothing is guessed."""
    with pytest.raises(PartnerflowError, match="Edit the file as text"):
        with_values("w.yml", "{name: a, segment: [A]}\n", {"segment": "quiet"})
    with pytest.raises(PartnerflowError, match="Edit the file as text"):
        with_values("w.yml", "name: a\naction:\n\xa0\xa0email: x\n", {"action": {"email": "y"}, "name": "b"})


REST = "segment:\n  - Clicks is 0  # none\naction: {email: m}\n"

STATUS = {
    "plain": ("name: W\nstatus: draft\n" + REST, "name: W\nstatus: active\n" + REST),
    "quoted, with a comment": ("status: 'draft'   # until May\n" + REST, "status: 'active'   # until May\n" + REST),
    "paused, at the end": (REST + "status: paused", REST + "status: active"),
    "Windows line ends": ("# é\r\nname: W\r\nstatus: draft\r\n", "# é\r\nname: W\r\nstatus: active\r\n"),
    "a byte order mark": ("\ufeffstatus: draft\n" + REST, "\ufeffstatus: active\n" + REST),
    "in braces": ("{name: W, status: draft, segment: s}", "{name: W, status: active, segment: s}"),
    "no key": ("# first\nname: W\n\n# who\n" + REST, "# first\nname: W\n\n# who\nstatus: active\n" + REST),
    "no key, Windows": ("name: W\r\nsegment: s\r\n", "name: W\r\nstatus: active\r\nsegment: s\r\n"),
    "no key, last line": ("name: W\nsegment: s", "name: W\nstatus: active\nsegment: s"),
    "a block": ("status: >-\n  draft\nname: W\n", "status: active\nname: W\n"),
    "active already": ("status: active\n" + REST, "status: active\n" + REST),
}


@pytest.mark.parametrize(("before", "after"), STATUS.values(), ids=STATUS)
def test_status_when_changed_leaves_all_else(before: str, after: str):
    """Comments, quotes, layout and line ends stay."""
    assert with_values("w.yml", before, {"status": "active"}) == after
    assert read_yaml("w.yml", after).value["status"] == "active"


def test_status_that_cannot_be_written_is_an_error():
    """The file is in braces, without the key: the error says what to write."""
    with pytest.raises(PartnerflowError, match=r"Write `status: active` in it\."):
        with_values("w.yml", "{name: W, segment: s}", {"status": "active"})
