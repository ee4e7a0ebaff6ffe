"""What a scaffold wrote for the author to replace is never sent."""

from pathlib import Path

import pytest

from flows.definitions.loader import read_definitions
from flows.definitions.scaffold.create import WorkflowRequest, from_scratch, from_template
from flows.definitions.scaffold.templates import templates
from flows.messages.loader import check_message, check_messages
from flows.plan.messages_used import read_messages
from flows.settings import CHECKOUT, Settings
from support.cli import partnerflow


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """An empty folder of workflows, without a state."""
    (tmp_path / "workflows").mkdir()
    return Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")


def activate(settings: Settings, *names: str) -> None:
    """Set `status: active` in definitions; in all of them without names."""
    for file in settings.workflows.glob("*.yml"):
        if not names or file.stem in names:
            file.write_text(file.read_text().replace("status: draft", "status: active"))


def codes(settings: Settings, severity: str) -> set[str]:
    """Return the codes of the problems of a severity that `check` finds in the messages."""
    problems = check_messages(read_definitions(settings), settings).problems
    return {one.code for one in problems if one.severity == severity}


def unusable(settings: Settings) -> dict[str, str]:
    """Return the workflows whose messages a run does not send, with the errors."""
    return dict(read_messages(settings, read_definitions(settings)).unusable)


@pytest.mark.parametrize("template_id", [one.id for one in templates() if one.id != "unlock-the-power-of-top-creators"])
def test_unchanged_template_is_a_warning_as_draft_and_an_error_when_active(own: Settings, template_id: str):
    """Each of its emails is in error, in `check` and in a run; the application workflow is not."""
    from_template(own, template_id, "1000", {"term": "Gold"} if template_id.startswith("automate") else {})
    assert codes(own, "error") == set()
    assert "scaffold-text" in codes(own, "warning")
    activate(own)
    emails = {one.id for one in read_definitions(own).active if one.id != "prospecting-accept"}
    assert unusable(own).keys() == emails
    assert check_messages(read_definitions(own), own).broken.keys() == emails
    assert "scaffold-text" in codes(own, "error")
    assert "scaffold-text" not in codes(own, "warning")


def test_edited_template_is_sent(own: Settings):
    """One sentence of one's own and a link of one's own are enough; white space does not count."""
    from_template(own, "celebrate-a-first-sale", "1000", {})
    activate(own)
    body = own.workflows / "messages" / "first-sale" / "body.mjml"
    body.write_text("\n" + body.read_text().replace("\n", "\n\n"))
    assert codes(own, "error") == {"scaffold-text", "example-link"}
    body.write_text(body.read_text().replace("Well done", "Chapeau"))
    assert codes(own, "error") == {"example-link"}
    body.write_text(body.read_text().replace("example.com", "shop.test"))
    assert (codes(own, "error"), unusable(own)) == (set(), {})


def test_line_of_a_new_message_is_an_error_when_active(own: Settings):
    """The problem is at the line that the author is to replace."""
    from_scratch(own, WorkflowRequest("Quiet", "1000", "help", ("Relationship Stage is any of Joined",)))
    activate(own)
    (own.workflows / "programs.yml").write_text('"1000": {postal_address: 1 Main Street}\n')
    problems = check_messages(read_definitions(own), own).problems
    assert [(one.code, one.severity, one.line) for one in problems] == [
        ("scaffold-text", "error", 2), ("scaffold-text", "error", 4),
    ]  # fmt: skip
    assert "Replace it" in unusable(own)["quiet"]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://example.com/a and HTTP://www.Example.org.", ["https://example.com", "HTTP://www.Example.org"]),
        ("mailto:us@mail.example.net", ["mailto:us@mail.example.net"]),
        ("https://example.com.shop.test https://myexample.com https://example.community us@example.com", []),
    ],
)
def test_links_to_example_domains_are_found(tmp_path: Path, text: str, links: list[str]):
    """The domains of RFC 2606 and their subdomains are found, and no others; nor an address in the text."""
    (tmp_path / "message.yml").write_text("subject: Hello\n")
    (tmp_path / "body.txt").write_text(f"{text}\n{{{{ unsubscribe_link }}}}\n")
    message, problems = check_message(tmp_path)
    assert [one.message.removesuffix(" is not a link of yours.") for one in problems] == links
    assert message is not None


def test_example_link_in_markup_and_sign_up_link_is_found(tmp_path: Path):
    """Each problem is at its link."""
    (tmp_path / "message.yml").write_text("subject: Hello\nsign_up_link: https://example.com/apply\n")
    (tmp_path / "body.mjml").write_text(
        "<mjml><mj-body><mj-section><mj-column>\n"
        '<mj-button href="https://example.com/x">Go</mj-button>\n'
        '<mj-text><a href="{{ unsubscribe_link }}">Unsubscribe</a></mj-text>\n'
        "</mj-column></mj-section></mj-body></mjml>\n"
    )
    _, problems = check_message(tmp_path)
    assert {(Path(one.path).name, one.line, one.code) for one in problems} == {
        ("message.yml", 2, "example-link"), ("body.mjml", 2, "example-link"),
    }  # fmt: skip


def test_message_of_a_draft_and_an_active_workflow_is_reported_once(own: Settings):
    """It is an error of the active workflow, and the draft stays valid."""
    from_template(own, "celebrate-a-first-sale", "1000", {})
    (own.workflows / "other.yml").write_text((own.workflows / "first-sale.yml").read_text())
    activate(own, "first-sale")
    (own.workflows / "programs.yml").write_text('"1000": {postal_address: 1 Main Street}\n')
    found = check_messages(read_definitions(own), own)
    assert [one.severity for one in found.problems] == ["error", "error"]
    assert (list(found.broken), [one.id for one in found.workflows]) == (["first-sale"], ["other"])


def test_example_account_is_valid_without_a_mail_server_only(tmp_path: Path):
    """With one, the default sender is one error, of every email workflow; the application workflow stays valid."""
    settings = Settings(state_dir=tmp_path, workflows=CHECKOUT / "workflows")
    assert check_messages(read_definitions(settings), settings).problems == ()
    sending = settings.model_copy(update={"smtp_host": "mail.test"})
    found = check_messages(read_definitions(sending), sending)
    assert [(one.path, one.code, one.severity) for one in found.problems] == [("settings", "default-sender", "error")]
    assert [one.id for one in found.workflows] == ["accept-applications"]
    assert len(unusable(sending)) == 15
    own_sender = sending.model_copy(update={"sender_address": "us@shop.test"})
    assert unusable(own_sender) == {}


def test_kickstart_emails_have_one_language(own: Settings):
    """A translation is an error at its place, in `check` and in a run; another template may have translations."""
    for template_id in ("welcome-and-kickstart", "celebrate-a-first-sale"):
        from_template(own, template_id, "1000", {}, "a-")
    for name in ("a-kickstart-assets", "a-first-sale"):
        folder = own.workflows / "messages" / name
        (folder / "body.de.txt").write_text("Hallo\n{{ unsubscribe_link }}\n")
        with (folder / "message.yml").open("a") as file:
            file.write("translations:\n  de:\n    subject: Hallo\n")
    answer = partnerflow(own, "check", "--json")
    errors = [one for one in answer.json()["problems"] if one["severity"] == "error"]
    assert [(Path(one["path"]).parent.name, one["line"], one["code"]) for one in errors] == [
        ("a-kickstart-assets", 4, "languages")
    ]
    assert "can only be sent in 1 language" in errors[0]["message"]
    activate(own)
    assert "can only be sent in 1 language" in unusable(own)["a-kickstart-assets"]
