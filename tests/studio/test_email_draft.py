"""A draft of a message is checked and rendered by the functions that read messages, before anything is written."""

from dataclasses import replace

import pytest

from flows.definitions.loader import read_definitions, shown
from flows.messages.loader import check_message, read_message
from flows.settings import Settings
from flows.studio.email.draft import CheckedDraft, check_draft, message_files
from flows.studio.email.preview import in_scheme, preview_email
from support.example_workflows import WORKFLOWS, copy_workflows
from support.states import HOUR

SETTINGS = Settings(workflows=WORKFLOWS)
NAME = "first-action"
FILES = message_files(WORKFLOWS / "messages" / NAME)
CONTEXT = {
    "partner": {"id": "1", "name": "Acme <Co>", "language": "de-AT"},
    "contact": {"first_name": "Ann <x>", "last_name": "Lee"},
    "program": {"id": "1000", "name": "Northwind", "timezone": "America/New_York", "postal_address": None},
    "workflow": {"id": "w", "name": "W"},
}


def checked(**files: str) -> CheckedDraft:
    """Return the result for the message with other texts of some files."""
    return check_draft(SETTINGS, NAME, {**FILES, **{name.replace("_", "."): text for name, text in files.items()}})


def test_an_unchanged_draft_is_the_message():
    """It has the same content and the same problems, those of a layout of the folder included."""
    folder = WORKFLOWS / "messages" / NAME
    found = check_draft(SETTINGS, NAME, FILES)
    assert found.message is not None
    assert found.message.content == read_message(folder).content
    _, problems = check_message(folder)
    assert [(one.problem.line, one.problem.code) for one in found.problems] == [
        (one.line, one.code) for one in problems
    ]


def test_a_problem_is_of_the_file_of_the_folder():
    """Not of the copy that was checked."""
    found = checked(message_yml="subject: ''\nunknown: 1\n")
    assert {one.problem.path for one in found.problems} == {shown(WORKFLOWS / "messages" / NAME / "message.yml")}


def test_a_problem_of_a_body_is_at_its_line():
    """Line and column are those of the text as it is typed."""
    body = "body.mjml" if "body.mjml" in FILES else "body.txt"
    found = check_draft(SETTINGS, NAME, {**FILES, body: FILES[body] + "\n{{ partner.nmae }}"})
    (problem,) = [one for one in found.at(body) if one.severity == "error"]
    assert (problem.code, problem.line) == ("unknown-variable", FILES[body].count("\n") + 2)
    assert found.message is None


def test_a_problem_of_a_key_is_at_the_key():
    """Also of a key in a translation."""
    text = "subject: Hi\nreply_to: nobody\ntranslations:\n  de:\n    subject: '{{ wrong }}'\n"
    found = checked(message_yml=text)
    assert [one.code for one in found.at("message.yml", "reply_to")] == ["address"]
    assert [one.code for one in found.at("message.yml", "translations", "de", "subject")] == ["unknown-variable"]
    assert found.at("message.yml", "subject") == []


def test_what_an_active_workflow_may_not_send_is_a_problem_of_its_draft():
    """A placeholder is an error only in use."""
    active = next(one for one in read_definitions(SETTINGS).workflows if one.status == "active")
    text = FILES["message.yml"].replace("subject:", "sign_up_link: https://example.com/\nsubject:", 1)
    found = check_draft(SETTINGS, NAME, {**FILES, "message.yml": text}, active)
    assert [one.severity for one in found.at("message.yml", "sign_up_link")] == ["error"]
    draft = check_draft(SETTINGS, NAME, {**FILES, "message.yml": text}, replace(active, status="draft"))
    assert [one.severity for one in draft.at("message.yml", "sign_up_link")] == ["warning"]


def test_preview_is_what_the_partner_gets_first_in_its_language():
    """Every value is escaped; the other languages follow."""
    message = read_message(WORKFLOWS / "messages" / NAME)
    first, *others = preview_email(message, CONTEXT, HOUR)
    assert (first.language, first.is_own_language) == ("de", True)
    assert [one.language for one in others] == [one for one in message.content["languages"] if one != "de"]
    assert first.content is not None and first.content.html is not None
    assert "Ann &lt;x&gt;" in first.content.html
    assert "<x>" not in first.content.html


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_preview_has_the_scheme_that_is_asked_for(scheme: str):
    """The media query of the layout is decided, whatever the browser prefers."""
    (first, *_) = preview_email(read_message(WORKFLOWS / "messages" / NAME), CONTEXT, HOUR)
    html = in_scheme(first.content.html, scheme)
    assert "prefers-color-scheme" in first.content.html
    assert "prefers-color-scheme" not in html
    assert ("(min-width: 0)" in html) == (scheme == "dark")
    assert f"color-scheme: {scheme}" in html


def test_nothing_of_a_draft_is_written(tmp_path):
    """The folder of the workflows stays as it is."""
    copy_workflows(tmp_path / "workflows")
    before = {file: file.read_bytes() for file in sorted((tmp_path / "workflows").rglob("*")) if file.is_file()}
    check_draft(Settings(workflows=tmp_path / "workflows"), NAME, {**FILES, "body.txt": "Hi"})
    assert {file: file.read_bytes() for file in sorted((tmp_path / "workflows").rglob("*")) if file.is_file()} == before
