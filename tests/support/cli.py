"""The command line as a user has it, run in this process or as a process of its own."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from flows.cli.main import main
from flows.settings import CHECKOUT, Settings
from support.databases import database_variables


@dataclass(frozen=True)
class Answer:
    """The exit code and the output of a command."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> dict:
        """Return stdout, parsed as one JSON document."""
        return json.loads(self.stdout)


def command_line(settings: Settings, *arguments: str) -> list[str]:
    """Return the command as arguments of a process: the script that the set-up installs."""
    return [str(Path(sys.executable).parent / "partnerflow"), *arguments]


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which a command works on a state."""
    paths = {"PARTNERFLOW_VAR": str(settings.state_dir), "PARTNERFLOW_WORKFLOWS": str(settings.workflows)}
    paths["PARTNERFLOW_TARGET"] = settings.target
    return {**os.environ, **paths, **database_variables(settings)}


def partnerflow(settings: Settings, *arguments: str, cwd: Path = CHECKOUT) -> Answer:
    """Run a command to its end, in this process, which has imported all that it needs."""
    stdout, stderr, code = StringIO(), StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr),
        patched_signal(signal.SIGTERM),
    ):  # fmt: skip
        patch.setattr(sys, "argv", ["partnerflow", *arguments])
        patch.chdir(cwd)
        for name, value in environment(settings).items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    return Answer(code, stdout.getvalue(), stderr.getvalue())


@contextmanager
def patched_signal(number: int) -> Iterator[None]:
    """Restore the handler of a signal after the block."""
    before = signal.getsignal(number)
    try:
        yield
    finally:
        signal.signal(number, before)
