"""Each benchmark runs at a small size; its figures are not checked."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flows.settings import CHECKOUT
from run_all import SIZES, Size

BENCHMARKS = CHECKOUT / "benchmarks"

PARTS = {"compared", "engine_accounts", "generate", "plans", "raw_account", "run_all"}
"""Modules that the others import; raw_account is tested by its own file."""


def test_every_benchmark_has_a_small_run():
    """A new file in benchmarks/ must be added to SIZES of run_all or to PARTS."""
    assert {file.stem for file in BENCHMARKS.glob("*.py")} == SIZES.keys() | PARTS
    assert all(Size.TOY in options for options in SIZES.values())


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(SIZES))
def test_a_small_run_ends_well(name: str, tmp_path: Path):
    """The file of results has its command and what it printed."""
    file = tmp_path / "RESULTS.md"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tests")])}
    command = [sys.executable, str(BENCHMARKS / "run_all.py"), "--size", "toy", "--only", name, "--file", str(file)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(
        rf"## {name}\n\n`{name}.py .*`: .* GiB of memory at most in one process, .* GiB of disk at most\n\n```\n.+",
        file.read_text(),
    )
