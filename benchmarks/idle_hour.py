"""Where the seconds of an hour go in which there is nothing to do, on the example account.

    python benchmarks/idle_hour.py --repeat 5

Loads the example account and runs its first hours, then runs one hour after another in fresh processes, as `partnerflow
run` does: nobody is due, and no row was loaded.
Beside them two processes of dbt's own, for the ratio: one that imports it and ends, and `dbt build` of all tables,
views and tests by its own command line.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

FIRST = datetime(2026, 3, 20, 19, tzinfo=UTC)
"""All was loaded before it, and a day has begun in one program and ends in the other nine hours later."""

SETTLING, MOST = 2, 6
"""Hours that are run before any is measured, and those that are left of the day."""

WITHOUT = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"]
TOLD = "seconds: "


def hour(number: int) -> None:
    """One hour of the day in this process; its last line says how long each part of it took (wall seconds)."""
    parts, clock = Counter(), time.perf_counter
    begun = clock()
    from flows.cli import main
    from flows.cli.output import terminal
    from flows.pipeline import run  # noqa: F401
    from flows.transform import build as facts
    from flows.transform.dbt_runner import Dbt

    parts["imports"] = clock() - begun

    def timed(name: str, function):
        def call(*arguments, **options):
            begun = clock()
            try:
                return function(*arguments, **options)
            finally:
                parts[name] += clock() - begun

        return call

    class Steps:
        """Each step of a run by its title."""

        def __init__(self, *_):
            pass

        def __call__(self, title: str, function, *arguments):
            return timed(title, function)(*arguments)

    def build(self, *options, made=Dbt.build):
        result = made(self, *options)
        for one in result.result.results:
            kind = one.node.resource_type
            parts[f"dbt build: {kind} {one.node.config.materialized if kind == 'model' else ''}".strip()] += (
                one.execution_time
            )
        return result

    Dbt.build = timed("dbt build", build)
    Dbt.parse, Dbt.freshness = timed("dbt parse", Dbt.parse), timed("dbt source freshness", Dbt.freshness)
    facts.prepare_project = timed("copy and compile the project", facts.prepare_project)
    terminal.Progress = Steps
    sys.argv = ["partnerflow", "run", "--as-of", str(FIRST + timedelta(hours=number))]
    try:
        main.main()
    finally:
        print(TOLD + json.dumps(parts))


def measured(command: list[str], state: Path) -> tuple[float, float, float, str]:
    """Wall and CPU seconds and peak GiB of a process that must end well, and its last line."""
    variables = {**os.environ, "PARTNERFLOW_VAR": str(state)}
    begun, spent = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], env=variables, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    wall, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - spent.ru_utime - spent.ru_stime
    *lines, peak = done.stdout.strip().splitlines()
    return wall, cpu, int(peak) / 2**20, next((line for line in reversed(lines) if line.startswith(TOLD)), "")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, choices=range(1, MOST + 1), default=5)
    parser.add_argument("--hour", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hour is not None:
        hour(options.hour)
        return
    with tempfile.TemporaryDirectory() as folder:
        report(Path(folder), options.repeat)


def report(folder: Path, repeat: int) -> None:
    """The processes side by side, medians of `repeat` rounds, and the parts of the hour."""
    scripts = Path(sys.executable).parent
    ours, by_hand = folder / "ours", folder / "by_hand"
    itself = [sys.executable, str(Path(__file__).resolve()), "--hour"]
    measured([str(scripts / "partnerflow"), "load-example"], ours)
    for number in range(SETTLING):
        measured([*itself, str(number)], ours)
    shutil.copytree(ours, by_hand)
    folders = [f"--{kind}-dir={by_hand / 'dbt_project'}" for kind in ("project", "profiles")]
    rounds = []
    for number in range(SETTLING, SETTLING + repeat):
        processes = {
            "an hour with nothing to do": ([*itself, str(number)], ours),
            "import dbt": ([sys.executable, "-c", "import dbt.cli.main"], ours),
            "dbt build of everything": ([str(scripts / "dbt"), "build", *folders, *WITHOUT], by_hand),
        }
        rounds.append({name: measured(command, state) for name, (command, state) in processes.items()})
    medians = {
        name: [statistics.median(one[name][number] for one in rounds) for number in range(3)] for name in rounds[0]
    }
    base = medians["dbt build of everything"]
    print(f"{'':<34}{'wall s':>8}{'cpu s':>8}{'GiB':>8}{'of dbt build, by cpu':>22}")
    for name, (wall, cpu, peak) in medians.items():
        print(f"{name:<34}{wall:>8.2f}{cpu:>8.2f}{peak:>8.2f}{cpu / base[1]:>22.2f}")
    parts = [json.loads(one["an hour with nothing to do"][3].removeprefix(TOLD)) for one in rounds]
    print("\nIts parts, in seconds of wall time; those of `Run dbt build` are named below it.")
    for name in parts[0]:
        print(f"{statistics.median(one.get(name, 0) for one in parts):>8.2f}  {name}")


if __name__ == "__main__":
    main()
