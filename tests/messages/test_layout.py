"""The layout around the bodies of messages, and the emails of the example account and of the templates."""

import html
import re
import shutil
from pathlib import Path

import pytest

from compiler import Problem
from flows.definitions.loader import read_definitions
from flows.definitions.scaffold.templates import LIBRARY
from flows.messages.layout import BUILT_IN
from flows.messages.loader import check_message, check_messages, read_message
from flows.messages.message import RenderedContent, message_from
from flows.messages.variables import sample
from flows.plan.messages_used import read_messages
from flows.settings import CHECKOUT, Settings
from support.cli import partnerflow

LAYOUT = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ program.name }}</mj-text>
{{ content }}
<mj-divider />
<mj-text>{% if reason %}{{ reason }}{% else %}You are a partner.{% endif %}
<a href="{{ unsubscribe_link }}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""
BODY = "<mj-text><p>Hello {firstName},</p></mj-text>\n"
TOKEN = "https://mail.example.com/u/5f2c.a-signature"
WORDS = {"en": "Unsubscribe", "de": "Abbestellen"}
FOLDERS = sorted(
    file.parent
    for file in [*(CHECKOUT / "workflows").glob("messages/*/message.yml"), *LIBRARY.glob("*/messages/*/message.yml")]
)


def write(tmp_path: Path, files: dict[str, str], layouts: dict[str, str]) -> Path:
    """Return the folder of a message with these files, beside these layouts."""
    folder = tmp_path / "messages" / "m"
    folder.mkdir(parents=True)
    for name, text in ({"message.yml": "subject: Hi\n"} | files).items():
        (folder / name).write_text(text)
    for name, text in layouts.items():
        (folder.parent / name).write_text(text)
    return folder


def places(problems: list[Problem]) -> list[tuple[str, str, int, int]]:
    """Return code, file name, line and column of problems."""
    return [(one.code, Path(one.path).name, one.line, one.column) for one in problems]


def render(folder: Path, language: str) -> RenderedContent:
    """Return a message for a sample partner of a program that has a postal address."""
    context = sample(omit_optional=False) | {"unsubscribe_link": TOKEN}
    return read_message(folder).render(context, language)


def test_body_without_mjml_goes_into_the_layout(tmp_path: Path):
    """HTML and text have header, body and footer; URLs and paragraphs end their lines."""
    folder = write(tmp_path, {"body.mjml": BODY}, {"layout.mjml": LAYOUT})
    assert check_message(folder)[1] == []
    content = render(folder, "en")
    assert content.text == f"Sample Program\n\nHello Sam,\n\n---\n\nYou are a partner. Unsubscribe: {TOKEN}\n"
    assert re.findall("Sample Program|Hello Sam|You are a partner|Unsubscribe<", content.html) == [
        "Sample Program", "Hello Sam", "You are a partner", "Unsubscribe<",
    ]  # fmt: skip


def test_message_in_a_folder_without_a_layout_has_the_built_in_one(tmp_path: Path):
    """So a message that is copied into another folder on its own stays valid."""
    message, problems = check_message(write(tmp_path, {"body.mjml": BODY}, {}))
    assert [one.code for one in problems if one.severity == "error"] == []
    assert message is not None


def test_text_of_its_own_goes_into_the_text_of_the_layout(tmp_path: Path):
    """A body.txt beside the MJML replaces the derived text between header and footer, which have the reason given."""
    files = {"message.yml": "subject: Hi\nreason: Because of {{ partner.name }}.\n", "body.mjml": BODY}
    folder = write(tmp_path, files | {"body.txt": "\nOwn\n  text\n"}, {"layout.mjml": LAYOUT})
    assert check_message(folder)[1] == []
    expected = f"Sample Program\n\nOwn\n  text\n\n---\n\nBecause of Sample Partner. Unsubscribe: {TOKEN}\n"
    assert render(folder, "en").text == expected


def test_whole_document_and_text_alone_have_no_layout(tmp_path: Path):
    """So a message can opt out, and a new layout changes no message that was complete without it."""
    document = LAYOUT.replace("{{ content }}", "<mj-text>Whole</mj-text>").replace("{{ program.name }}", "Own")
    folder = write(tmp_path, {"body.mjml": document}, {"layout.mjml": LAYOUT})
    assert "Sample Program" not in render(folder, "en").html
    (folder / "body.mjml").unlink()
    (folder / "body.txt").write_text("Alone: {{ unsubscribe_link }}")
    assert render(folder, "en").text == f"Alone: {TOKEN}\n"


@pytest.mark.parametrize(
    ("body", "layout", "place"),
    [
        (f"{BODY}<mj-text>\n<p>{{{{ partner.nmae }}}}</p></mj-text>", LAYOUT, ("unknown-variable", "body.mjml", 3, 7)),
        (f"{BODY}<mj-txt></mj-txt>", LAYOUT, ("unknown-mjml-tag", "body.mjml", 2, 1)),
        (f"{BODY}<mj-section></mj-section>", LAYOUT, ("misplaced", "body.mjml", 2, 1)),
        (BODY, LAYOUT.replace("<mj-divider />", "{mpname}"), ("misplaced", "layout.mjml", 4, 1)),
        (BODY, LAYOUT.replace("<mj-divider />", "<mj-dvider />"), ("unknown-mjml-tag", "layout.mjml", 4, 1)),
        (BODY, LAYOUT.replace("{{ program.name }}", "{mpname}<mj-x/>"), ("unknown-mjml-tag", "layout.mjml", 2, 18)),
        (BODY, LAYOUT.replace("program.name", "program.nam"), ("unknown-variable", "layout.mjml", 2, 13)),
        (BODY, LAYOUT.replace("{{ content }}", ""), ("layout", "layout.mjml", 1, 1)),
        (BODY, LAYOUT.replace("<mj-divider />", "{{ content }}"), ("layout", "layout.mjml", 4, 1)),
    ],
)  # fmt: skip
def test_problem_is_at_its_place_in_body_or_layout(tmp_path: Path, body: str, layout: str, place: tuple):
    """Also behind the body, and behind a token of the platform, which is longer as Liquid."""
    message, problems = check_message(write(tmp_path, {"body.mjml": body}, {"layout.mjml": layout}))
    assert message is None
    assert places(problems)[:1] == [place]


def test_layout_in_the_language_of_the_body_is_used(tmp_path: Path):
    """A translation in another language's layout is a warning; a regional language has that of its language."""
    translations = "".join(f"  {tag}: {{subject: Hi}}\n" for tag in ("de-AT", "fr"))
    files = {f"body{tag}.mjml": BODY for tag in ("", ".de-AT", ".fr")}
    files["message.yml"] = f"subject: Hi\ntranslations:\n{translations}"
    german = LAYOUT.replace("Unsubscribe", "Abbestellen")
    folder = write(tmp_path, files, {"layout.mjml": LAYOUT, "layout.de.mjml": german})
    found = {tag: re.findall("Unsubscribe|Abbestellen", render(folder, tag).html) for tag in ("en", "de-AT", "fr")}
    assert found == {"en": ["Unsubscribe"], "de-AT": ["Abbestellen"], "fr": ["Unsubscribe"]}
    assert places(check_message(folder)[1]) == [("layout-language", "body.fr.mjml", 1, 1)]


def test_layout_without_unsubscribe_link_is_a_warning(tmp_path: Path):
    """Unless the body has one."""
    layout = LAYOUT.replace("{{ unsubscribe_link }}", "https://x.example")
    folder = write(tmp_path, {"body.mjml": BODY}, {"layout.mjml": layout})
    assert places(check_message(folder)[1]) == [("no-unsubscribe-link", "body.mjml", 1, 1)]
    (folder / "body.mjml").write_text(BODY.replace("Hello", '<a href="{{ unsubscribe_link }}">Stop</a>'))
    assert check_message(folder)[1] == []


def test_subject_preview_and_reason_cannot_use_one_another(tmp_path: Path):
    """Each would have to be rendered before the others."""
    files = {"message.yml": "subject: '{{ preview }}'\npreview: '{{ reason }}'\n", "body.mjml": BODY}
    _, problems = check_message(write(tmp_path, files, {"layout.mjml": LAYOUT}))
    assert [code for code, *_ in places(problems)] == ["unknown-variable", "unknown-variable"]


def test_stored_message_of_format_1_is_rendered():
    """Deliveries claimed before there were previews and reasons have it."""
    parts = {"subject": "Hi", "text": "Hi", "html": None, "sign_up_link": None}
    keys = {"sender_name": None, "reply_to": None, "cc": None, "bcc": None}
    message = message_from({"format": 1, "language": "en", "languages": {"en": parts}} | keys)
    assert message.render(sample(omit_optional=False), "en").text == "Hi\n"


def test_layout_of_the_templates_is_that_of_the_example():
    """There is one, which the drafts of `new` come with."""
    assert BUILT_IN.read_text() == (CHECKOUT / "workflows" / "messages" / "layout.mjml").read_text()


def shown(markup: str) -> str:
    """Return the visible text of HTML, as one line."""
    text = re.sub(r"(?s)<head>.*?</head>|<!--.*?-->|<div style=\"display:none.*?</div>", " ", markup)
    text = re.sub("<[^>]*>", " ", re.sub("</?a[^>]*>", "", text))
    return " ".join(html.unescape(text).split())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_email_has_header_heading_footer_and_dark_mode(tmp_path: Path, folder: Path):
    """Its text says the same, without hard line breaks; no URL is in sight, and a long one ends its line."""
    if LIBRARY in folder.parents:
        shutil.copy(BUILT_IN, tmp_path)
        folder = Path(shutil.copytree(folder, tmp_path / folder.name))
    for language in read_message(folder).content["languages"]:
        content = render(folder, language)
        visible = shown(content.html)
        assert visible.startswith("Sample Program ") and content.html.count("<h1>") == 1
        assert visible.endswith(f"Sample Program, 12 Sample Street, Sampleton {WORDS[language]}")
        assert f'<a href="{TOKEN}">{WORDS[language]}</a>' in content.html
        assert "://" not in visible and "5f2c" not in visible
        assert "@media (prefers-color-scheme: dark)" in content.html and f'<html lang="{language}"' in content.html
        tables = re.findall(r"<table[^>]*>", re.sub(r"(?s)<!--.*?-->", "", content.html))
        assert tables and all('role="presentation"' in table for table in tables)
        assert content.text.endswith(f"\n{WORDS[language]}: {TOKEN}\n")
        without_urls = re.sub(r": https?://\S+$| \(https?://[^)]*\)|^---$|^(\d+\.|-) ", "", content.text, flags=re.M)
        assert without_urls.split() == visible.split()
        paragraphs = [line for line in content.text.split("\n") if len(line) > 76]
        assert all(re.search(r"^- |[.?!:,]$|https?://\S+$", line) for line in paragraphs)


def test_active_workflow_without_postal_address_is_a_warning(tmp_path: Path):
    """One per program, of active email workflows; they are sent."""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    settings = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    file = settings.workflows / "programs.yml"
    file.write_text('"2000": {postal_address: 48 Mercer Lane}\n')
    found = check_messages(read_definitions(settings), settings)
    assert [(one.code, one.severity) for one in found.problems] == [("no-postal-address", "warning")]
    assert "Program 1000 has no postal address" in found.problems[0].message
    assert read_messages(settings, found).unusable == {}
    for definition in settings.workflows.glob("*.yml"):
        definition.write_text(definition.read_text().replace("status: active", "status: draft"))
    assert check_messages(read_definitions(settings), settings).problems == ()


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("- 1000\n", 1, "not a mapping"),
        ('"1000": {}\n', 1, "postal_address of program 1000 is not valid"),
        ('"1000":\n  postal_adress: x\n', 2, "postal_address of program 1000"),
        ('"1000":\n  postal_address: "  "\n', 2, "postal_address of program 1000"),
        ('"1000":\n  postal_address: 7\n', 2, "postal_address of program 1000"),
        ('"1000": Main Street\n', 1, "the program of program 1000"),
    ],
)
def test_invalid_programs_file_breaks_the_email_workflows(tmp_path: Path, text: str, line: int, says: str):
    """The problem has its place; the application workflow goes on."""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    settings = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    (settings.workflows / "programs.yml").write_text(text)
    definitions = read_definitions(settings)
    assert [one.id for one in definitions.workflows] == ["accept-applications"]
    assert (Path(definitions.problems[0].path).name, definitions.problems[0].line) == ("programs.yml", line)
    assert says in definitions.problems[0].message
    assert partnerflow(settings, "check").code == 1
