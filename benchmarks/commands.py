"""Measure the CPU time and memory of each command that people wait for, on the example account after a run.

    python benchmarks/commands.py

Each command runs in a process of its own, alternating with its baseline, so that the ratio does not depend on the load
of the machine. The baseline is a process that only imports what commands need (typer, pydantic, sqlglot, DuckDB, YAML,
Lark); for `plan` it is `dbt build` of the nodes that the plan has selected, on the same state. Python may keep what it
has compiled, as in an installation. The table has medians.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from compared import compared

HOUR, NEXT_HOUR = "2026-03-20T14:00:00-04:00", "2026-03-20T15:00:00-04:00"
MODULE = [sys.executable, "-c", "from flows.cli.main import main; main()"]
IMPORTS = [sys.executable, "-c", "import typer, rich.table, pydantic_settings, sqlglot, duckdb, yaml, lark"]

LIGHT, OTHER = 0.35, 0.6
"""The most seconds of CPU that a command is to take on an idle machine: one that reads definitions only, and others."""

COMMANDS = {
    "--help": (["--help"], LIGHT),
    "format": (["format"], LIGHT),
    "compile": (["compile", "few-clicks-14"], LIGHT),
    "list": (["list"], LIGHT),
    "check": (["check"], OTHER),
    "preview": (["preview", "few-clicks-14", "--as-of", HOUR], OTHER),
    "explain": (["explain", "few-clicks-14", "21005016", "--as-of", HOUR], OTHER),
    "report": (["report"], OTHER),
    "deliveries": (["deliveries"], OTHER),
    "partner": (["partner", "21005016"], None),
}

RECORDING = """
import json, os
from flows.transform import dbt_runner

def recorded(self, *command, invoke=dbt_runner.Dbt.invoke):
    if command[0] == "build":
        with open(os.environ["SELECTED"], "w") as file:
            json.dump(command, file)
    return invoke(self, *command)

dbt_runner.Dbt.invoke = recorded
from flows.cli.main import main
main()
"""
"""Runs a command, and writes the arguments of its `dbt build` to a file."""


def measured(command: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a process, and return its CPU seconds and its peak memory in MiB."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status):
            output.seek(0)
            sys.exit(f"{' '.join(command)}\n{output.read().decode()}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def plain_build(state: Path, environment: Mapping[str, str]) -> list[str]:
    """Plan the next hour, and return the command line of dbt that builds the same nodes."""
    arguments = state / "selected.json"
    measured(
        [sys.executable, "-c", RECORDING, "plan", "--as-of", NEXT_HOUR], {**environment, "SELECTED": str(arguments)}
    )
    project = str(state / "dbt_project")
    folders = ["--project-dir", project, "--profiles-dir", project, "--log-path", str(state / "logs")]
    return [str(Path(sys.executable).parent / "dbt"), *json.loads(arguments.read_text()), *folders, "--quiet"]


def report(name: str, ours: list[str], baseline: list[str], environment: Mapping[str, str], repeat: int) -> list[float]:
    """Run a command and its baseline alternately, print a line, and return the medians of both, in seconds of CPU."""
    pairs = [(measured(ours, environment), measured(baseline, environment)) for _ in range(repeat)]
    cpu, base = (statistics.median(pair[number][0] for pair in pairs) for number in (0, 1))
    ratio = statistics.median(one[0] / other[0] for one, other in pairs)
    _, most = COMMANDS.get(name, (ours, None))
    limit = f"{most:.2f}" if most else ""
    memory = statistics.median(one[1] for one, _ in pairs)
    print(f"{name:12} {cpu:>6.2f} {limit:>8} {base:>9.2f} {ratio:>6.2f} {memory:>6.0f}", flush=True)
    return [cpu, base]


def main(
    repeat: Annotated[int, typer.Option(help="How often each command runs.")] = 5,
    only: Annotated[str, typer.Option(help="Names of commands, with commas; default: all.")] = "",
) -> None:
    """Run the example account once, then measure."""
    with tempfile.TemporaryDirectory(prefix="commands") as folder:
        state = Path(folder) / "var"
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PARTNERFLOW_VAR"] = str(state)
        for prepared in (["load-example"], ["run", "--as-of", HOUR]):
            measured([*MODULE, *prepared], environment)
        print(f"{'command':12} {'cpu s':>6} {'at most':>8} {'baseline':>9} {'ratio':>6} {'MiB':>6}")
        for name in only.split(",") if only else COMMANDS:
            arguments, _ = COMMANDS[name]
            cpu, base = report(name, [*MODULE, *arguments], IMPORTS, environment, repeat)
            compared(name, cpu, "imports of its packages", base, "s of CPU")
        build = plain_build(state, environment)
        cpu, base = report("plan", [*MODULE, "plan", "--as-of", NEXT_HOUR], build, environment, max(1, repeat // 2))
        compared("plan", cpu, "dbt build of the same nodes", base, "s of CPU")


if __name__ == "__main__":
    typer.run(main)
