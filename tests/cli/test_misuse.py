"""Odd arguments and odd states end in one sentence and exit code 1 or 2, never in a traceback."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from support.cli import command_line, environment, partnerflow
from support.states import HOUR

YEAR = "Give one from 1970 to 2199."

ODD_ARGUMENTS = [
    (("preview", "folder.yml"), 1, "folder.yml is a folder."),
    (("preview", ""), 1, "There is no workflow"),
    (("preview", "\udcff"), 2, "is not valid UTF-8 text."),
    (("explain", "few-clicks-14", "\udcff"), 2, "is not valid UTF-8 text."),
    (("deliveries", "\udcff"), 2, "is not valid UTF-8 text."),
    (("check", "x" * 5000), 1, "cannot be used: File name too long."),
    (("report", "--html", ""), 2, "is a directory."),
    (("report", "--html", "file/report.html"), 1, "cannot be used: "),
    (("backup", ""), 2, "is a directory."),
    (("backup", "folder.yml"), 2, "is a directory."),
    (("receive", "--port", "99999"), 2, "65535"),
    (("receive", "--host", "999.1.1.1"), 1, "The receiver cannot listen on 999.1.1.1, port 8025: "),
    (("serve", "--port", "0"), 2, "greater than or equal to 1"),
    (("preview", "few-clicks-14", "--as-of", ""), 2, "is not an ISO 8601 timestamp"),
    (("preview", "few-clicks-14", "--as-of", "0001-01-01T00:00:00+14:00"), 2, YEAR),
    (("explain", "few-clicks-14", "21005016", "--as-of", "9999-12-31T23:59:59-12:00"), 2, YEAR),
    (("run", "--as-of", "9999-12-31T00:00:00Z"), 2, YEAR),
    (("simulate", "--from", "9999-12-31", "--to", "9999-12-31"), 2, YEAR),
    (("history", "few-clicks-14", "--from", "0001-01-01", "--to", "0001-01-02"), 2, YEAR),
]


@pytest.mark.parametrize(
    ("words", "code", "says"), ODD_ARGUMENTS, ids=[" ".join(words)[:50] for words, _, _ in ODD_ARGUMENTS]
)
def test_odd_argument_ends_in_one_sentence(example, tmp_path: Path, words: tuple[str, ...], code: int, says: str):
    """The sentence is on stderr; nothing else is printed."""
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "file").touch()
    answer = partnerflow(example[0], *words, cwd=tmp_path)
    said = " ".join(answer.stderr.replace("│", " ").split())
    assert (answer.code, answer.stdout) == (code, "")
    assert says in said


def test_port_in_use_is_one_sentence(example):
    """The receiver names the host and the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = partnerflow(example[0], "receive", "--port", str(port))
    assert answer.code == 1
    assert answer.stderr.startswith(f"The receiver cannot listen on 127.0.0.1, port {port}: Address already in use")


def test_folder_among_the_definitions_is_a_problem_of_its_own(copied: Settings):
    """All other workflows stay valid."""
    (copied.workflows / "archive.yml").mkdir()
    answer = partnerflow(copied, "check")
    assert answer.code == 1
    assert "archive.yml:1:1: error: This file cannot be read: Is a directory." in answer.stdout
    assert "16 workflows are valid, 1 is not." in answer.stdout


def test_odd_warehouse_ends_in_one_sentence(copied: Settings):
    """A column has another name in another version; a program has no valid time zone."""
    days = ("--from", "2026-03-20", "--to", "2026-03-20")
    explain = ("explain", "few-clicks-14", "21005016", "--as-of", HOUR.isoformat())
    with open_warehouse(copied.warehouse) as connection:
        connection.execute("ALTER TABLE marts.fct_relationship_history RENAME COLUMN seen_at TO earlier")
    assert says(copied, *explain).startswith("The warehouse does not have what this command reads.")
    with open_warehouse(copied.warehouse) as connection:
        connection.execute("UPDATE raw.programs SET timezone = 'Mars/Base'")
    for words in [
        explain, ("simulate", *days), ("history", "few-clicks-14", *days), ("preview", "few-clicks-14"),
        ("test-send", "welcome", "--to", "me@example.com", "--partner", "21005016"),
    ]:  # fmt: skip
        assert "'Mars/Base' of program 1000 in raw.programs is not a valid time zone." in says(copied, *words), words


def says(settings: Settings, *words: str) -> str:
    """Return what a command that fails prints."""
    answer = partnerflow(settings, *words)
    assert (answer.code, answer.stdout) == (1, "")
    return answer.stderr


def test_reader_that_goes_away_and_letters_without_encoding_leave_no_traceback(example):
    """As with `| head -1`, and on a terminal whose encoding lacks the letters of a name."""
    ascii_only = {**environment(example[0]), "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    command = command_line(example[0], "explain", "few-clicks-14", "21005016", "--as-of", HOUR.isoformat())
    done = subprocess.run(command, env=ascii_only, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(r"21005016 (\u0631")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        command = command_line(example[0], "deliveries", "--json")
        broken = subprocess.run(command, env=environment(example[0]), stdout=closed, stderr=subprocess.PIPE, text=True)
    assert (broken.returncode, broken.stderr) == (1, "")
