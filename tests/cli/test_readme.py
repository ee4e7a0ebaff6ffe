"""The README and the pages of docs/ are executed: commands, query, error and email are those that a reader gets."""

import json
import re
import shlex
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path

import duckdb
import pytest
import typer
import yaml

from flows.cli.main import app
from flows.settings import CHECKOUT, Settings
from support.cli import environment, partnerflow
from support.definitions import DEFINITION_FILES
from support.fault_injection import all_deliveries, built_state, run

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
PAGES = {
    str(file.relative_to(CHECKOUT)): file.read_text(encoding="utf-8")
    for file in [*CHECKOUT.glob("*.md"), *sorted((CHECKOUT / "docs").glob("*.md"))]
}

CHANGES_NOTHING = {
    "check", "deliveries", "doctor", "explain", "fields", "format", "history", "list", "overlaps", "partner", "preview",
    "report", "templates", "values",
}  # fmt: skip
"""Commands that are run as the pages show them, on a state that other tests read. `simulate` has tests of its own."""


def fenced(page: str = README) -> list[tuple[str, str]]:
    """Return language and text of every fenced block, in the order of the page."""
    found, language, lines = [], None, []
    for line in page.splitlines(keepends=True):
        if not line.startswith("```"):
            lines.append(line)
        elif language is None:
            language, lines = line[3:].strip(), []
        else:
            found.append((language, "".join(lines)))
            language = None
    return found


def blocks(language: str, page: str = README) -> list[str]:
    """Return the fenced blocks of a language."""
    return [text for name, text in fenced(page) if name == language]


def commands(page: str) -> list[tuple[str, ...]]:
    """Return the arguments of each `partnerflow …` that a page shows, in blocks and, unless it is a name, in text."""
    lines = re.findall(r"(?m)^(?: {4,}|\$ )(?:[A-Z_]+=\S+ )*(partnerflow .+)$", page.replace("\\\n", " "))
    lines += re.findall(r"`(partnerflow [^\s`]+\s[^`]+)`", page)
    parts = [part.split(" > ")[0].replace("$(date +%F)", "") for line in lines for part in line.split(" && ")]
    return [tuple(shlex.split(part, comments=True)[1:]) for part in parts if part.startswith("partnerflow ")]


ALL_COMMANDS = sorted({words for page in PAGES.values() for words in commands(page)})


def words(text: str) -> list[list[str]]:
    """Return the words of every line that is not empty, so that spacing does not count."""
    return [line.split() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize(
    "block",
    [block for page in PAGES.values() for block in blocks("console", page)],
    ids=lambda block: block.splitlines()[0],
)
def test_command_of_a_page_prints_what_is_shown(example, block: str):
    """Each `$ partnerflow …` prints the lines below it."""
    settings, _ = example
    command, expected = block.split("\n", 1)
    answer = partnerflow(settings, *shlex.split(command.removeprefix("$ partnerflow ")))
    assert words(answer.stdout) == words(expected)


@pytest.mark.parametrize("words", ALL_COMMANDS, ids=" ".join)
def test_command_of_a_page_exists_with_its_options(words: tuple[str, ...]):
    """Its arguments are parsed; nothing is run."""
    group = typer.main.get_command(app)
    arguments = [word for word in words if word != "--verbose"]
    group.commands[arguments[0]].make_context(arguments[0], arguments[1:])


RUN = [words for words in ALL_COMMANDS if words[0] in CHANGES_NOTHING]


@pytest.mark.parametrize("words", RUN, ids=" ".join)
def test_command_of_a_page_runs_on_the_example(example, tmp_path: Path, words: tuple[str, ...]):
    """As written, also without --as-of: long after the example's hour a note says which hour to use."""
    answer = partnerflow(example[0], *words, cwd=tmp_path)
    assert (answer.code, answer.stderr) == (0, ""), answer
    if words[0] in ("preview", "explain") and "--as-of" not in words:
        text = " ".join(answer.stdout.split())
        assert "The newest data were loaded at 2026-03-20 17:50 UTC" in text
        assert text.endswith("add --as-of 2026-03-20T18:00Z.")


def test_readme_query_returns_what_is_shown(example):
    """The Python block runs in the folder that contains var/."""
    settings, _ = example
    languages = [name for name, _ in fenced()]
    position = languages.index("python")
    code, expected = (text for _, text in fenced()[position : position + 2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.state_dir.parent,
        env=environment(settings),
        capture_output=True,
        text=True,
    )
    assert words(done.stdout) == words(expected), done.stderr


@pytest.mark.parametrize("block", blocks("sql", PAGES["docs/questions.md"]), ids=lambda block: block.split(" FROM ")[0])
def test_queries_of_the_questions_run_on_the_published_file(example, block: str):
    """As written; each query has the columns that its first line names."""
    with duckdb.connect(example[0].published, read_only=True) as connection:
        for query in block.split(";\n"):
            if query.strip():
                assert connection.execute(query).description


def test_readme_email_is_in_the_outbox(example):
    """One email has the shown headers and starts with the shown text."""
    settings, _ = example
    (printed,) = blocks("eml")
    head, text = printed.split("\n\n", 1)
    expected = dict(line.split(": ", 1) for line in head.splitlines())
    emails = [message_from_bytes(file.read_bytes()) for file in settings.outbox.glob("*.eml")]
    (found,) = [email for email in emails if {name: email[name] for name in expected} == expected]
    plain = next(part for part in found.walk() if part.get_content_type() == "text/plain")
    assert plain.get_payload(decode=True).decode().replace("\r\n", "\n").startswith(text.removesuffix("…\n"))


def test_readme_definition_is_the_file():
    """The YAML block is workflows/few-clicks-14.yml."""
    (definition,) = blocks("yaml")
    assert definition == (CHECKOUT / "workflows" / "few-clicks-14.yml").read_text()


def test_readme_error_is_what_check_prints(tmp_path: Path):
    """The definition has `les than` in place of `less than`."""
    (definition,) = blocks("yaml")
    file = tmp_path / "workflows" / "few-clicks-14.yml"
    file.parent.mkdir()
    file.write_text(definition.replace("less than", "les than"))
    answer = partnerflow(Settings(), "check", "workflows/few-clicks-14.yml", cwd=tmp_path)
    printed = next(block for block in blocks("") if "is not valid. [condition]" in block)
    assert answer.stdout.startswith(printed)


def test_generated_tables_are_up_to_date():
    """`python docs/generate.py` would change nothing."""
    sys.path.insert(0, str(CHECKOUT / "docs"))
    from generate import MESSAGES, RAW_TABLES, SCHEMA, schema, with_tables

    assert with_tables(README) == README
    for page in (MESSAGES, RAW_TABLES):
        assert with_tables(page.read_text()) == page.read_text()
    assert schema() == SCHEMA.read_text()


def test_json_schema_rejects_a_misspelled_key():
    """It accepts all example definitions, as `check` does."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json.loads((CHECKOUT / "workflows" / "workflow.schema.json").read_text()))
    for file in DEFINITION_FILES:
        assert validator.is_valid(yaml.safe_load(file.read_text())), file.name
    assert not validator.is_valid(
        {"name": "x", "program": "1", "segmnt": ["Clicks less than 5"], "action": {"email": "m"}}
    )


def test_readme_tells_what_a_run_with_the_contact_policy_does(example, tmp_path: Path):
    """`make run` sends at most one email per partner, in office hours; the README has its numbers and lines."""
    settings = built_state(example[0], tmp_path, workflows=CHECKOUT / "workflows")
    done, found = run(settings), all_deliveries(settings)
    sent = [(one.program_id, one.partner_id) for one in found if (one.action, one.state) == ("email", "sent")]
    assert len(sent) == len(set(sent)) == len(list(settings.outbox.glob("*.eml")))
    assert {program for program, _ in sent} == {"1000"}
    assert f"leaves {len(sent)} emails" in README
    assert f"{sum(one.state == 'pending' for one in found)} more emails wait" in README
    assert (len(list(settings.decisions.glob("*.json"))), "three decisions" in README) == (3, True)
    printed = next(block for block in blocks("") if "wait for the send window" in block)
    rows = [f"{row.workflow_id}: {row.detail}" for row in done.plan.workflows]
    assert [line for line in printed.splitlines() if line not in rows] == []


def test_every_relative_link_exists():
    """This includes the pages at the top of the checkout and in docs/."""
    for page in [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("name", sorted(typer.main.get_command(app).commands))
def test_every_command_has_help_with_an_example(name: str):
    """The help is a sentence, and the example follows it."""
    command = typer.main.get_command(app).commands[name]
    assert command.help.endswith(".")
    assert command.epilog.startswith("Example: partnerflow ")
