"""Run all benchmarks, one after the other, and write their tables to benchmarks/RESULTS.md.

    PYTHONPATH=.:tests python benchmarks/run_all.py --size small       # ten minutes
    PYTHONPATH=.:tests python benchmarks/run_all.py --size large       # and 30 million rows: 70 minutes, 10 GB of disk

Each runs in a process of its own. A table at the top has the ratios: a benchmark compares in one run, so its ratios
hold for any machine. Its seconds hold for the machine named at the top, if nothing else was running.
"""

import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import psutil
import typer

from compared import PREFIX

FOLDER = Path(__file__).parent
PACKAGES = ("partnerflow", "duckdb", "dbt-core", "sqlglot", "polars", "pandas", "prefect", "sqlalchemy")


class Size(StrEnum):
    """How much a benchmark measures."""

    TOY = "toy"
    SMALL = "small"
    LARGE = "large"


SIZES: dict[str, dict[Size, list[str]]] = {
    "commands": {Size.TOY: ["--repeat", "1", "--only", "--help,report"]},
    "compile_time": {Size.TOY: ["--definitions", "20"]},
    "compose": {Size.TOY: ["--messages", "20", "--rounds", "1"]},
    "delivery": {
        Size.TOY: ["--messages", "20,40"],
        Size.SMALL: ["--messages", "1000,10000"],
        Size.LARGE: ["--messages", "50000", "--rounds", "1"],
    },
    "engines": {
        Size.TOY: ["--partners", "200", "--rows", "2000", "--segments", "2,20", "--repeat", "1"],
        Size.SMALL: ["--partners", "5000", "--rows", "250000", "--repeat", "1"],
    },
    "events": {Size.TOY: ["--events", "500"], Size.SMALL: ["--events", "50000"]},
    "hour_by_size": {
        Size.TOY: [
            "--months",
            "1",
            "--workflows",
            "3",
            "--partners",
            "200",
            "--emails-a-month",
            "50",
            "--runs-of",
            "2",
        ],
        Size.SMALL: ["--months", "3,12", "--workflows", "10"],
        Size.LARGE: ["--months", "3,12,24", "--workflows", "10,100,1000"],
    },
    "idle_hour": {Size.TOY: ["--repeat", "1"], Size.SMALL: ["--repeat", "3"]},
    "incremental": {
        Size.TOY: ["--partners", "300", "--rows", "3000"],
        Size.SMALL: ["--partners", "50000", "--rows", "3000000"],
        Size.LARGE: ["--partners", "500000", "--rows", "30000000"],
    },
    "overlap_time": {Size.TOY: ["--definitions", "20"], Size.SMALL: ["--definitions", "200"]},
    "peers": {
        Size.TOY: ["--partners", "200", "--rows", "2000", "--segments", "2"],
        Size.SMALL: ["--partners", "50000", "--rows", "3000000"],
        Size.LARGE: ["--partners", "500000", "--rows", "30000000"],
    },
    "report_page": {Size.TOY: ["--workflows", "3"]},
    "segments": {
        Size.TOY: ["--partners", "200", "--rows", "2000", "--segments", "2", "--repeat", "1"],
        Size.SMALL: ["--partners", "50000", "--rows", "3000000", "--plans", "floor,each,compiled", "--repeat", "1"],
        Size.LARGE: ["--partners", "500000", "--rows", "30000000", "--plans", "floor,each,compiled", "--repeat", "1"],
    },
    "simulate_time": {Size.TOY: ["--workflows", "2", "--days", "1"], Size.SMALL: ["--workflows", "30"]},
    "studio": {
        Size.TOY: ["--partners", "200", "--rows", "2000", "--workflows", "3", "--repeat", "1"],
        Size.SMALL: ["--partners", "20000", "--rows", "1000000", "--workflows", "50", "--repeat", "3"],
    },
}
"""The options of each benchmark by size. One without options for SMALL has its own defaults then."""


def runs(name: str, size: Size) -> dict[str, list[str]]:
    """Return the options of each run of a benchmark by its title; LARGE adds a run at full size to that of SMALL."""
    if size is not Size.LARGE:
        return {name: SIZES[name].get(size, [])}
    full = {f"{name}, full size": SIZES[name][size]} if size in SIZES[name] else {}
    return {name: SIZES[name].get(Size.SMALL, [])} | full


def run(name: str, title: str, options: list[str]) -> tuple[list[str], str]:
    """Run a benchmark, and return the rows of its ratios and its section. Exits with its messages if it fails."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        command = [sys.executable, str(FOLDER / f"{name}.py"), *options]
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        status, usage, disk = wait(process.pid)
        output.seek(0)
        errors.seek(0)
        if os.waitstatus_to_exitcode(status):
            sys.exit(f"{' '.join(command)} failed:\n{errors.read().decode()[-4000:]}")
        lines = output.read().decode().rstrip().splitlines()
    ratios = [f"| {title} | {line.removeprefix(PREFIX)} |" for line in lines if line.startswith(PREFIX)]
    text = "\n".join(line for line in lines if not line.startswith(PREFIX))
    taken = f"{time.monotonic() - started:,.0f} s, {usage.ru_maxrss / 2**20:.1f} GiB of memory at most in one process"
    taken += f", {disk / 2**30:.1f} GiB of disk at most"
    return ratios, f"## {title}\n\n`{' '.join([f'{name}.py', *options])}`: {taken}\n\n```\n{text}\n```\n"


def wait(process: int) -> tuple[int, resource.struct_rusage, int]:
    """Wait for a process, and return its status, its usage, and the bytes by which the used disk grew meanwhile."""
    before = most = shutil.disk_usage(tempfile.gettempdir()).used
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        most = max(most, shutil.disk_usage(tempfile.gettempdir()).used)
        if ended:
            return status, usage, most - before
        time.sleep(0.2)


TABLE = ("| benchmark | of | compared with | measured | baseline | unit | ratio |", "|---|---|---|---:|---:|---|---:|")
"""The head of the table of ratios."""


def machine() -> str:
    """Return on what, when and of which versions the benchmarks ran."""
    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=FOLDER, capture_output=True, text=True)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit.stdout.strip() or 'unknown'}. {os.cpu_count()} cores, "
        f"{memory:.0f} GiB of memory, {platform.system()}, load {os.getloadavg()[0]:.1f} at the start. "
        f"Python {platform.python_version()}, {packages}."
    )


def main(
    size: Annotated[Size, typer.Option(help="How much to measure.")] = Size.SMALL,
    only: Annotated[str, typer.Option(help="Names of benchmarks, with commas; default: all.")] = "",
    file: Annotated[Path, typer.Option(help="The file to write.")] = FOLDER / "RESULTS.md",
) -> None:
    """Run the benchmarks, and write the file again after each."""
    head = f"# Results of the benchmarks\n\nWritten by `run_all.py --size {size}`. {machine()}\n"
    ratios, sections = [*TABLE], []
    for name in only.split(",") if only else SIZES:
        for title, options in runs(name, size).items():
            print(title, flush=True)
            found, section = run(name, title, options)
            ratios += found
            sections.append(section)
            file.write_text("\n".join([head, *ratios, "", *sections]), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
