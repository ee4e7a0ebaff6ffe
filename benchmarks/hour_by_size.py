"""Measure what an hour costs and reads, by the months of history and the number of workflows.

    PYTHONPATH=.:tests python benchmarks/hour_by_size.py --months 3,12,24 --workflows 10,100,1000      # half an hour

For each number of months it generates an account (raw_account.py) whose clicks, actions, emails and events of emails
go back as far. For each number of workflows it runs an hour in which nothing is due, since every member has been
contacted, and one in which one partner in 100 has changed, each in a process of its own. CPU seconds and rows that
DuckDB reads are shown by part: dbt itself, the statements of models and tests, the checksums of the source tables, the
mirror of the ledger, publishing, and the rest.
"""

import json
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import duckdb
import typer

import generate
from compared import compared
from compiler import PROJECT
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import mirror
from flows.settings import CHECKOUT, Settings
from flows.warehouse.connection import open_warehouse, transaction
from flows.warehouse.raw_tables import raw_columns
from incremental import change
from raw_account import RawAccount, fill

FIRST = datetime(2026, 3, 20, 19, tzinfo=UTC)
"""The first hour. In no program is there a midnight in the nine hours from here on."""

PARTS = ("dbt", "facts", "emails", "segments", "tests", "checksums", "mirror", "publish", "rest")
FOLDERS = {
    "segments": "segments",
    "email": "emails",
    "email_events": "emails",
    "goals": "emails",
    "reporting": "emails",
}
"""The part of a model by the folder that it is in; other models are `facts`."""

EVERY = 100
"""One partner in this number changes."""


class Meter:
    """Counts CPU seconds and rows read of the part that is running; a part inside another counts by itself."""

    def __init__(self) -> None:
        self.cpu: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.nodes: Counter[str] = Counter()
        self.running = ["rest"]
        self._counted = 0.0

    def count(self) -> None:
        """Count the CPU seconds since the last call."""
        now = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        self.cpu[self.running[-1]] += now - self._counted
        self._counted = now

    @contextmanager
    def part(self, name: str | None) -> Iterator[None]:
        """Count the block as this part; as the running one for None."""
        self.count()
        self.running.append(name or self.running[-1])
        try:
            yield
        finally:
            self.count()
            self.running.pop()

    def measured(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, whose calls count as this part."""

        def call(*arguments: Any, **options: Any) -> Any:
            with self.part(name):
                return function(*arguments, **options)

        return call

    def watch_statements(self) -> None:
        """Count each statement of DuckDB: those of dbt have the id of their model or test in a comment."""
        cursor, parts = duckdb.DuckDBPyConnection, parts_of_models()
        execute, fetchall, unread = cursor.execute, cursor.fetchall, {}

        def read_profile(connection: duckdb.DuckDBPyConnection, part: str) -> int:
            rows: int = json.loads(connection.get_profiling_information(format="json")).get(
                "cumulative_rows_scanned", 0
            )
            self.rows[part] += rows
            return rows

        def watched(connection: duckdb.DuckDBPyConnection, query: Any, *arguments: Any, **options: Any) -> Any:
            node = re.search(r'"node_id": "(\w+)\.\w+\.(\w+)', str(query))
            with self.part(parts.get(node[2], "tests" if node[1] == "test" else "facts") if node else None):
                before = self._counted
                execute(connection, "SET enable_profiling = 'no_output'")
                result = execute(connection, query, *arguments, **options)
                self.count()
                self.nodes[node[2] if node else "without dbt"] += self._counted - before
                if not read_profile(connection, self.running[-1]):
                    unread[id(connection)] = self.running[-1]
                return result

        def fetched(connection: duckdb.DuckDBPyConnection) -> Any:
            part = unread.pop(id(connection), None)
            with self.part(part):
                rows = fetchall(connection)
                if part is not None:
                    read_profile(connection, part)
                return rows

        cursor.execute, cursor.fetchall = watched, fetched


def parts_of_models() -> dict[str, str]:
    """Return the part of each model that is not one of the facts, by its name."""
    return {
        file.stem: FOLDERS[folder]
        for file in (PROJECT / "models").rglob("*.sql")
        for folder in file.relative_to(PROJECT / "models").parts
        if folder in FOLDERS
    }


def one_thread(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options with which dbt runs one statement after another, so that each can be measured."""
    return ("--threads", "1") if command[0] == "build" else ()


def hour(state: Path, workflows: Path, as_of: datetime) -> None:
    """Run one hour in this process, and print its figures as JSON."""
    from flows.pipeline import planning, run
    from flows.transform import build
    from flows.transform.build_state import BuildState
    from flows.transform.dbt_runner import Dbt

    meter, invoke = Meter(), Dbt.invoke
    meter.count()
    meter.watch_statements()
    Dbt.invoke = meter.measured("dbt", lambda self, *command: invoke(self, *command, *one_thread(command)))
    build.prepare_project = meter.measured("dbt", build.prepare_project)
    BuildState.load = meter.measured("checksums", BuildState.load)
    run.mirror = planning.mirror = meter.measured("mirror", mirror)
    run.publish = meter.measured("publish", run.publish)
    done = run.run_hour(Settings(state_dir=state, workflows=workflows), as_of)
    meter.count()
    assert all(one.status in ("done", "over_limit") for one in done.plan.workflows), done.plan.workflows
    sent = sum(one.sent for one in done.plan.workflows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"cpu": meter.cpu, "rows": meter.rows, "nodes": meter.nodes, "sent": sent, "peak": peak}))


def make(settings: Settings, months: int, options: Namespace) -> None:
    """Create the account, the emails of its months, and two events of each email."""
    with open_warehouse(settings.warehouse) as connection, closing(Ledger(settings.ledger)) as ledger:
        with transaction(connection):
            fill(connection, RawAccount(options.partners, options.rows_a_month * months, months))
        add_contacts(settings, list(earlier_contacts(months, options)))
        mirror(connection, ledger)
        with transaction(connection):
            for event in ("delivered", "open"):
                connection.execute(EVENTS.format(event=event, where="true"))
            for statement in RUNS:
                connection.execute(statement.format(hours=months * 720, workflows=options.runs_of, first=FIRST))
        rows = connection.execute("SELECT * EXCLUDE (notes) FROM raw.workflow_runs ORDER BY run_id").fetchall()
        newest = connection.execute("SELECT log_id, run_id FROM raw.run_watermark").fetchone()
    add_runs(settings, rows, newest)


EVENTS = """
    INSERT INTO raw.email_events
    SELECT
        delivery_id || '{event}', 'sendgrid', sent_at,
        '[{{"event": "{event}", "sg_event_id": "' || delivery_id || '{event}", '
        || '"delivery_id": "' || delivery_id || '"}}]',
        sent_at
    FROM raw.sent_emails WHERE {where}"""


RUNS = (
    """
    INSERT INTO raw.workflow_runs
    SELECT
        strftime(as_of, '%Y%m%dT%H%M%SZ-0'), 'run-' || number, as_of, 'done',
        100, 100, 90, 0, 0, 0, 10, 10, 0, 0, NULL, NULL
    FROM range({workflows}) AS workflows (number), (
        SELECT TIMESTAMP '{first:%Y-%m-%d %H:%M}' - to_hours(hour) AS as_of FROM range(1, {hours} + 1) AS hours (hour)
    ) AS hours""",
    "DELETE FROM raw.run_watermark",
    "INSERT INTO raw.run_watermark SELECT count(DISTINCT run_id), max(run_id) FROM raw.workflow_runs",
)
"""One row per hour and workflow that there was."""


def add_runs(settings: Settings, rows: list[tuple[Any, ...]], newest: tuple[int, str]) -> None:
    """Add to the ledger the runs that the warehouse has, in the order of their hours."""
    runs = sorted({(row[0], f"{row[2]}.000000") for row in rows})
    assert (len(runs), runs[-1][0]) == newest
    columns = ", ".join(raw_columns("workflow_runs")[:-1])
    with closing(sqlite3.connect(settings.ledger)) as ledger, ledger:
        ledger.executemany("INSERT INTO run (run_id, as_of) VALUES (?, ?)", runs)
        statement = f"INSERT INTO workflow_run ({columns}) VALUES ({', '.join('?' * len(rows[0]))})"
        ledger.executemany(statement, ((*row[:2], f"{row[2]}.000000", *row[3:]) for row in rows))


def earlier_contacts(months: int, options: Namespace) -> Iterator[tuple[str, str, str, datetime]]:
    """Yield a contact per email (workflow, program, partner, time) of workflows that there were in earlier months."""
    for month in range(1, months + 1):
        for number in range(options.emails_a_month):
            partner = (number * 7919 + month) % options.partners
            at = FIRST.replace(tzinfo=None) - timedelta(days=30 * month, seconds=number % 86400)
            yield f"month-{month}", "1000" if partner % 10 else "2000", str(10_000_000 + partner), at


def contact_members(settings: Settings, as_of: datetime) -> None:
    """Record a contact of every member of every segment, so that nothing is due, as after a run that sent to them."""
    query = """
        SELECT DISTINCT workflow_id, program_id, partner_id FROM marts.segment_membership
        JOIN segments.segment_workflows USING (workflow_id, program_id) WHERE action = 'email'"""
    with open_warehouse(settings.warehouse) as connection:
        members = connection.execute(query).fetchall()
    add_contacts(settings, [(*member, as_of.replace(tzinfo=None)) for member in members])


def add_contacts(settings: Settings, contacts: list[tuple[str, str, str, datetime]]) -> None:
    """Add contacts to the ledger, each with an email that was sent."""
    with closing(sqlite3.connect(settings.ledger)) as ledger, ledger:
        (first,) = ledger.execute("SELECT count(*) FROM delivery").fetchone()
        rows = []
        for number, (workflow, program, partner, at) in enumerate(contacts, first):
            when = f"{at:%Y-%m-%d %H:%M:%S}.000000"
            rows.append((workflow, program, partner, f"{number:032x}", f"{at:%Y%m%dT%H%M%SZ}-0", when))
        for statement in CONTACT:
            ledger.executemany(statement, rows)


CONTACT = (
    "INSERT OR IGNORE INTO contact SELECT ?1, ?2, ?3, '', ?5, ?6, ?6",
    """
    INSERT OR IGNORE INTO delivery (delivery_id, workflow_id, program_id, partner_id, contract_id, email, email_key,
        action, state, message_id, context, run_id, leased_by, as_of, claimed_at, sent_at)
    SELECT ?4, ?1, ?2, ?3, '', 'p' || ?3 || '@example.com', 'p' || ?3 || '@example.com', 'email',
        'sent', ?4 || '@example.com', '{}', ?5, ?5, ?6, ?6, ?6""",
    "INSERT INTO delivery_log (delivery_id, to_state, actor, at) SELECT ?4, 'sent', ?5, ?6",
)


def write_workflows(folder: Path, count: int) -> None:
    """Write this number of definitions, with the example messages."""
    if not folder.exists():
        shutil.copytree(CHECKOUT / "workflows" / "messages", folder / "messages")
        shutil.copy(CHECKOUT / "workflows" / "programs.yml", folder)
    for name, text in generate.definitions(count).items():
        (folder / name).write_text(text.replace("email: hello", "email: welcome"), encoding="utf-8")


def in_a_process(settings: Settings, as_of: datetime) -> dict[str, Any]:
    """Run this file for one hour, and return its figures."""
    command = [sys.executable, __file__, "--hour", as_of.isoformat(), "--state", settings.state_dir, "--folder"]
    done = subprocess.run([*command, settings.workflows], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(months: int, workflows: int, title: str, found: dict[str, Any], statements: int) -> None:
    """Print a row of CPU seconds, one of millions of rows read, and the models and tests that took longest."""
    for what, digits in (("cpu", 1), ("rows", 2)):
        figures = {part: found[what].get(part, 0) / (1 if what == "cpu" else 1e6) for part in PARTS}
        text = " ".join(f"{figures[part]:>9.{digits}f}" for part in PARTS)
        unit = "CPU s" if what == "cpu" else "M rows"
        total = f"{sum(figures.values()):>8.{digits}f}"
        print(f"{months:>6} {workflows:>9,} {title:12} {unit:6} {total} {text}", flush=True)
    if statements:
        slowest = Counter(found["nodes"]).most_common(statements)
        print("       " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in slowest), flush=True)


def measure(months: list[int], workflows: list[int], options: Namespace) -> None:
    """Measure each size, and print the table."""
    from flows.pipeline.run import plan_only

    print(f"{'months':>6} {'workflows':>9} {'hour':12} {'':6} {'all':>8} " + " ".join(f"{part:>9}" for part in PARTS))
    figures: list[tuple[str, float, float]] = []
    for history in months:
        with TemporaryDirectory(prefix="hour_by_size") as folder:
            settings, at = Settings(state_dir=Path(folder) / "state", workflows=Path(folder) / "workflows"), FIRST
            settings.state_dir.mkdir()
            make(settings, history, options)
            for count in workflows:
                write_workflows(settings.workflows, count)
                plan_only(settings, at)
                contact_members(settings, at)
                in_a_process(settings, at)
                idle = in_a_process(settings, at + timedelta(hours=1))
                show(history, count, "idle", idle, options.statements)
                with open_warehouse(settings.warehouse) as connection:
                    connection.execute("DELETE FROM raw.actions WHERE action_id LIKE 'new%'")  # of the former change
                change(settings, options)
                with open_warehouse(settings.warehouse) as connection:
                    changed = f"CAST(partner_id AS BIGINT) % {EVERY} = 7 AND workflow_id = 'month-1'"
                    connection.execute(EVENTS.format(event=f"click{at:%H}", where=changed))
                busy = in_a_process(settings, at + timedelta(hours=2))
                show(history, count, "1 % changed", busy, options.statements)
                figures.append(
                    (f"{history} months, {count:,} workflows", sum(idle["cpu"].values()), sum(busy["cpu"].values()))
                )
                at += timedelta(hours=3)
    smallest, *_ = figures
    for size, idle_cpu, busy_cpu in figures:
        compared(f"idle hour, {size}", idle_cpu, smallest[0], smallest[1], "s of CPU")
        compared(f"changed hour, {size}", busy_cpu, "idle hour", idle_cpu, "s of CPU")


def main(
    months: Annotated[str, typer.Option(help="Months of history, with commas.")] = "3,12,24",
    workflows: Annotated[str, typer.Option(help="Numbers of workflows, with commas; at most three.")] = "10,100,1000",
    partners: Annotated[int, typer.Option(help="Number of partners.")] = 5_000,
    rows_a_month: Annotated[int, typer.Option(help="Rows of clicks and actions a month.")] = 25_000,
    emails_a_month: Annotated[int, typer.Option(help="Emails a month, at most one a partner.")] = 2_500,
    runs_of: Annotated[int, typer.Option(help="Number of workflows that were run in each hour of these months.")] = 20,
    statements: Annotated[int, typer.Option(help="Number of models and tests to show, slowest first.")] = 0,
    hour_of: Annotated[str, typer.Option("--hour", hidden=True)] = "",
    state: Annotated[Path, typer.Option(hidden=True)] = Path(),
    folder: Annotated[Path, typer.Option(hidden=True)] = Path(),
) -> None:
    """Measure, or run one hour for the parent process."""
    if hour_of:
        hour(state, folder, datetime.fromisoformat(hour_of))
        return
    sizes = Namespace(partners=partners, rows_a_month=rows_a_month, emails_a_month=emails_a_month, every=EVERY)
    sizes.runs_of = runs_of
    sizes.statements = statements
    sizes.rows = rows_a_month  # of `change`, which takes any number of rows
    measure([int(one) for one in months.split(",")], [int(one) for one in workflows.split(",")], sizes)


if __name__ == "__main__":
    typer.run(main)
