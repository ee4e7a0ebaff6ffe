"""What the main commands print in terminals of 80 and 120 columns, compared with kept files.

PARTNERFLOW_FREEZE=1 writes the files again.
"""

import os
import re
import shlex
import sys
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from flows.cli import common
from flows.cli.output.run import run_table
from flows.cli.output.wrap import coloured, wrapped
from flows.pipeline.run import Run
from flows.plan.plan import Plan, WorkflowPlan
from flows.settings import CHECKOUT, Settings
from support.cli import environment, partnerflow

SCRIPT = spec_from_file_location("pictures", CHECKOUT / "docs" / "pictures.py")
assert SCRIPT is not None and SCRIPT.loader is not None
pictures = module_from_spec(SCRIPT)
SCRIPT.loader.exec_module(pictures)

FOLDER = CHECKOUT / "tests" / "data" / "terminal"
AS_OF = "--as-of 2026-03-20T14:00:00-04:00"
COMMANDS = (
    "list",
    "partner 21004745",
    'values "Partner Group"',
    "report",
    f"preview welcome {AS_OF}",
    f"explain few-clicks-14 21005057 {AS_OF}",
    "history welcome --from 2026-03-19 --to 2026-03-20",
    "deliveries --state in_doubt",
    "check few-clicks-14",
    "simulate few-clicks-14 prospect-invite welcome --from 2026-03-18 --to 2026-03-20",
    f"plan {AS_OF}",
    f"run {AS_OF}",
)


def without_chance(text: str, run: Run) -> str:
    """Return what a command prints with a run id and paths that are the same on every machine."""
    known = re.sub(r"(Emails|Published file):\s+/\S+", r"\1: …", text)
    return known.replace(run.run_id, "20260320T180000Z-0a1b2c3d")


@pytest.mark.parametrize("width", [80, 120])
def test_commands_print_what_is_kept(example, monkeypatch: pytest.MonkeyPatch, width: int):
    """No line is wider than the terminal, and none breaks a date. `plan` and `run` print the run of the example."""
    settings, run = example
    monkeypatch.setattr("flows.pipeline.run.run_hour", lambda *_: run)
    monkeypatch.setattr("flows.pipeline.run.plan_only", lambda *_: run.plan)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(common.out, "_width", width)
    parts = []
    for command in COMMANDS:
        answer = partnerflow(settings, *shlex.split(command))
        assert (answer.code, answer.stderr) == (0, ""), command
        lines = [line.rstrip() for line in without_chance(answer.stdout, run).splitlines()]
        assert [line for line in lines if cell_len(line) > width] == [], command
        found = [line for line in lines if re.search(r"\d{4}-\d\d-\d\d$|^ +\d\d:\d\d", line) and "(" not in line]
        assert [line for line in found if not re.fullmatch(r"Simulation of \S+ to \S+", line)] == []
        parts.append("\n".join([f"$ partnerflow {command}", *lines]))
    file, text = FOLDER / f"{width}.txt", "\n\n".join(parts) + "\n"
    if os.environ.get("PARTNERFLOW_FREEZE"):
        assert not os.environ.get("CI"), "The kept output is not rewritten in CI."
        file.write_text(text)
    assert text == file.read_text()


def test_picture_of_the_readme_has_the_words_of_now(example, monkeypatch: pytest.MonkeyPatch):
    """What the commands print on the example account; its run has the contact policy, which that of the tests lacks.

    `python docs/pictures.py` writes it again.
    """
    settings, run = example
    monkeypatch.setattr(common.out, "_width", None)
    monkeypatch.setattr(sys, "argv", [])
    for name, value in (environment(settings) | {"COLUMNS": str(pictures.WIDTH)}).items():
        monkeypatch.setenv(name, value)
    kept = pictures.words((pictures.FOLDER / "terminal.svg").read_text(encoding="utf-8"))
    title, *explained = pictures.words(pictures.terminal(pictures.COMMANDS[1:]))
    assert (kept[0], kept[-len(explained) :]) == (title, explained)
    console = Console(file=StringIO(), width=pictures.WIDTH)
    console.print(run_table(run.plan, (), sending=True))
    table = [word for word in console.file.getvalue().split() if not word.isdigit() and "─" not in word]
    assert [word for word in table if word not in kept] == []
    assert sum(file.stat().st_size for file in pictures.FOLDER.iterdir()) < 300_000


def test_lines_are_not_wrapped_where_nobody_looks(example, monkeypatch: pytest.MonkeyPatch):
    """In a pipe, a line stays a line for other programs."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert max(map(len, partnerflow(example[0], "overlaps", "few-clicks-14").stdout.splitlines())) > 100


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("welcome to a at 2026-03-20 14:00 EDT", ["welcome to a at", "    2026-03-20 14:00 EDT"]),
        ("  ✗ a condition that is not met", ["  ✗ a condition that is", "    not met"]),
        ("    a longer indentation stays here", ["    a longer indentation", "        stays here"]),
        ("averylongwordthatisnotbrokenatall", ["averylongwordthatisnotbrokenatall"]),
        ("a.yml:1:1: error: x y z 1 2 3 4 5\n  some: text that has a caret\n    ^", [
            "a.yml:1:1: error: x y z", "    1 2 3 4 5", "  some: text that has a caret", "    ^",
        ]),
    ],
)  # fmt: skip
def test_wrapped_line_is_continued_with_an_indent(line: str, expected: list[str]):
    """Dates stay in one piece, and the line above a caret in its place."""
    assert [one.plain for one in wrapped([Text(line)], 24)] == expected


def test_table_of_a_run_adds_up_with_the_hours_that_it_caught_up():
    """Below the workflow, and in the totals; members of several hours are not added."""
    hour = datetime(2026, 3, 20, 18, tzinfo=UTC)
    earlier = [Plan(hour, (WorkflowPlan("w", members=9, recipients=2, sent=2),))] * 2
    plan = Plan(hour, (WorkflowPlan("v", members=1), WorkflowPlan("w", members=9, recipients=3, sent=1, failed=2)))
    console = Console(file=StringIO(), width=80)
    console.print(run_table(plan, earlier, sending=True))
    assert [line.split() for line in console.file.getvalue().splitlines() if line.strip()][1:] == [
        ["─" * 50],
        ["v", "done", "1", "0", "0", "0"],
        ["w", "done", "9", "3", "1", "2"],
        ["earlier", "hours", "4", "4", "0"],
        ["2", "workflows", "10", "7", "5", "2"],
    ]


def test_errors_and_warnings_are_coloured():
    """Only the word, in the lines of `check` and of `plan`; the text stays the same."""
    problem = coloured("w.yml:1:1: error: There is no error here.\n    `partnerflow check`")
    assert [(problem.plain[span.start : span.end], span.style) for span in problem.spans] == [
        ("error", "bold red"), ("`partnerflow check`", "cyan"),
    ]  # fmt: skip
    assert [span.style for span in coloured("Warning: much").spans] == ["bold yellow"]


@pytest.mark.parametrize("command", ["check", "list", "format"])
def test_empty_folder_says_how_to_begin(tmp_path: Path, command: str):
    """Or prints nothing that would be wrong."""
    own = Settings(state_dir=tmp_path / "var", workflows=tmp_path / "workflows")
    own.workflows.mkdir()
    answer = partnerflow(own, command)
    assert answer.code == 0
    assert command == "format" or "`partnerflow new TEMPLATE --program ID`" in answer.stdout
