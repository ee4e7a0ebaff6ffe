"""Message files: every problem is found before anything is sent, with its place and a hint."""

import json
import re
from pathlib import Path

import pytest
import yaml

from compiler import DefinitionError, PartnerflowError, Problem
from flows.definitions.loader import read_definitions
from flows.messages.liquid.environment import fill, parse
from flows.messages.liquid.tokens import TOKENS, translate
from flows.messages.loader import check_message, check_messages, read_message
from flows.messages.message import Message, message_from
from flows.messages.mime.languages import negotiate_language
from flows.messages.mjml.compile import KNOWN
from flows.messages.variables import LINKS, OF_THE_MESSAGE, VARIABLES, sample
from flows.plan.plan import Recipient
from flows.settings import CHECKOUT, Settings
from support.cli import partnerflow
from support.example_workflows import WORKFLOWS, copy_workflows

OUT = "\n{{ unsubscribe_link }}\n"
SUBJECT = "subject: Hi\n"


def mjml(inside: str, head: str = "") -> str:
    """Return an MJML text with this content in its only column."""
    body = f"<mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body>"
    return f"<mjml>{head}{body}</mjml>"


def folder(tmp_path: Path, files: dict[str, str]) -> Path:
    """Return the folder of a message m with these files."""
    path = tmp_path / "m"
    path.mkdir()
    for name, text in files.items():
        (path / name).write_text(text, encoding="utf-8")
    return path


def found(tmp_path: Path, files: dict[str, str]) -> list[Problem]:
    """Return the problems of a message with these files."""
    return check_message(folder(tmp_path, files))[1]


def valid_message(tmp_path: Path, files: dict[str, str]) -> Message:
    """Return the message of these files, which are valid."""
    return read_message(folder(tmp_path, files))


CASES = yaml.safe_load((CHECKOUT / "tests" / "data" / "messages.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES)
def test_invalid_message_is_a_problem_with_place_and_hint(tmp_path: Path, case: str):
    """The problem has the exact line and column, a code and a hint, and reading the message raises an error."""
    expected = dict(CASES[case])
    code, says, where = expected.pop("code"), expected.pop("says"), (expected.pop("at", None), 1, 1)
    for name, text in expected.items():
        before, mark, _ = text.partition("¦")
        if mark:
            where = (name, before.count("\n") + 1, len(before) - before.rfind("\n"))
    files = {name: text.replace("¦", "") for name, text in expected.items()}
    problems = found(tmp_path, files if "message.yml" in (*files, where[0]) else {"message.yml": SUBJECT, **files})
    places = [
        (Path(one.path).name, one.line, one.column) for one in problems if one.code == code and says in one.message
    ]
    assert places[:1] == [where], problems
    assert all(problem.hint.strip() for problem in problems)
    with pytest.raises(DefinitionError, match=re.escape(says)):
        read_message(tmp_path / "m")


@pytest.mark.parametrize(
    ("inside", "code"),
    [("<b>" * 5_000 + "</b>" * 5_000, "mjml-nesting"), ("<b>" * 5_000, "mjml-nesting"), ("x" * 100_000, "mjml-size"),
     ("<b title='" * 9_000, "mjml"), ("<!--" * 9_000, "mjml"), ("<a " + "b " * 40_000, "mjml")],
    ids=["nested", "unclosed", "long", "quotes", "comments", "attributes"],
)  # fmt: skip
def test_oversized_markup_is_refused_before_it_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str, code: str
):
    """5,000 nested tags would crash the process, so the compiler must never be called."""
    compiled: list[str] = []
    monkeypatch.setattr("flows.messages.mjml.compile.mrml.to_html", lambda text, **_: compiled.append(text))
    files = {"message.yml": SUBJECT, "body.mjml": mjml(f"<mj-text>{inside}</mj-text>")}
    assert code in [problem.code for problem in found(tmp_path, files)]
    assert compiled == []


@pytest.mark.parametrize(
    "text",
    ["{{" * 100_000, "{% raw %}" * 20_000, "{% comment %}" * 10_000, "{% raw %}" + "{% endraw " * 19_000,
     "{% raw" + " " * 150_000, "x" * 300_000, "{% if a" + " " * 150_000 + "%}{% endif %}", "{{ '" * 40_000 + "}}"],
    ids=["outputs", "raws", "comments", "ends", "blanks", "long", "closed blanks", "quotes"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["body.txt", "body.mjml", "message.yml"])
def test_text_that_is_slow_to_search_is_a_problem(tmp_path: Path, text: str, name: str):
    """Each has the cost of its length, not of its square, which would be hours."""
    text = json.dumps({"subject": text, "sender_name": text}) if name == "message.yml" else text
    files = {"message.yml": SUBJECT, "body.txt": "Hi", name: text}
    assert "error" in [problem.severity for problem in found(tmp_path, files)]


@pytest.mark.parametrize("text", ["{{ (1..N) | join: '' }}", "{{ (1..N) | sum }}", "{% assign a = (1..N) | reverse %}",
    "{% if (1..N) contains 'x' %}{% endif %}", "{% case 'x' %}{% when (1..N) %}{% endcase %}", "{{ (1..N) }}",
    "{% assign a = (1..N) %}", "{% for a in (1..N) %}{% endfor %}", "{% tablerow a in (1..N) %}{% endtablerow %}",
    "{% liquid assign a = (1..N) %}", "{% for a in (1..2) limit: (1..N) %}{% endfor %}"])  # fmt: skip
@pytest.mark.parametrize("bound", ["999999999999", "partner.id"])
def test_long_range_is_a_problem(tmp_path: Path, text: str, bound: str):
    """It would take all memory or never end; a bound may be a partner's id. Only a short loop is possible."""
    (problem,) = found(tmp_path, {"message.yml": SUBJECT, "body.txt": text.replace("N", bound) + OUT})
    assert problem.code == "liquid"


@pytest.mark.parametrize(
    "text",
    ["{{ s" + " | append: s" * 3_000 + " | size }}", "{{ 9" + " | times: 99999" * 3_000 + " }}",
     "{{ s | split: ''" + " | concat: a" * 3_000 + " | size }}"],
)  # fmt: skip
def test_chain_of_filters_with_a_long_result_is_refused(text: str):
    """Each filter has a limit; that of the output would come after all of them."""
    long = "x" * 50_000
    with pytest.raises(PartnerflowError, match="the result is too long"):
        fill(parse(text), {"s": long, "a": list(long)})


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<mj-text><!--><script>x()</script>--></mj-text>", "hidden-markup"),
        ("<mj-raw><!---><script>x()</script>--></mj-raw>", "hidden-markup"),
        ("<mj-raw><!--[if mso]><script>x()</script><![endif]--></mj-raw>", "hidden-markup"),
        ("<mj-text><!-- --!><script>x()</script> --></mj-text>", "hidden-markup"),
        ("<mj-text>{% raw %}<script>x()</script>{% endraw %}</mj-text>", "hidden-markup"),
        ("<mj-text><p title='{% raw %}' onclick='x(){% endraw %}'>x</p></mj-text>", "hidden-markup"),
        ("<mj-text>{{ '<script>x()</script>' }}</mj-text>", "hidden-markup"),
        ("<mj-text>{% assign x = '<script>' %}{{ x }}</mj-text>", "hidden-markup"),
        ("<mj-text>{% capture x %}<b>{% endcapture %}{{ x | replace: 'b', 'script' }}</b></mj-text>", "hidden-markup"),
        ("<mj-text><svg><a xlink:href='javascript:x()'>x</a></svg></mj-text>", "stripped-tag"),
        ("<mj-text><img srcset='javascript:x()' src='https://x.example/'/></mj-text>", "stripped-tag"),
        ("<mj-text><button formaction='javascript:x()'>x</button></mj-text>", "stripped-tag"),
        ("<mj-raw><meta http-equiv='refresh' content='0;url=https://x.example/'/></mj-raw>", "stripped-tag"),
        ("<mj-raw><link rel='stylesheet' href='https://x.example/a.css'/></mj-raw>", "stripped-tag"),
        ("<mj-text><video poster='https://x.example/'>x</video></mj-text>", "stripped-tag"),
        ("<mj-navbar base-url='javascript:x()//'><mj-navbar-link href='#a'>x</mj-navbar-link></mj-navbar>", "bad-link"),
        ("<mj-text><table><tr><td background='javascript:x()'>x</td></tr></table></mj-text>", "bad-link"),
        ("<mj-text><p style='background: url(https://x.example/)'>x</p></mj-text>", "remote-style"),
        ("<mj-text><p style='background: &#117;rl (https://x.example/)'>x</p></mj-text>", "remote-style"),
        ("<mj-text><p style='background: \\75rl(https://x.example/)'>x</p></mj-text>", "remote-style"),
        ("<mj-text><p style='width: expression(x())'>x</p></mj-text>", "remote-style"),
        ("<mj-text><p style='color: {{ partner.name }}'>x</p></mj-text>", "remote-style"),
        ("<mj-text color='{{ partner.name }}'>x</mj-text>", "remote-style"),
        ("<mj-text color='red; background: url(https://x.example/)'>x</mj-text>", "remote-style"),
        ("<mj-raw><style>@import 'https://x.example/a.css';</style></mj-raw>", "remote-style"),
    ],
)  # fmt: skip
def test_executable_or_remote_markup_is_a_problem(tmp_path: Path, inside: str, code: str):
    """However it is hidden: in comments, Liquid, character references or attributes of MJML."""
    problems = found(tmp_path, {"message.yml": SUBJECT, "body.mjml": mjml(inside + f"<mj-text>{OUT}</mj-text>")})
    assert code in [problem.code for problem in problems]


@pytest.mark.parametrize(
    "head",
    ["<mj-style>@import url(https://x.example/a.css);</mj-style>",
     "<mj-style>p { color: {{ partner.name }} }</mj-style>",
     "<mj-font name='a' href='https://x.example/a.css' />",
     "<mj-attributes><mj-all color='red; background: url(https://x.example/)' /></mj-attributes>"],
)  # fmt: skip
def test_remote_style_in_the_head_is_a_problem(tmp_path: Path, head: str):
    """A font is one too."""
    body = mjml(f"<mj-text>{OUT}</mj-text>", f"<mj-head>{head}</mj-head>")
    (problem,) = found(tmp_path, {"message.yml": SUBJECT, "body.mjml": body})
    assert problem.code == "remote-style"


def test_plain_styles_comments_and_images_pass(tmp_path: Path):
    """A comment may contain markup that no program reads."""
    head = "<mj-head><mj-style>p > b { color: red } /* plain */</mj-style></mj-head>"
    inside = (
        "<!-- <mj-text>Not yet</mj-text> --><mj-image src='https://x.example/a.png' alt='{{ partner.name }}' />"
        "<mj-text color='#333' font-size='12px'><p style='color: red' title='{{ partner.name }}'>a &lt; b</p>"
        "{% if partner.name == 'a' %}x{% endif %}{% raw %}{firstName}{% endraw %}</mj-text>"
    )
    body = mjml(inside + f"<mj-text>{OUT}</mj-text>", head)
    assert found(tmp_path, {"message.yml": SUBJECT, "body.mjml": body}) == []


@pytest.mark.parametrize("quoted", ["“you”", "‘you’"])
def test_liquid_with_typographic_quotes_asks_for_straight_ones(tmp_path: Path, quoted: str):
    """The place is that of the quote."""
    body = f"Hi {{{{ contact.first_name | default: {quoted} }}}}{OUT}"
    (problem,) = found(tmp_path, {"message.yml": SUBJECT, "body.txt": body})
    assert (problem.code, problem.column) == ("liquid", body.index(quoted) + 1)
    assert problem.hint.startswith("Liquid needs straight quotes")


def test_file_that_is_not_utf_8_is_a_problem(tmp_path: Path):
    """The problem is at the line of the first invalid byte."""
    path = folder(tmp_path, {"message.yml": SUBJECT})
    (path / "body.txt").write_bytes(b"Hello\nf\xfcr dich\n")
    (problem,) = check_message(path)[1]
    assert (problem.line, problem.message) == (2, "This is not UTF-8 text.")


def test_misspelled_variable_suggests_the_nearest(tmp_path: Path):
    """The problem has a caret under the variable."""
    (problem,) = found(tmp_path, {"message.yml": SUBJECT, "body.txt": "Hi {{ partner.nmae }}" + OUT})
    assert problem.hint.startswith("Did you mean partner.name?")
    assert str(problem).splitlines()[1:3] == ["  Hi {{ partner.nmae }}", "        ^"]


def test_all_problems_are_found_at_once(tmp_path: Path):
    """They are found in all files and languages."""
    problems = found(
        tmp_path,
        {
            "message.yml": 'subject: "{{ a }}"\nreply_to: x\ntranslations:\n  de: {subject: "{{ b }}"}\n',
            "body.txt": "{{ c }}{{ d }}" + OUT,
            "body.de.mjml": mjml("<mj-txt>x</mj-txt><mj-button href='x'>y</mj-button>"),
        },
    )
    codes = sorted(problem.code for problem in problems if problem.severity == "error")
    assert codes == ["address", "bad-link", *["unknown-mjml-tag"], *["unknown-variable"] * 4]


def test_warnings_do_not_stop_a_message(tmp_path: Path):
    """A name that may be empty, and a missing unsubscribe link, are warnings."""
    path = folder(tmp_path, {"message.yml": SUBJECT, "body.txt": "Hi {{ contact.first_name }},"})
    message, problems = check_message(path)
    assert [(problem.code, problem.severity) for problem in problems] == [
        ("no-unsubscribe-link", "warning"), ("may-be-empty", "warning"),
    ]  # fmt: skip
    assert message.render(sample(True), "en").text == "Hi ,\n"


@pytest.mark.parametrize(
    "text",
    ["{{ contact.first_name | default: 'you' }}", "{firstName}", "{{ partner.name }}",
     "{% if contact.first_name %}{{ contact.first_name }}{% endif %}"],
)  # fmt: skip
def test_optional_variable_with_default_or_condition_passes(tmp_path: Path, text: str):
    """A variable that is never empty passes too."""
    assert found(tmp_path, {"message.yml": SUBJECT, "body.txt": text + OUT}) == []


def test_platform_tokens_are_translated_to_liquid():
    """They are case-sensitive, Liquid stays unchanged, and an empty first name becomes the partner's name."""
    text = "{firstName} {lastName} {mpid} {mpname} {currentDay} {currentTime}"
    values = sample(omit_optional=True)
    assert fill(parse(translate(text).text), values) == (
        "Sample Partner Sample Partner 21004711 Sample Partner March 20, 2026 2:00 PM"
    )
    assert translate("{% raw %}{mpid}{% endraw %}{{ '{mpid}' }}").text == "{% raw %}{mpid}{% endraw %}{{ '{mpid}' }}"
    assert translate("{MPID} {coupon}").unknown == ((0, "{MPID}"), (7, "{coupon}"))


@pytest.mark.parametrize("text", ["{mpid}", "a{mpid}b", "{mpid}{mpname}", "x {firstName}, y\n{mpid} z", ""])
def test_positions_refer_to_the_original_text(text: str):
    """Text outside tokens keeps its position; a position in translated Liquid is one in its token."""
    found = translate(text)
    for index, letter in enumerate(found.text):
        origin = found.origin(index)
        assert 0 <= origin < len(text)
        inside = any(text.find(token, max(0, origin - len(token) + 1), origin + len(token)) >= 0 for token in TOKENS)
        assert inside or text[origin] == letter


def test_liquid_passes_through_mjml_unchanged(tmp_path: Path):
    """It may be in texts, in attributes with either quotes, in raw blocks around columns, and in a quoted default."""
    message = valid_message(tmp_path, {
        "message.yml": "subject: Hi\nsign_up_link: 'https://x.example/?p={{ partner.id }}&q=1'\n",
        "body.mjml": mjml(
            "<mj-raw>{% if partner.name == 'Sample Partner' %}</mj-raw>"
            '<mj-text><p title="{{ contact.first_name | default: "you" }}">Hi {firstName} &amp; co</p></mj-text>'
            "<mj-raw>{% else %}</mj-raw><mj-text>Nobody</mj-text><mj-raw>{% endif %}</mj-raw>"
            '<mj-button href="{{ sign_up_link }}">Join my program</mj-button>'
            "<mj-text>{{ unsubscribe_link }}</mj-text>"),
    })  # fmt: skip
    context = sample(omit_optional=True)
    written = message.render(context, "en")
    assert '<p title="you">Hi Sample Partner &amp; co</p>' in written.html
    assert 'href="https://x.example/?p=21004711&amp;q=1"' in written.html
    assert "Nobody" not in written.html and "Nobody" not in written.text
    assert written.text == (
        "Hi Sample Partner & co\n\nJoin my program: https://x.example/?p=21004711&q=1\n\nhttps://example.com/u/token\n"
    )
    context["partner"]["name"] = "<script>&"
    again = message.render(context, "en")
    assert "Nobody" in again.html and "Nobody" in again.text and "<script>" not in again.html


def test_no_filter_lets_a_name_be_markup():
    """Each filter is applied to names with markup, with several arguments and further filters."""
    names = ["<b onload='x'>&\"", "%3Cb%3E", "PGI+", "&lt;b&gt;", "<b>,<i>"]
    arguments = ["", ": '1'", ": ','", ": '<', '&lt;'", ": partner.name", ": 3", ": '&lt;', '<'"]
    environment = parse("", html=True).env
    tried = 0
    for name in names:
        context = sample(False) | {"partner": {"name": name}}
        for filter_name in environment.filters:
            for argument in arguments:
                for then in ("", " | join: partner.name", " | url_decode", " | first"):
                    text = "[{{ partner.name | " + filter_name + argument + then + " }}]"
                    try:
                        shown = fill(parse(text, html=True), context)
                    except PartnerflowError:
                        continue
                    tried += 1
                    wrote_markup = "<" in argument
                    allowed = shown.replace("<br />", "") if filter_name == "newline_to_br" else shown
                    assert wrote_markup or "<" not in allowed, f"{text} of {name!r} is {shown!r}"
    assert tried > 2_000


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("de-AT", "de-AT"), ("de-CH", "de"), ("de", "de"), ("DE_ch", "de"), ("de-at-1996", "de-AT"),
     ("zh-Hant-TW", "zh-Hant"), ("zh", "en"), ("fr", "en"),
     ("", "en"), (None, "en"), ("d", "en"), ("-", "en"), ("den", "en")],
)  # fmt: skip
def test_closest_available_language_is_chosen(wanted: str | None, expected: str):
    """The choice is the tag itself, else the tag without its last subtags, else the default."""
    assert negotiate_language(wanted, ["en", "de", "de-AT", "zh-Hant"], "en") == expected


def test_translation_has_its_own_subject_text_and_link(tmp_path: Path):
    """A translation that lacks a key uses that of the message."""
    message = valid_message(tmp_path, {
        "message.yml": "subject: Hello\nsign_up_link: https://x.example/en\ntranslations:\n  de:\n    subject: Hallo\n"
                       "    sign_up_link: https://x.example/de\n  fr: {subject: Bonjour}\n",
        "body.txt": "{{ sign_up_link }}" + OUT, "body.de.txt": "DE {{ sign_up_link }}" + OUT,
        "body.fr.txt": "FR {{ sign_up_link }}" + OUT,
    })  # fmt: skip
    written = [message.render(sample(False), message.language_for(wanted)) for wanted in ("xx", "de-AT", "fr")]
    assert [one.subject for one in written] == ["Hello", "Hallo", "Bonjour"]
    assert [one.text.split("\n")[0] for one in written] == [
        "https://x.example/en", "DE https://x.example/de", "FR https://x.example/en",
    ]  # fmt: skip


def test_version_depends_on_content_only(tmp_path: Path):
    """It is the same after a round trip through JSON, and differs when any letter does."""
    files = {"message.yml": SUBJECT, "body.txt": "Hi" + OUT}
    message = valid_message(tmp_path, files)
    again = message_from(json.loads(json.dumps(message.content)))
    assert (again.version, again.content) == (message.version, message.content)
    (tmp_path / "m" / "body.txt").write_text("Hj" + OUT)
    assert read_message(tmp_path / "m").version != message.version
    assert len(message.version) == 64


def test_recipient_context_has_every_variable():
    """Each variable is stored with the delivery or added by rendering."""
    recipient = Recipient("w", "W", "1", None, "7", None, "a@b.example", None, None, None, "UTC")
    context = recipient.context()
    added = {"today.date", "today.time", *OF_THE_MESSAGE, *LINKS}
    for variable in VARIABLES:
        group, _, name = variable.name.partition(".")
        assert variable.name in added or name in context[group]
        assert variable.may_be_empty or variable.name in added or context[group][name] is not None


def test_check_reports_messages_with_the_definitions(tmp_path: Path):
    """The problems have the documented keys. A workflow whose message has an error is broken."""
    workflows = tmp_path / "workflows"
    copy_workflows(workflows)
    (workflows / "messages" / "few-clicks" / "body.mjml").write_text("<mj-text>Hello {{ partner.nmae }}</mj-text>")
    state = Settings(state_dir=tmp_path / "var", workflows=workflows)
    answer = partnerflow(state, "check", "--json")
    assert answer.code == 1
    (problem,) = answer.json()["problems"]
    assert list(problem) == ["path", "line", "column", "code", "severity", "message", "hint"]
    assert (Path(problem["path"]).parts[-2:], problem["line"], problem["column"]) == (
        ("few-clicks", "body.mjml"),
        1,
        19,
    )
    checked = check_messages(read_definitions(state), state)
    assert sorted(checked.broken) == ["few-clicks-14", "few-clicks-30", "few-clicks-60"]
    assert len(checked.workflows) == 13


@pytest.mark.parametrize("only_used", [True, False])
def test_check_messages_with_only_used_skips_other_messages(tmp_path: Path, only_used: bool):
    """Checking one definition file must not report a message that it does not use."""
    workflows = tmp_path / "workflows"
    copy_workflows(workflows)
    (workflows / "messages" / "few-clicks" / "body.mjml").write_text("<mj-text>Hello {{ partner.nmae }}</mj-text>")
    state = Settings(state_dir=tmp_path / "var", workflows=workflows)
    definitions = read_definitions(state, [workflows / "welcome.yml"])
    checked = check_messages(definitions, state, only_used)
    assert [problem.code for problem in checked.problems] == ([] if only_used else ["unknown-variable"])
    assert [workflow.id for workflow in checked.workflows] == ["welcome"]


def test_example_messages_have_no_problems():
    """There are no warnings either."""
    state = Settings(workflows=WORKFLOWS)
    assert check_messages(read_definitions(state), state).problems == ()
    assert "mj-text" in KNOWN


def test_problem_looks_as_in_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """docs/messages.md shows the output of `check` for a typo in first-action."""
    copy_workflows(tmp_path / "workflows")
    monkeypatch.chdir(tmp_path)
    path = Path("workflows/messages/first-action")
    text = (path / "body.mjml").read_text().replace("contact.first_name | default: partner.name", "partner.nmae")
    (path / "body.mjml").write_text(text)
    (problem,) = check_message(path)[1]
    page = (CHECKOUT / "docs" / "messages.md").read_text()
    printed = next(block for block in page.split("```") if "partner.nmae is undefined" in block).strip()
    assert str(problem).startswith(printed.removesuffix("…").rstrip())
