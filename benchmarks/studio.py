"""Measure how fast the studio answers on a large account, and its memory; `partnerflow preview` is the baseline.

    PYTHONPATH=.:tests python benchmarks/studio.py --partners 100000 --rows 6000000 --workflows 200

It builds and publishes an account in a process of its own. Then it asks for the pages as a browser does, in this
process, each several times: the first answer is shown by itself, since it opens files and cuts the facts to the hour.
The editor is asked with another number, another operator and another condition each time, as a person would.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import psutil
import typer

from compared import compared
from flows.definitions.loader import read_definitions
from flows.settings import Settings
from flows.transform.build import build
from flows.warehouse.connection import open_warehouse, transaction
from flows.warehouse.evaluations import write_evaluations_at
from flows.warehouse.publish import publish
from raw_account import RawAccount, fill
from report_page import definitions
from support.cli import command_line, environment
from support.states import HOUR
from support.studio import Client

EDITED = "revenue-1000-"
STAGE, DATE, RANGE = (
    "Relationship Stage is any of Joined", "Last Transition Date is Last 30 Days",
    "Performance Date Range is Last 30 Days",
)  # fmt: skip


def make(state: Path, folder: Path, partners: int, rows: int, workflows: int) -> None:
    """Build and publish an account with copies of the example workflows."""
    definitions(folder, workflows)
    settings = Settings(state_dir=state, workflows=folder)
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        fill(connection, RawAccount(partners=partners, rows=rows))
        write_evaluations_at(connection, HOUR)
    build(settings, read_definitions(settings))
    with open_warehouse(settings.warehouse) as connection:
        publish(connection, settings.published)


def fields(*sentences: str, **more: str) -> dict[str, str | list[str]]:
    """Return the form of the segment editor with these sentences, as if each had just been written."""
    found: dict[str, str | list[str]] = {"row": [str(number) for number in range(len(sentences))], **more}
    for number, sentence in enumerate(sentences):
        found |= {f"sentence-{number}": sentence, f"sentence-was-{number}": ""}
    return found


def steps(client: Client, workflow: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what is measured, in the order of a person's work: a name, and a function that does it."""
    number = count(100)
    path = f"/workflows/{workflow}/segment"
    operators = ["greater than", "less than"]

    def checked(*sentences: str) -> str:
        page = client.post(f"{path}/check", **fields(*sentences))
        assert "of " in page and "partners" in page, page
        return page

    yield "list of workflows", lambda: client.get("/")
    yield "page of the editor", lambda: client.get(path)
    yield "check: stage and date", lambda: checked(STAGE, f"Last Transition Date is Last {next(number)} Days")
    yield "check: another number", lambda: checked(STAGE, DATE, RANGE, f"Revenue greater than {next(number)}")
    yield "check: another operator", lambda: checked(STAGE, RANGE, f"Clicks {operators[next(number) % 2]} 100")
    yield (
        "check: another range",
        lambda: checked(STAGE, f"Performance Date Range is Last {next(number)} Days", "Clicks less than 100"),
    )
    yield (
        "check: contracts and groups",
        lambda: checked("Contract Stage is any of Joined", f"Partner Group is any of Group {next(number) % 20}"),
    )
    yield (
        "row: another condition",
        lambda: client.post(f"{path}/rows", **fields(STAGE, DATE), action="add", add="Partner Name"),
    )
    yield "values: a search of names", lambda: client.post(
        f"{path}/values",
        **fields("Partner Name is any of Partner 1", number="0"), **{"search-0": f"Partner {next(number)}"},
    )  # fmt: skip
    yield (
        "overlapping workflows",
        lambda: client.post(f"{path}/ahead", **fields(STAGE, DATE, RANGE, f"Revenue greater than {next(number)}")),
    )
    yield (
        "who comes in seven days",
        lambda: client.post(f"{path}/coming", **fields(STAGE, DATE, RANGE, f"Revenue greater than {next(number)}")),
    )
    yield (
        "why one partner",
        lambda: client.post(
            f"{path}/why", **fields(STAGE, DATE, RANGE, "Revenue greater than 999"), partner="10000001"
        ),
    )


Figures = list[tuple[float, float]]
"""The milliseconds of each answer, by the clock and of CPU: the latter are the same on a busy machine."""


def measured(step: Callable[[], str], repeat: int) -> Figures:
    """Return the figures of the first and of the other answers."""
    found = []
    for _ in range(repeat + 1):
        started, used = time.perf_counter(), cpu_seconds()
        step()
        found.append(((time.perf_counter() - started) * 1000, (cpu_seconds() - used) * 1000))
    return found


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of those that it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def of_a_process(settings: Settings, workflow: str, repeat: int) -> Figures:
    """Return the figures of `partnerflow preview` of a workflow, as a process."""
    command = command_line(settings, "preview", workflow, "--as-of", HOUR.isoformat(), "--json")
    return measured(
        lambda: subprocess.run(command, env=environment(settings), check=True, capture_output=True, text=True).stdout,
        repeat,
    )


def median(found: Figures) -> float:
    """Return the median milliseconds of the answers after the first."""
    return statistics.median(clock for clock, _ in found[1:])


def line(name: str, found: Figures) -> str:
    """Return a line of the table."""
    (first, _), *others = found
    clock, cpu = zip(*others, strict=True)
    numbers = (first, statistics.median(clock), max(clock), statistics.median(cpu))
    return f"{name:<32}" + "".join(f" {one:>9,.0f}" for one in numbers)


def memory() -> float:
    """Return the memory of this process in MiB."""
    return psutil.Process().memory_info().rss / 2**20


def main(
    partners: Annotated[int, typer.Option(help="Number of partners.")] = 100_000,
    rows: Annotated[int, typer.Option(help="Rows of clicks and actions, roughly.")] = 6_000_000,
    workflows: Annotated[int, typer.Option(help="Number of workflows.")] = 200,
    repeat: Annotated[int, typer.Option(help="Answers after the first.")] = 7,
    folder: Annotated[Path | None, typer.Option(help="Where the account is, or is made; default: temporary.")] = None,
    only_make: Annotated[bool, typer.Option(help="Build the account into --folder, and measure nothing.")] = False,
) -> None:
    """Print a table of milliseconds, and the memory."""
    with TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        settings = Settings(state_dir=place / "var", workflows=place / "workflows")
        if only_make:
            make(settings.state_dir, settings.workflows, partners, rows, workflows)
            return
        if not settings.published.exists():
            sizes = ["--partners", str(partners), "--rows", str(rows), "--workflows", str(workflows)]
            started = time.perf_counter()
            subprocess.run([sys.executable, __file__, *sizes, "--folder", str(place), "--only-make"], check=True)
            print(f"Built in {time.perf_counter() - started:,.0f} s.")
        ids = [one.id for one in read_definitions(settings).workflows]
        edited = next((one for one in ids if one.startswith(EDITED)), ids[0])
        size = settings.published.stat().st_size / 2**20
        print(f"{partners:,} partners, {len(ids)} workflows, {size:,.0f} MiB published; memory {memory():,.0f} MiB")
        print(f"{'milliseconds':<32} {'first':>9} {'median':>9} {'worst':>9} {'CPU':>9}")
        baseline = of_a_process(settings, edited, min(repeat, 3))
        print(line("baseline: partnerflow preview", baseline))
        client = Client(settings)
        for name, step in steps(client, edited):
            found = measured(step, repeat)
            print(line(name, found), flush=True)
            compared(name, median(found), "partnerflow preview", median(baseline), "ms")
        print(f"memory {memory():,.0f} MiB")


if __name__ == "__main__":
    typer.run(main)
