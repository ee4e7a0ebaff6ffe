"""The page of an email: texts in all languages, problems at their fields, the preview, test emails, templates."""

import re

import pytest

from support.studio import Client

PATH = "/workflows/later/email"
BODY = "Hi {{ partner.name }} {{ unsubscribe_link }}"


def fields(**more: str | list[str]) -> dict[str, str | list[str]]:
    """Return the form of the message, with other values of some fields."""
    return {
        "language": "en",
        "subject-en": "Hello",
        "txt-en": BODY,
        **{k.replace("__", "-"): v for k, v in more.items()},
    }


def version(client: Client) -> str:
    """Return the version of the message's files as the page carries it."""
    return re.findall(r'name="version" value="(\w+)"', client.get(PATH))[0]


def at(page: str, field: str) -> str:
    """Return what an answer shows at a field."""
    return re.findall(rf'<div id="at-{field}" .*?</div>', page, re.DOTALL)[0]


def test_page_has_the_texts_and_the_variables(client: Client):
    """Every variable can be inserted."""
    page = client.get(PATH)
    assert 'name="subject-en" value="Hello"' in page
    assert "Hi {{ unsubscribe_link }}</textarea>" in page
    assert 'data-insert="{{ contact.first_name }}"' in page
    assert "Sends sends it, too" in page


def test_check_shows_a_problem_at_its_field(client: Client):
    """Of a body with its line, of a key at the key."""
    page = client.post(f"{PATH}/check", **fields(txt__en="{{ partner.nmae }}", reply_to="nobody"))
    assert "partner.nmae is undefined" in at(page, "txt-en")
    assert "is not a valid email address" in at(page, "reply_to")
    assert "<li" not in at(page, "subject-en")
    assert "Correct the errors to see the email." in page


def test_preview_is_rendered_and_its_frame_has_a_policy_of_its_own(client: Client):
    """No script, nothing from elsewhere, its own styles; in the scheme that was chosen."""
    body = "<mj-text>Hi {{ partner.name }}</mj-text>"
    page = client.post(f"{PATH}/check", **fields(mjml__en=body, scheme="dark"))
    (frame,) = re.findall(r'src="(/previews/[\w-]+)" sandbox ', page)
    answer = client.http.get(frame)
    assert "Hi Sample Partner" in answer.text
    assert "prefers-color-scheme" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'") and "script-src" not in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    client.get("/previews/other", 404)


def test_preview_of_the_text_and_of_another_language(client: Client):
    """The language is that of the tab, whatever the partner's is."""
    form = fields(
        language=["en", "de"], subject__de="Hallo", txt__de="Du {{ unsubscribe_link }}", show="de", part="text"
    )
    page = client.post(f"{PATH}/check", **form)
    assert "<b>Hallo</b>" in page
    assert "Du https://example.com/u/sample" in page


def test_a_save_is_reviewed_and_writes_the_files_that_differ(client: Client):
    """The other workflow that sends the message is named."""
    form = fields(subject__en="Hello, you", txt__en="Hi {{ unsubscribe_link }}", version=version(client))
    assert "Sends will send the changed message as well." in client.post(PATH, **form)
    assert client.confirm(PATH, **form) == "/workflows/later"
    folder = client.settings.workflows / "messages" / "hello"
    assert (folder / "message.yml").read_text() == "subject: Hello, you\n"
    assert (folder / "body.txt").read_text() == "Hi {{ unsubscribe_link }}"


def test_a_language_is_added_with_the_texts_of_the_first_and_removed(client: Client):
    """Both are changes of the form; the files change with the save."""
    page = client.post(f"{PATH}/languages", **fields(action="add", new_language="de"))
    assert 'name="subject-de" value="Hello"' in page
    form = fields(language=["en", "de"], subject__de="Hallo", txt__de=BODY, version=version(client))
    client.confirm(PATH, **form)
    folder = client.settings.workflows / "messages" / "hello"
    assert (folder / "body.de.txt").read_text() == f"{BODY}\n"
    assert "translations:\n  de:\n    subject: Hallo\n" in (folder / "message.yml").read_text()
    assert 'name="subject-de"' not in client.post(
        f"{PATH}/languages", **fields(language=["en", "de"], action="remove:de")
    )
    client.confirm(PATH, **fields(version=version(client)))
    assert not (folder / "body.de.txt").exists()
    assert (folder / "message.yml").read_text() == "subject: Hello\n"


def test_a_message_is_saved_as_a_new_template_that_the_workflow_sends(client: Client):
    """The message that others send stays as it is."""
    form = fields(subject__en="Spring", version=version(client), save_as="spring")
    assert client.confirm(PATH, **form) == "/workflows/later"
    folder = client.settings.workflows
    assert (folder / "messages" / "spring" / "message.yml").read_text() == "subject: Spring\n"
    assert (folder / "messages" / "hello" / "message.yml").read_text() == "subject: Hello\n"
    assert "email: spring" in (folder / "later.yml").read_text()


@pytest.mark.parametrize("name", ["../up", "hello", "a/b", ".."])
def test_a_template_needs_a_new_name_that_is_no_path(client: Client, name: str):
    """Nothing outside of messages/ is written, and no message twice."""
    page = client.post(PATH, 422, **fields(version=version(client), save_as=name))
    assert "is not a valid name" in page or "already" in page


def test_the_second_of_two_people_is_told_and_keeps_the_texts(client: Client):
    """The message has changed since the page was loaded."""
    form = fields(subject__en="Mine", version=version(client))
    file = client.settings.workflows / "messages" / "hello" / "message.yml"
    file.write_text("subject: Theirs\n")
    page = client.post(PATH, 409, **form)
    assert "Somebody has changed this file meanwhile" in page
    assert 'name="subject-en" value="Mine"' in page
    assert file.read_text() == "subject: Theirs\n"


def test_an_error_is_not_saved(client: Client):
    """What was written is kept in the form."""
    page = client.post(PATH, 422, **fields(subject__en="{{ wrong }}", version=version(client)))
    assert "Nothing was written" in page and 'value="{{ wrong }}"' in page


def test_a_message_that_is_missing_is_begun(client: Client):
    """The definition names it; the page has the texts of a new one."""
    file = client.settings.workflows / "later.yml"
    file.write_text(file.read_text().replace("email: hello", "email: new-one"))
    page = client.get(PATH)
    assert "which does not exist yet" in page
    form = fields(subject__en="New", version=version(client))
    client.confirm(PATH, **form)
    assert (client.settings.workflows / "messages" / "new-one" / "body.txt").exists()


def test_a_test_email_has_the_texts_of_the_form(client: Client):
    """It goes to the address of the form; nothing is written into the folder."""
    page = client.post(f"{PATH}/test", **fields(subject__en="Draft", to="me@example.org"))
    assert "Sent to me@example.org in en" in page
    (sent,) = (client.settings.outbox).glob("test-*.eml")
    assert "Subject: [Test] Draft" in sent.read_text()
    assert "is not a valid email address" in client.post(f"{PATH}/test", **fields(to="me@@example.org"))


def test_an_application_workflow_has_no_email(client: Client):
    """It accepts applications."""
    file = client.settings.workflows / "later.yml"
    file.write_text(re.sub(r"action:.*", "action: accept application\n", file.read_text(), flags=re.DOTALL))
    assert "sends no email" in client.get(PATH, 400)
