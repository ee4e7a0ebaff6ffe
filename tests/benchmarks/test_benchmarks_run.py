"""Each benchmark runs at a small size; its figures are not checked."""

import os
import subprocess
import sys

import pytest

from flows.settings import CHECKOUT

SMALL = {
    "commands": ["--repeat", "1"],
    "compile_time": ["--definitions", "20"],
    "compose": ["--messages", "20", "--rounds", "1"],
    "delivery": ["--messages", "40", "--rounds", "1"],
    "engines": ["--partners", "200", "--rows", "2000", "--segments", "2,20", "--repeat", "1"],
    "events": ["--events", "500"],
    "idle_hour": ["--repeat", "1"],
    "incremental": ["--partners", "300", "--rows", "3000"],
    "overlap_time": ["--definitions", "20"],
    "peers": ["--partners", "200", "--rows", "2000", "--segments", "2"],
    "report_page": ["--workflows", "3"],
    "segments": ["--partners", "200", "--rows", "2000", "--segments", "2", "--repeat", "1"],
    "studio": ["--partners", "200", "--rows", "2000", "--workflows", "3", "--repeat", "1"],
    "simulate_time": ["--workflows", "2", "--days", "1"],
}
PARTS = {"engine_accounts", "generate", "plans", "raw_account"}
"""Modules that the others import; raw_account is tested by its own file."""


def test_every_benchmark_has_a_small_run():
    """A new file in benchmarks/ must be added to SMALL or PARTS."""
    assert {file.stem for file in (CHECKOUT / "benchmarks").glob("*.py")} == SMALL.keys() | PARTS


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_small_run_ends_well(name: str, tmp_path):
    """Exit code 0, and a table on stdout."""
    paths = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tests")])
    command = [sys.executable, str(CHECKOUT / "benchmarks" / f"{name}.py"), *SMALL[name]]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout
