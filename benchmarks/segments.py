"""Measure the evaluation of many segments, as multiples of a bare sum per partner over the same rows.

    python benchmarks/segments.py                                   # 50,000 partners, 3 million rows: some minutes
    python benchmarks/segments.py --partners 500000 --rows 30000000 --plans floor,each,compiled

Every measurement runs in a process of its own with two threads, so that peak memory is that of one plan. The program
fails if two plans find different members.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from compared import compared
from compiler import project_vocabulary
from generate import account_of, account_options, definitions, generate, read_all
from plans import PLANS


def measure(options: argparse.Namespace) -> dict:
    """Run one plan once, in this process."""
    vocabulary = project_vocabulary()
    files = definitions(options.number, options.seed, options.months, options.popular)
    workflows = [one.workflow for one in read_all(files, vocabulary)]
    if options.plan == "each":
        workflows = workflows[:: max(1, len(workflows) // options.sample)][: options.sample]
    statements = PLANS[options.plan](workflows, vocabulary)
    with tempfile.TemporaryDirectory(prefix="segments") as spill:
        config = {"threads": 2, "memory_limit": options.memory, "temp_directory": spill}
        with duckdb.connect(options.account, read_only=True, config=config) as warehouse:
            warehouse.execute("set preserve_insertion_order = false")
            walls, cpu = [], time.process_time()
            for statement in statements:
                start = time.perf_counter()
                warehouse.execute(statement)
                walls.append(time.perf_counter() - start)
            cpu = time.process_time() - cpu
            return _result(warehouse, options.plan, walls, cpu) | {
                "scale": options.number / len(workflows),
                "ids": [one.id for one in workflows],
                "spilled": sum(file.stat().st_size for file in Path(spill).iterdir()) / 2**30,
            }


def _result(warehouse: duckdb.DuckDBPyConnection, plan: str, walls: list[float], cpu: float) -> dict:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    members = {}
    if plan != "floor":
        query = """select workflow_id, count(*), cast(sum(hash(program_id, partner_id)) % 1000000007 as bigint)
            from members group by workflow_id order by workflow_id"""
        members = {name: [count, digest] for name, count, digest in warehouse.execute(query).fetchall()}
    return {"wall": sum(walls), "steps": walls, "cpu": cpu, "peak": peak, "members": members}


def child(options: argparse.Namespace, plan: str, number: int) -> dict | None:
    """Run one measurement in a process of its own; return None if it fails or takes too long."""
    command = [sys.executable, __file__, "--account", str(options.account), "--plan", plan, "--number", str(number)]
    for name in ("seed", "months", "popular", "memory", "sample"):
        command += [f"--{name}", str(getattr(options, name))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout, check=False)
    except subprocess.TimeoutExpired:
        print(f"{number:>8} {plan:18} more than {options.timeout} s", flush=True)
        return None
    if done.returncode:
        print(f"{number:>8} {plan:18} {done.stderr.strip().splitlines()[-1][:120]}", flush=True)
        return None
    return json.loads(done.stdout)


def median_of(options: argparse.Namespace, plan: str, number: int) -> dict | None:
    """Return the measurement with the median CPU time of several."""
    runs = [run for _ in range(options.repeat) if (run := child(options, plan, number))]
    return sorted(runs, key=lambda run: run["cpu"])[len(runs) // 2] if runs else None


def compare(options: argparse.Namespace) -> bool:
    """Measure every plan for every number of segments, and return whether all find the same members."""
    agreed = True
    print("segments plan                 wall s    cpu s  floors  by cpu    GiB      rows steps")
    for number in [int(one) for one in options.segments.split(",")]:
        floors = [run for run in [median_of(options, "floor", number)] if run]
        known: dict[str, list[int]] = {}
        for plan in options.plans.split(","):
            run = floors[0] if plan == "floor" else median_of(options, plan, number)
            if run is None:
                continue
            if plan != "floor":
                same = _agrees(known, run)
                agreed &= same
                if not same:
                    print(f"{number:>8} {plan:18} finds other members than the plans above")
            _print(number, plan, run, statistics.mean(one["wall"] for one in floors), floors[0]["cpu"])
    return agreed


def _agrees(known: dict[str, list[int]], run: dict) -> bool:
    """Return whether the members are those of the plans before, for the segments that both have run."""
    mine = {name: run["members"].get(name, [0, 0]) for name in run["ids"]}
    same = all(known.get(name, found) == found for name, found in mine.items())
    known.update(mine)
    return same


def _print(number: int, plan: str, run: dict, floor_wall: float, floor_cpu: float) -> None:
    wall, cpu, scale = run["wall"] * run["scale"], run["cpu"] * run["scale"], run["scale"]
    rows = sum(count for count, _ in run["members"].values())
    note = f" x{scale:.0f} from a sample" if scale > 1 else ""
    steps = " ".join(f"{one:.2f}" for one in run["steps"]) if len(run["steps"]) < 9 else ""
    spilled = f" spilled {run['spilled']:.1f} GiB" if run["spilled"] > 0.1 else ""
    print(
        f"{number:>8} {plan:18} {wall:>8.2f} {cpu:>8.2f} {wall / floor_wall:>7.2f} {cpu / floor_cpu:>7.2f} "
        f"{run['peak']:>6.2f} {rows:>9,} {steps}{spilled}{note}",
        flush=True,
    )
    if plan != "floor":
        compared(f"{number:,} segments, {plan}", cpu, "a bare sum of the rows", floor_cpu, "s of CPU")


def main() -> None:
    """Measure, or run one measurement for the parent process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    account_options(parser)
    parser.add_argument("--account", type=Path, help="a DuckDB file that generate.py wrote; default: a new one")
    parser.add_argument("--segments", default="1,10,100,1000", help="numbers of segments")
    parser.add_argument("--plans", default=",".join(PLANS), help="some of " + ", ".join(PLANS))
    parser.add_argument("--popular", type=float, default=0.9, help="share of the numbers of days that are popular ones")
    parser.add_argument("--repeat", type=int, default=3, help="runs per measurement, of which the median counts")
    parser.add_argument("--memory", default="6GB", help="DuckDB's memory limit")
    parser.add_argument("--sample", type=int, default=20, help="number of segments that `each` runs")
    parser.add_argument("--timeout", type=int, default=300, help="seconds after which a measurement is stopped")
    parser.add_argument("--plan", help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plan:
        print(json.dumps(measure(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.account is None:
            options.account = Path(folder) / "account.duckdb"
            generate(options.account, account_of(options))
        if not compare(options):
            sys.exit("The plans do not find the same members.")


if __name__ == "__main__":
    main()
