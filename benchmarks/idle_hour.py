"""Measure an hour of the example account in which there is nothing to do, and its parts.

    python benchmarks/idle_hour.py --repeat 5

It loads the example account and runs its first hours, then one hour after another, each in a new process, as
`partnerflow run` does. No partner is due, and no row has been loaded. For comparison, one process only imports dbt, and
one runs `dbt build` of all tables, views and tests.
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

from compared import compared

FIRST = datetime(2026, 3, 20, 19, tzinfo=UTC)
"""The first hour. All rows were loaded before it, and in no program is there a midnight in the nine hours after it."""

WARM_UP, MOST = 2, 6
"""Number of hours to run before the first measured one, and the most hours to measure before a midnight."""

WITHOUT = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"]
PARTS = "seconds: "
"""The beginning of the line on which an hour prints its parts."""


def hour(number: int) -> None:
    """Run one hour in this process. The last line that it prints has the wall seconds of each part, as JSON."""
    parts: Counter[str] = Counter()
    started = time.perf_counter()
    from flows.cli import main
    from flows.cli.output import progress
    from flows.pipeline import run  # noqa: F401
    from flows.transform import build
    from flows.transform.build_state import BuildState
    from flows.transform.dbt_runner import Dbt

    parts["imports"] = time.perf_counter() - started

    def timed(name: str, function):
        def call(*arguments, **options):
            started = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                parts[name] += time.perf_counter() - started

        return call

    class Steps:
        """A step runner that measures each step by its title."""

        def __init__(self, *_):
            pass

        def __call__(self, title: str, function, /, *arguments, **options):
            return timed(title, function)(*arguments, **options)

        def report(self, done: int, total: int) -> None:
            """Ignore the progress of the current step."""

    def invoke(self, *command, original=Dbt.invoke):
        found = timed(f"dbt {command[0]}", original)(self, *command)
        if command[0] == "build":
            for one in found.result.results:
                kind = one.node.resource_type
                parts[f"dbt build: {kind} {one.node.config.materialized if kind == 'model' else ''}".strip()] += (
                    one.execution_time
                )
        return found

    Dbt.invoke = invoke
    BuildState.load = timed("checksums of the source tables", BuildState.load)
    BuildState.save = timed("save the build state", BuildState.save)
    build.prepare_project = timed("copy the project and compile the definitions", build.prepare_project)
    progress.Progress = Steps
    sys.argv = ["partnerflow", "run", "--as-of", str(FIRST + timedelta(hours=number))]
    try:
        main.main()
    finally:
        print(PARTS + json.dumps(parts))


def measured(command: list[str], state: Path) -> tuple[float, float, float, str]:
    """Return wall seconds, CPU seconds and peak GiB of a process, and the line with its parts. Exit if it fails."""
    variables = {**os.environ, "PARTNERFLOW_VAR": str(state)}
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], env=variables, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    wall, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    *lines, peak = done.stdout.strip().splitlines()
    return wall, cpu, int(peak) / 2**20, next((line for line in reversed(lines) if line.startswith(PARTS)), "")


def main() -> None:
    """Measure, or run one hour for the parent process."""
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
    """Print the medians of `repeat` rounds of each process, and the parts of the hour."""
    scripts = Path(sys.executable).parent
    ours, by_hand = folder / "ours", folder / "by_hand"
    itself = [sys.executable, str(Path(__file__).resolve()), "--hour"]
    measured([str(scripts / "partnerflow"), "load-example"], ours)
    for number in range(WARM_UP):
        measured([*itself, str(number)], ours)
    shutil.copytree(ours, by_hand)
    folders = [f"--{kind}-dir={by_hand / 'dbt_project'}" for kind in ("project", "profiles")]
    rounds = []
    for number in range(WARM_UP, WARM_UP + repeat):
        processes = {
            "an idle hour": ([*itself, str(number)], ours),
            "import dbt": ([sys.executable, "-c", "import dbt.cli.main"], ours),
            "dbt build of everything": ([str(scripts / "dbt"), "build", *folders, *WITHOUT], by_hand),
        }
        rounds.append({name: measured(command, state) for name, (command, state) in processes.items()})
    medians = {
        name: [statistics.median(one[name][number] for one in rounds) for number in range(3)] for name in rounds[0]
    }
    base = medians["dbt build of everything"]
    print(f"{'':<34}{'wall s':>8}{'cpu s':>8}{'GiB':>8}{'cpu, of dbt build':>22}")
    for name, (wall, cpu, peak) in medians.items():
        print(f"{name:<34}{wall:>8.2f}{cpu:>8.2f}{peak:>8.2f}{cpu / base[1]:>22.2f}")
    compared("an idle hour", medians["an idle hour"][1], "dbt build of everything", base[1], "s of CPU")
    parts = [json.loads(one["an idle hour"][3].removeprefix(PARTS)) for one in rounds]
    print("\nThe parts of the hour in wall seconds, in the order in which they end: a step comes after its own parts.")
    for name in parts[0]:  # a step is added when it ends
        print(f"{statistics.median(one.get(name, 0) for one in parts):>8.2f}  {name}")


if __name__ == "__main__":
    main()
