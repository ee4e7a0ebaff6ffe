"""Measure the CPU time of an hour in which 1 % of the partners changed, as a share of a full build of the same account.

    python benchmarks/incremental.py --partners 100000 --rows 30000000

It creates an account in the raw tables and builds it with the sixteen example workflows as a run does. Then it changes
some partners and builds again, and builds once more with nothing changed. Each build runs in a process of its own. The
first is a full refresh; the others build what depends on the changed source tables, and the segments. With --facts, it
builds only fct_performance_daily and the models that it depends on.

After each build of everything it publishes, as a run does, and compares that with writing the tables of marts and
snapshots to a new file.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from compared import compared
from flows.atomic import sync
from flows.definitions.loader import Definitions, read_definitions
from flows.settings import CHECKOUT, Settings
from flows.transform.build import build, prepare_project
from flows.transform.build_state import BuildState
from flows.transform.dbt_runner import Dbt
from flows.transform.impact import Lineage
from flows.warehouse.connection import Connection, open_warehouse
from flows.warehouse.evaluations import write_evaluations_at
from flows.warehouse.publish import publish
from flows.warehouse.raw_tables import CREATE
from support.warehouses import duckdb_connection

HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)
DAYS = 730
CLICKS_PER_ACTION = 9

ACCOUNT = """
    INSERT INTO raw.programs VALUES
        ('1000', 'Performance', 'performance', 'America/New_York', 'USD', {loaded}),
        ('2000', 'Creators', 'creator', 'Asia/Kolkata', 'INR', {loaded});
    INSERT INTO raw.partners
    SELECT {program}, {partner}, 'Partner ' || p, NULL, {loaded} FROM range({partners}) AS numbers (p);
    INSERT INTO raw.partner_contacts
    SELECT {program}, {partner}, 'p' || p || '@example.com', NULL, NULL, true, NULL, {loaded}
    FROM range({partners}) AS numbers (p);
    INSERT INTO raw.contracts
    SELECT
        {program}, 'S-' || p, {partner}, 'Joined', '1', 'Standard Terms',
        TIMESTAMP '2026-03-20' - to_hours(CAST((p * 7919) % 17520 AS INTEGER)), NULL, NULL,
        TIMESTAMP '2024-03-01', TIMESTAMP '2024-03-01', {loaded}
    FROM range({partners}) AS numbers (p);
    INSERT INTO raw.partner_clicks_daily
    SELECT
        {program}, {partner}, CAST(DATE '2026-03-20' - CAST(d AS INTEGER) AS DATE), 1 + (p * 31 + d * 17) % 40, {loaded}
    FROM range({partners}) AS numbers (p), range({days}) AS days (d)
    WHERE (p * 7919 + d * 104729) % 1000000 < {share};
    INSERT INTO raw.actions
    SELECT
        {program}, 'A' || p || '.' || n, {partner},
        TIMESTAMP '2026-03-20 17:00' - to_minutes(CAST((p * 7919 + n * 104729) % (1440 * {days}) AS BIGINT)),
        CASE WHEN (p + n) % 20 = 0 THEN 'REVERSED' WHEN n % 3 = 0 THEN 'PENDING' ELSE 'APPROVED' END,
        ((p * 13 + n * 7) % 20000) / 100, CASE WHEN p % 10 = 0 THEN 'INR' ELSE 'USD' END, NULL, {loaded}
    FROM range({partners}) AS numbers (p), range({actions}) AS actions (n);
"""
"""SQL without random numbers. One partner in ten is in program 2000; {share} of a million partner days have clicks."""

CHANGES = """
    UPDATE raw.partner_clicks_daily SET clicks = clicks + 1, _loaded_at = {loaded}
    WHERE {changed} AND click_date >= DATE '2026-03-19';
    INSERT INTO raw.actions
    SELECT {program}, 'new' || p, {partner}, TIMESTAMP '2026-03-20 17:30', 'PENDING', 12.5,
        CASE WHEN p % 10 = 0 THEN 'INR' ELSE 'USD' END, NULL, {loaded}
    FROM range({partners}) AS numbers (p) WHERE p % {every} = 7;
    UPDATE raw.actions SET state = 'REVERSED', _loaded_at = {loaded} WHERE {changed} AND action_id LIKE '%.1';
    UPDATE raw.actions SET event_at = event_at - to_days(40), _loaded_at = {loaded}
    WHERE {changed} AND action_id LIKE '%.2';
    DELETE FROM raw.partner_clicks_daily WHERE {changed} AND click_date = DATE '2026-02-01';
"""
"""For each changed partner: two days of clicks are corrected, an action is added, one is reversed and one moved by 40
days, and a day of clicks is deleted."""


def parts(options: argparse.Namespace) -> dict[str, object]:
    """Return the values of the placeholders in ACCOUNT and CHANGES."""
    actions = options.rows // (CLICKS_PER_ACTION + 1)
    return {
        "program": "CASE WHEN p % 10 = 0 THEN '2000' ELSE '1000' END",
        "partner": "CAST(10000000 + p AS VARCHAR)",
        "loaded": f"TIMESTAMP '{HOUR:%Y-%m-%d %H:%M}'",
        "partners": options.partners,
        "days": DAYS,
        "share": 1_000_000 * (options.rows - actions) // (options.partners * DAYS),
        "actions": actions // options.partners,
        "every": options.every,
        "changed": f"CAST(partner_id AS BIGINT) % {options.every} = 7",
    }


def make(settings: Settings, options: argparse.Namespace) -> int:
    """Create the account and the tables that a run writes, and return the number of rows of clicks and actions."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with duckdb_connection(settings.warehouse, threads=2) as warehouse:
        warehouse.execute("CREATE SCHEMA raw")
        for statement in CREATE.values():
            warehouse.execute(statement)
        warehouse.execute(ACCOUNT.format(**parts(options)))
        write_evaluations_at(warehouse, HOUR)
        query = "SELECT (SELECT count(*) FROM raw.partner_clicks_daily) + (SELECT count(*) FROM raw.actions)"
        return warehouse.execute(query).fetchone()[0]


def change(settings: Settings, options: argparse.Namespace) -> None:
    """Make the changes of one hour."""
    with duckdb_connection(settings.warehouse, threads=2) as warehouse:
        warehouse.execute(CHANGES.format(**parts(options)))


def measure(var: Path, facts: bool) -> dict[str, float]:
    """Run one build in this process, and return wall seconds, CPU seconds and peak GiB."""
    settings = Settings(state_dir=var, workflows=CHECKOUT / "workflows")
    wall, cpu = time.perf_counter(), time.process_time()
    definitions = read_definitions(settings)
    if facts:
        build_facts(settings, definitions)
    else:
        held = build(settings, definitions).held
        assert not held, held
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peak": peak}


def publish_file(var: Path, how: str) -> dict[str, float]:
    """Publish in this process: a `copy` of the file as a run does, or `tables` written to a new file.

    Returns wall seconds, CPU seconds, peak GiB, and GiB of the file.
    """
    settings = Settings(state_dir=var, workflows=CHECKOUT / "workflows")
    with open_warehouse(settings.warehouse) as connection:
        wall, cpu = time.perf_counter(), cpu_seconds()
        file = settings.published
        if how == "copy":
            publish(connection, file)
        else:
            file = var / "tables.duckdb"
            file.unlink(missing_ok=True)
            write_tables(connection, file)
            sync(file)
        found = {"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {**found, "peak": peak, "disk": file.stat().st_size / 2**30}


def write_tables(connection: Connection, file: Path) -> None:
    """Write the tables and views of marts and snapshots to a new file."""
    connection.execute(f"ATTACH '{file}' AS fresh")
    for schema in ("marts", "snapshots"):
        connection.execute(f"CREATE SCHEMA fresh.{schema}")
        for name in connection.columns(schema):
            connection.execute(f"CREATE TABLE fresh.{schema}.{name} AS SELECT * FROM {schema}.{name}")
    connection.execute("CHECKPOINT fresh")
    connection.execute("DETACH fresh")


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of those that it has waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def build_facts(settings: Settings, definitions: Definitions) -> None:
    """Build the daily facts and their inputs where they are out of date, and save the build state as a run does."""
    dbt = Dbt(settings, prepare_project(settings, definitions))
    lineage = Lineage(dbt.parse(), definitions.compiler)
    with open_warehouse(settings.warehouse) as connection:
        state = BuildState.load(connection, settings, dbt, lineage)
        selection = state.dbt_selection()
        changed = [f"{name},+fct_performance_daily" for name in selection if name.startswith("source:")]
        full = selection == ["--full-refresh"]
        if full or changed:
            chosen = [*selection, "--select", "+fct_performance_daily"] if full else ["--select", *changed]
            result = dbt.build(*chosen, "--indirect-selection", "cautious")
            assert result.success, result.exception or [one.message for one in result.result.results]
            state.save(connection)


def measured(title: str, settings: Settings, facts: bool, against: dict[str, float] | None = None) -> dict[str, float]:
    """Run one build, and publish, each in a process of its own; print the figures, and return those of the build."""
    found = in_a_process(title, "--build", settings.state_dir, *(["--facts"] if facts else []), against=against)
    if not facts:
        tables = in_a_process("  publish: tables written", "--publish", "tables", "--build", settings.state_dir)
        in_a_process("  publish: a copy", "--publish", "copy", "--build", settings.state_dir, against=tables)
    return found


def in_a_process(title: str, *arguments: object, against: dict[str, float] | None = None) -> dict[str, float]:
    """Run this file with these arguments, and print and return its figures."""
    done = subprocess.run([sys.executable, __file__, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    ratio = f"{found['cpu'] / against['cpu']:>7.1%}" if against else f"{'':>7}"
    disk = f"{found['disk']:>9.2f}" if "disk" in found else ""
    print(f"{title:32} {found['wall']:>8.1f} {found['cpu']:>8.1f} {ratio} {found['peak']:>6.2f}{disk}", flush=True)
    if against:
        than = "tables written" if "--publish" in arguments else "the full build"
        compared(title.strip(), found["cpu"], than, against["cpu"], "s of CPU")
    return found


def main() -> None:
    """Measure, or run one build for the parent process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--partners", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=30_000_000, help="rows of clicks and actions together")
    parser.add_argument("--every", type=int, default=100, help="one in this number of partners changes")
    parser.add_argument("--facts", action="store_true", help="only the daily facts and their inputs")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--publish", choices=("copy", "tables"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publish:
        print(json.dumps(publish_file(options.build, options.publish)))
        return
    if options.build:
        print(json.dumps(measure(options.build, options.facts)))
        return
    with tempfile.TemporaryDirectory(prefix="incremental") as folder:
        settings = Settings(state_dir=Path(folder), workflows=CHECKOUT / "workflows")
        rows = make(settings, options)
        print(f"{rows:,} rows of {options.partners:,} partners, one in {options.every} of which changes")
        print(f"{'build':32} {'wall s':>8} {'cpu s':>8} {'by cpu':>7} {'GiB':>6} {'GiB disk':>8}")
        full = measured("full", settings, options.facts)
        change(settings, options)
        measured("an hour's changes", settings, options.facts, full)
        measured("nothing changed", settings, options.facts, full)


if __name__ == "__main__":
    main()
