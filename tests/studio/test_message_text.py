"""A changed text of message.yml changes its own lines, and nothing else."""

import pytest

from compiler import PartnerflowError, read_yaml
from flows.settings import CHECKOUT
from flows.studio.email.message_text import with_texts

TEXT = """# ours
subject: "Hi {{ partner.name }}"  # short
reply_to: a@example.com
translations:
  de:
    subject: Hallo
    preview: Kurz  # und gut
# the end
"""
FILES = sorted((CHECKOUT / "workflows" / "messages").glob("*/message.yml"))


@pytest.mark.parametrize(
    ("route", "value", "before", "after"),
    [
        (("subject",), 'Dear "{{ x }}": you', '"Hi {{ partner.name }}"', '"Dear \\"{{ x }}\\": you"'),
        (("reply_to",), "b@example.com", "a@example.com", "b@example.com"),
        (("reply_to",), None, "reply_to: a@example.com\n", ""),
        (("reply_to",), " ", "reply_to: a@example.com\n", ""),
        (("translations", "de", "preview"), "Lang", "preview: Kurz", "preview: Lang"),
        (("translations", "de", "preview"), None, "    preview: Kurz  # und gut\n", ""),
        (("translations", "de", "reason"), "Weil", "# und gut\n", "# und gut\n    reason: Weil\n"),
        (("translations", "fr", "subject"), "Salut", "# und gut\n", "# und gut\n  fr:\n    subject: Salut\n"),
        (("preview",), "Soon", "# the end\n", "# the end\npreview: Soon\n"),
    ],
)  # fmt: skip
def test_a_text_is_changed_added_or_removed_in_its_place(route, value, before: str, after: str):
    """Comments and the style of quotes stay."""
    assert before in TEXT
    assert with_texts("message.yml", TEXT, {route: value}) == TEXT.replace(before, after)


def test_the_last_text_of_a_language_takes_the_language_with_it():
    """A language without a subject is not valid, and an empty mapping neither."""
    text = "subject: Hi\ntranslations:\n  de:\n    subject: Hallo\n"
    assert with_texts("message.yml", text, {("translations", "de", "subject"): None}) == "subject: Hi\n"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_the_same_texts_leave_a_committed_file_as_it_is(file):
    """Nothing is written again."""
    text = file.read_text(encoding="utf-8")
    found = read_yaml(file.name, text).value
    same = {(key,): value for key, value in found.items() if isinstance(value, str)}
    assert same
    assert with_texts(file.name, text, same) == text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_each_text_of_a_committed_file_can_be_changed(file):
    """The other values stay what they are."""
    text = file.read_text(encoding="utf-8")
    before = read_yaml(file.name, text).value
    changed = with_texts(file.name, text, {("subject",): "Other: 1", ("preview",): "A #1"})
    assert read_yaml(file.name, changed).value == {**before, "subject": "Other: 1", "preview": "A #1"}


def test_a_mapping_in_braces_is_refused():
    """It would have to be written in another way."""
    text = "subject: Hi\ntranslations: {de: {subject: Hallo}}\n"
    with pytest.raises(PartnerflowError, match="cannot be changed here"):
        with_texts("message.yml", text, {("translations", "fr", "subject"): "Salut"})
