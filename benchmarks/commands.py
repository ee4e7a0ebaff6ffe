"""Measure the CPU time and memory of each command that people wait for, on the example account after a run.

    python benchmarks/commands.py

Each command runs in a process of its own, alternating with a process that only imports what all commands need (typer,
pydantic, sqlglot, DuckDB, YAML), which is the baseline. The table has medians.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

HOUR = "2026-03-20T14:00:00-04:00"
MODULE = [sys.executable, "-c", "from flows.cli.main import main; main()"]
BASELINE = [sys.executable, "-c", "import typer, rich.table, pydantic_settings, sqlglot, duckdb, yaml, lark"]

COMMANDS = {
    "--help": ["--help"],
    "format": ["format"],
    "compile": ["compile", "few-clicks-14"],
    "list": ["list"],
    "check": ["check"],
    "preview": ["preview", "few-clicks-14", "--as-of", HOUR],
    "explain": ["explain", "few-clicks-14", "21005016", "--as-of", HOUR],
    "report": ["report"],
    "deliveries": ["deliveries"],
    "partner": ["partner", "21005016"],
    "plan": ["plan", "--as-of", HOUR],
}


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a process, and return its CPU seconds and its peak memory in MiB."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status):
            output.seek(0)
            sys.exit(f"{' '.join(command)}\n{output.read().decode()}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main(repeat: Annotated[int, typer.Option(help="How often each command runs.")] = 5) -> None:
    """Run the example account once, then measure."""
    with tempfile.TemporaryDirectory(prefix="commands") as folder:
        environment = {**os.environ, "PARTNERFLOW_VAR": str(Path(folder) / "var")}
        for prepared in (["load-example"], ["run", "--as-of", HOUR]):
            measured([*MODULE, *prepared], environment)
        print(f"{'command':12} {'cpu s':>6} {'imports':>8} {'MiB':>6}")
        for name, arguments in COMMANDS.items():
            pairs = [
                (measured(BASELINE, environment), measured([*MODULE, *arguments], environment)) for _ in range(repeat)
            ]
            cpu = statistics.median(ours[0] for _, ours in pairs)
            ratio = statistics.median(ours[0] / imports[0] for imports, ours in pairs)
            print(f"{name:12} {cpu:>6.2f} {ratio:>8.2f} {statistics.median(ours[1] for _, ours in pairs):>6.0f}")


if __name__ == "__main__":
    typer.run(main)
