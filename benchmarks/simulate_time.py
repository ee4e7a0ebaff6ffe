"""Measure the simulation of a month of ninety workflows, compared with evaluating one hour after another.

python benchmarks/simulate_time.py                  # the example account
python benchmarks/simulate_time.py --copies 20      # twenty times the account: 8,380 partners
"""

import argparse
import resource
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import flows.warehouse.evaluations
from compared import compared
from compiler import Compiler, project_vocabulary
from flows.pipeline.run import plan_only
from flows.preview.simulate import simulate
from flows.settings import CHECKOUT, Settings
from flows.warehouse.connection import open_warehouse, transaction
from flows.warehouse.example import load_example
from generate import definitions, read_all

AS_OF = datetime(2026, 3, 20, 18, tzinfo=UTC)
LAST = date(2026, 3, 20)
KEYS = ("partner_id", "contract_id", "superseded_by", "action_id")


def main() -> None:
    """Build the tables, then print wall and CPU seconds of both ways, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workflows", type=int, default=90)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--copies", type=int, default=1, help="size as a multiple of the example account")
    options = parser.parse_args()
    vocabulary = project_vocabulary()
    workflows = [one.workflow for one in read_all(definitions(options.workflows), vocabulary)]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state_dir=Path(folder), workflows=CHECKOUT / "workflows")
        _load(settings, options.copies)
        plan_only(settings, AS_OF)
        compiler = Compiler(vocabulary)
        first = LAST - timedelta(days=options.days - 1)
        wall, cpu, found = _timed(lambda: simulate(settings, workflows, compiler, first, LAST))
        with patch.object(flows.warehouse.evaluations, "MAX_HOURS_PER_BATCH", 1):
            one_wall, one_cpu, _ = _timed(lambda: simulate(settings, workflows, compiler, LAST, LAST))
    size = f"{options.workflows} workflows, {options.days} days, {options.copies} x 419 partners"
    print(f"{size}: {len(found.sends):,} sends")
    print(f"simulate          {wall:8.1f} s   {cpu:8.1f} s of CPU")
    one_wall, one_cpu = one_wall * options.days, one_cpu * options.days
    print(f"hour by hour      {one_wall:8.1f} s   {one_cpu:8.1f} s of CPU (one day times the days)")
    print(f"ratio             {one_wall / wall:8.1f}     {one_cpu / cpu:8.1f}")
    compared(f"simulate {options.days} days", cpu, "hour by hour", one_cpu, "s of CPU")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


def _load(settings: Settings, copies: int) -> None:
    """Load the example account, and copies of all its partners under other ids."""
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        for table in load_example(connection):
            columns = [row[0] for row in connection.execute(f"DESCRIBE raw.{table}").fetchall()]
            if "partner_id" in columns and copies > 1:
                named = [f"{name} || '-' || copy AS {name}" if name in KEYS else name for name in columns]
                connection.execute(
                    f"INSERT INTO raw.{table} SELECT {', '.join(named)} FROM raw.{table}, range(1, ?) AS t(copy)",
                    [copies],
                )


def _timed(step):
    wall, cpu = time.monotonic(), time.process_time()
    result = step()
    return time.monotonic() - wall, time.process_time() - cpu, result


if __name__ == "__main__":
    main()
