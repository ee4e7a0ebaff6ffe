"""The status of a definition is changed in its text, and nothing else is."""

import pytest

from compiler import PartnerflowError, read_yaml
from flows.definitions.status_text import with_status

REST = "segment:\n  - Clicks is 0  # none\naction: {email: m}\n"

CASES = {
    "plain": ("name: W\nstatus: draft\n" + REST, "name: W\nstatus: active\n" + REST),
    "quoted, with a comment": ("status: 'draft'   # until May\n" + REST, "status: 'active'   # until May\n" + REST),
    "paused, at the end": (REST + "status: paused", REST + "status: active"),
    "Windows line ends": ("# é\r\nname: W\r\nstatus: draft\r\n", "# é\r\nname: W\r\nstatus: active\r\n"),
    "a byte order mark": ("\ufeffstatus: draft\n" + REST, "\ufeffstatus: active\n" + REST),
    "in braces": ("{name: W, status: draft, segment: s}", "{name: W, status: active, segment: s}"),
    "no key": ("# first\nname: W\n\n# who\n" + REST, "# first\nname: W\n\n# who\nstatus: active\n" + REST),
    "no key, Windows": ("name: W\r\nsegment: s\r\n", "name: W\r\nstatus: active\r\nsegment: s\r\n"),
    "no key, last line": ("name: W\nsegment: s", "name: W\nstatus: active\nsegment: s"),
    "active already": ("status: active\n" + REST, "status: active\n" + REST),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_with_status_changes_the_value_only(before: str, after: str):
    """Comments, quotes, layout and line ends stay."""
    assert with_status("w.yml", before, "active") == after
    assert read_yaml("w.yml", after).value["status"] == "active"


@pytest.mark.parametrize("text", ["status: >-\n  draft\nname: W\n", "{name: W, segment: s}"])
def test_with_status_that_cannot_be_written_is_an_error(text: str):
    """A block, or braces without the key: the error says what to write."""
    with pytest.raises(PartnerflowError, match=r"Write `status: active` in it\."):
        with_status("w.yml", text, "active")
