"""The README is executed: its commands, its query and its email are what a reader gets."""

import json
import re
import shlex
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path

import pytest
import typer
import yaml

from flows.cli.main import app
from flows.settings import CHECKOUT, Settings
from support.cli import environment, partnerflow

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def fenced() -> list[tuple[str, str]]:
    """Every fenced block, as its language and its text, in the order of the page."""
    found, language, lines = [], None, []
    for line in README.splitlines(keepends=True):
        if not line.startswith("```"):
            lines.append(line)
        elif language is None:
            language, lines = line[3:].strip(), []
        else:
            found.append((language, "".join(lines)))
            language = None
    return found


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [text for name, text in fenced() if name == language]


def words(text: str) -> list[list[str]]:
    """The lines that say something, without regard to how a table is spaced."""
    return [line.split() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block.splitlines()[0])
def test_a_command_answers_as_printed(example, block: str):
    """Each `$ partnerflow …` gives the lines below it."""
    settings, _ = example
    command, expected = block.split("\n", 1)
    answer = partnerflow(settings, *shlex.split(command.removeprefix("$ partnerflow ")))
    assert words(answer.stdout) == words(expected)


def test_the_query_answers_as_printed(example):
    """The Python block, in the folder in which var/ is."""
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


def test_the_email_is_in_the_outbox(example):
    """Its headers and the beginning of its text."""
    settings, _ = example
    (printed,) = blocks("eml")
    head, text = printed.split("\n\n", 1)
    expected = dict(line.split(": ", 1) for line in head.splitlines())
    emails = [message_from_bytes(file.read_bytes()) for file in settings.outbox.glob("*.eml")]
    (found,) = [email for email in emails if {name: email[name] for name in expected} == expected]
    assert found.get_payload(decode=True).decode().replace("\r\n", "\n").startswith(text.removesuffix("…\n"))


def test_the_definition_is_the_file():
    """And the wrong one is told what is printed."""
    (definition,) = blocks("yaml")
    assert definition == (CHECKOUT / "workflows" / "few-clicks-14.yml").read_text()


def test_a_wrong_definition_is_told_what_is_printed(tmp_path: Path):
    """`les than` in place of `less than`."""
    (definition,) = blocks("yaml")
    file = tmp_path / "workflows" / "few-clicks-14.yml"
    file.parent.mkdir()
    file.write_text(definition.replace("less than", "les than"))
    answer = partnerflow(Settings(), "check", "workflows/few-clicks-14.yml", cwd=tmp_path)
    printed = next(block for block in blocks("") if "is not valid. [condition]" in block)
    assert answer.stdout.startswith(printed)


def test_the_tables_are_those_of_the_program():
    """`python docs/generate.py` has been run."""
    sys.path.insert(0, str(CHECKOUT / "docs"))
    from generate import MESSAGES, SCHEMA, schema, with_tables

    assert with_tables(README) == README
    assert with_tables(MESSAGES.read_text()) == MESSAGES.read_text()
    assert schema() == SCHEMA.read_text()


def test_the_schema_takes_the_definitions_and_refuses_a_slip():
    """What editors complete and underline is what `check` takes."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json.loads((CHECKOUT / "workflows" / "workflow.schema.json").read_text()))
    for file in (CHECKOUT / "workflows").glob("*.yml"):
        assert validator.is_valid(yaml.safe_load(file.read_text())), file.name
    assert not validator.is_valid(
        {"name": "x", "program": "1", "segmnt": ["Clicks less than 5"], "action": {"email": "m"}}
    )


def test_the_figures_are_those_of_the_run(example):
    """Emails and decisions that `make run` leaves."""
    settings, _ = example
    emails, decisions = len(list(settings.outbox.glob("*.eml"))), len(list(settings.decisions.glob("*.json")))
    assert f"leaves {emails} emails" in README
    assert decisions == 3
    assert "three decisions" in README


def test_every_link_leads_somewhere():
    """In the README and in docs/."""
    for page in [CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("name", sorted(typer.main.get_command(app).commands))
def test_every_command_has_help_with_an_example(name: str):
    """And says in a sentence what it does."""
    command = typer.main.get_command(app).commands[name]
    assert command.help.endswith(".")
    assert command.epilog.startswith("Example: partnerflow ")
