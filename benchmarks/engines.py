"""Measure the evaluation of the same segments on the same account on several engines.

    python benchmarks/engines.py --partners 20000 --rows 1000000
    .venv-spark/bin/python benchmarks/engines.py --engines duckdb,postgres,spark1,spark2

Each engine runs the statements that the compiler writes for its dialect. PostgreSQL is a server that this program
starts, with its default settings; `spark1` and `spark2` are the tests' cluster (tests/support/spark_cluster.py) with
one and two workers. Each engine has a process of its own. The memory is the largest proportional set size (PSS) of all
processes of the engine while the statements ran; that of DuckDB includes its Python process. The multiples of DuckDB
are those of the CPU time, which other work on the machine changes less. The program fails if two engines find different
members.
"""

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import duckdb

from compared import compared
from compiler import Compiler, membership_statements, project_vocabulary
from compiler.sql.dialect import name_of, to_sql
from engine_accounts import Session, duckdb_account, postgres_account, spark_account
from generate import account_of, account_options, definitions, generate, read_all

ENGINES: dict[str, tuple[str, Callable[..., Session]]] = {
    "duckdb": ("duckdb", duckdb_account),
    "postgres": ("postgres", postgres_account),
    "spark1": ("spark", lambda *given: spark_account(*given, workers=1)),
    "spark2": ("spark", lambda *given: spark_account(*given, workers=2)),
}
"""The dialect of each engine, and what opens a session on it with the account of a DuckDB file."""

MEMBERS = "select workflow_id, count(*), sum(cast(partner_id as bigint)) from {} group by workflow_id"


@dataclass(frozen=True)
class Measured:
    """What one engine took for one number of segments: seconds, seconds of CPU of all its processes, MiB, and the
    members as (workflow, count, sum)."""

    wall: float
    cpu: float
    memory: float
    members: set[tuple[str, int, int]]


def measure(session: Session, dialect: str, number: int, options: argparse.Namespace) -> Measured:
    """Run the statements of `number` segments `repeat` times, and return the fastest time and the largest memory."""
    vocabulary = project_vocabulary()
    files = definitions(number, options.seed, options.months, options.popular)
    workflows = [one.workflow for one in read_all(files, vocabulary)]
    statements = {
        relation: to_sql(statement, dialect)
        for relation, statement in membership_statements(workflows, Compiler(vocabulary), dialect).items()
    }
    walls, cpus, peaks = [], [], []
    for _ in range(options.repeat):
        for relation in statements:
            session.execute(f"drop table if exists {relation}")
        gc.collect()
        with memory_of(session) as peak:
            started, cpu = time.perf_counter(), cpu_seconds(session.processes())
            for relation, statement in statements.items():
                session.execute(session.create.format(relation, statement))
            walls.append(time.perf_counter() - started)
            cpus.append(cpu_seconds(session.processes()) - cpu)
        peaks.append(max(peak))
    *_, last = statements
    assert name_of(last) == "segment_membership"
    members = {(workflow, int(count), int(total)) for workflow, count, total in session.rows(MEMBERS.format(last))}
    return Measured(min(walls), min(cpus), max(peaks), members)


def measure_engine(name: str, options: argparse.Namespace, account: Path, folder: Path) -> list[Measured]:
    """Measure an engine for each number of segments of the options."""
    dialect, opened = ENGINES[name]
    with opened(account, folder / name) as session:
        return [measure(session, dialect, int(number), options) for number in options.segments.split(",")]


@contextmanager
def memory_of(session: Session) -> Iterator[list[float]]:
    """Yield a list to which the MiB of the session's processes are added every tenth of a second."""
    found, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.is_set():
            found.append(sum(map(proportional_size, session.processes())) / 1024)
            ended.wait(0.1)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        ended.set()
        watching.join()


def cpu_seconds(processes: Iterable[int]) -> float:
    """Return the seconds of CPU that processes have used, without those that have ended."""
    ticks = 0
    for process in processes:
        with suppress(OSError):
            user, kernel = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
            ticks += int(user) + int(kernel)
    return ticks / os.sysconf("SC_CLK_TCK")


def proportional_size(process: int) -> int:
    """Return the kB of a process, memory that it shares divided by the number of processes; 0 if it has ended."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def compare(options: argparse.Namespace, account: Path, folder: Path) -> bool:
    """Measure each engine, print a table, and return whether all find the same members."""
    numbers = [int(one) for one in options.segments.split(",")]
    found: dict[int, dict[str, Measured]] = {number: {} for number in numbers}
    for name in options.engines.split(","):
        with ProcessPoolExecutor(1, get_context("spawn")) as process:  # a process has one session of Spark
            results = process.submit(measure_engine, name, options, account, folder).result()
        for number, result in zip(numbers, results, strict=True):
            found[number][name] = result
    print("segments engine     wall s   cpu s  × duckdb     MiB   members")
    for number, results in found.items():
        base = next(iter(results.values()))
        for name, one in results.items():
            rows = sum(count for _, count, _ in one.members)
            ratio = one.cpu / base.cpu
            print(
                f"{number:>8} {name:10}{one.wall:>7.2f}{one.cpu:>8.2f}{ratio:>10.1f}{one.memory:>8.0f}{rows:>10,}",
                flush=True,
            )
            if one is not base:
                compared(f"{number:,} segments on {name}", one.cpu, next(iter(results)), base.cpu, "s of CPU")
    return all(
        one.members == next(iter(found[number].values())).members
        for number in numbers
        for one in found[number].values()
    )


def main() -> None:
    """Measure the engines that the options name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    account_options(parser)
    parser.add_argument("--account", type=Path, help="a DuckDB file that generate.py wrote; default: a new one")
    parser.add_argument("--segments", default="1,10,100,1000", help="numbers of segments")
    parser.add_argument("--engines", default="duckdb,postgres", help="some of " + ", ".join(ENGINES))
    parser.add_argument("--popular", type=float, default=0.9, help="share of the numbers of days that are popular ones")
    parser.add_argument("--repeat", type=int, default=2, help="runs per measurement, of which the fastest counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="engines") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user
        if options.account is None:
            options.account = folder / "account.duckdb"
            generate(options.account, account_of(options))
        with duckdb.connect(options.account, read_only=True) as warehouse:
            counted = (
                "select (select count(*) from marts.fct_partners), (select count(*) from marts.fct_performance_daily)"
            )
            ((partners, rows),) = warehouse.execute(counted).fetchall()
        print(f"{partners:,} partners, {rows:,} rows of daily facts")
        if not compare(options, options.account, folder):
            sys.exit("The engines do not find the same members.")


if __name__ == "__main__":
    main()
