"""Incremental facts: after any sequence of builds they equal a full refresh of the current rows.

PARTNERFLOW_SEEDS=20 tests twenty random sequences instead of one.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.definitions.loader import read_definitions
from flows.settings import Settings
from flows.transform.build import prepare_project
from flows.transform.dbt_runner import Dbt
from flows.warehouse.connection import Connection, open_warehouse
from flows.warehouse.evaluations import write_evaluations_at
from flows.warehouse.raw_tables import CREATE, create_raw_table
from support.cli import environment
from support.databases import ENGINE
from support.example_workflows import WORKFLOWS
from support.states import HOUR, copy_warehouse, drop_warehouse

SEEDS = range(int(os.environ.get("PARTNERFLOW_SEEDS", "1")))
FACTS = ("intermediate.int_actions_localized", "marts.fct_performance_daily")
STEPS, CHANGES = 4, 40
ROW_ID = {"duckdb": "rowid", "postgres": "ctid"}[ENGINE]
DAY = date(2026, 3, 1)


class Loader:
    """A loader that changes random rows of the raw tables.

    It has few partners and days, so that changes often affect the same partner and day.
    """

    def __init__(self, connection: Connection, draw: random.Random):
        self.connection, self.draw = connection, draw
        self.number = 0

    def start(self) -> None:
        """Create the raw tables with two programs, and write the evaluation hour."""
        for name in CREATE:
            create_raw_table(self.connection, name)
        programs = [("1", "America/New_York", "USD"), ("2", "Asia/Kolkata", "INR")]
        for program in programs:
            self.connection.execute("INSERT INTO raw.programs VALUES (?, '', '', ?, ?, NULL)", program)
        write_evaluations_at(self.connection, HOUR)

    def batch(self) -> None:
        """Make some random changes, the common ones more often."""
        common: list[Callable[[], None]] = [self.new_clicks, self.new_action]
        late = [self.correct_clicks, self.move_clicks, self.reverse_or_approve, self.correct_amount, self.move_action]
        rare = [self.delete_clicks, self.delete_action, self.swap_amounts, self.change_partner, self.change_currency]
        rare += [self.repeat_clicks, self.repeat_action]
        for change in self.draw.choices(common * 5 + late * 2 + rare, k=CHANGES):
            change()
        if self.draw.random() < 0.3:
            zone = self.draw.choice(["America/New_York", "Europe/London", "Asia/Kolkata"])
            self.connection.execute("UPDATE raw.programs SET timezone = ? WHERE program_id = '1'", [zone])

    def new_clicks(self) -> None:
        """Add the clicks of a day, or replace those of a day that was loaded before."""
        key = [*self.partner(), self.day()]
        where = "(program_id, partner_id, click_date) = (?, ?, ?)"
        self.connection.execute(f"DELETE FROM raw.partner_clicks_daily WHERE {where}", key)
        row = [*key, self.draw.randrange(4), self.loaded_at()]
        self.connection.execute("INSERT INTO raw.partner_clicks_daily VALUES (?, ?, ?, ?, ?)", row)

    def correct_clicks(self) -> None:
        """Change the clicks of a row, but not its load time, as some loaders do."""
        self.change("partner_clicks_daily", "clicks = ?", self.draw.randrange(4))

    def move_clicks(self) -> None:
        """Move clicks to another day."""
        days = 100 + self.draw.randrange(9)
        self.change("partner_clicks_daily", "click_date = click_date + CAST(? AS INTEGER)", days)

    def delete_clicks(self) -> None:
        """Delete the clicks of a day."""
        self.delete("partner_clicks_daily")

    def new_action(self) -> None:
        """Add an action on any day, because late rows are common."""
        self.number += 1
        at = datetime.combine(self.day(), datetime.min.time()) + timedelta(minutes=30 * self.draw.randrange(48))
        program, partner = self.partner()
        state, amount = self.draw.choice(["PENDING", "APPROVED", "REVERSED"]), self.amount()
        currency = "USD" if program == "1" else "INR"
        row = [program, f"a{self.number}", partner, at, state, amount, currency, at, self.loaded_at()]
        self.connection.execute("INSERT INTO raw.actions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def reverse_or_approve(self) -> None:
        """Change the state of an action, in either direction."""
        self.change("actions", "state = ?", self.draw.choice(["APPROVED", "REVERSED"]))

    def correct_amount(self) -> None:
        """Change the amount of an action, sometimes to null."""
        self.change("actions", "amount = ?", self.draw.choice([None, self.amount()]))

    def move_action(self) -> None:
        """Change the time of an action."""
        hours = f"{self.draw.choice([-30, -1, 1, 30])} hours"
        self.change("actions", "event_at = event_at + CAST(? AS INTERVAL)", hours)

    def change_partner(self) -> None:
        """Change the partner of an action."""
        self.change("actions", "partner_id = ?", self.partner()[1])

    def change_currency(self) -> None:
        """Change the currency of an action; amounts in a foreign currency are not revenue."""
        self.change("actions", "currency = ?", self.draw.choice(["USD", "EUR"]))

    def swap_amounts(self) -> None:
        """Swap the amounts of two actions of one partner, which does not change their sum."""
        pair = self.connection.execute(
            "SELECT min(action_id), max(action_id) FROM raw.actions GROUP BY program_id, partner_id "
            "HAVING count(*) > 1 ORDER BY 1, 2 LIMIT 1"
        ).fetchone()
        if pair:
            amounts = dict(self.connection.execute("SELECT action_id, amount FROM raw.actions").fetchall())
            for one, other in (pair, pair[::-1]):
                self.connection.execute("UPDATE raw.actions SET amount = ? WHERE action_id = ?", [amounts[other], one])

    def delete_action(self) -> None:
        """Delete an action."""
        self.delete("actions")

    def repeat_clicks(self) -> None:
        """Load a row of clicks again; later changes may make the two differ."""
        self.repeat("partner_clicks_daily")

    def repeat_action(self) -> None:
        """Load an action again; later changes may make the two differ, or give one to another partner."""
        self.repeat("actions")

    def repeat(self, table: str) -> None:
        """Load one random row again."""
        row = self.random_row(table)
        self.connection.execute(f"INSERT INTO raw.{table} SELECT * FROM raw.{table} WHERE {ROW_ID} = ?", [row])

    def change(self, table: str, assignment: str, value: object) -> None:
        """Change a column of one random row."""
        row = self.random_row(table)
        if row is not None:
            self.connection.execute(f"UPDATE raw.{table} SET {assignment} WHERE {ROW_ID} = ?", [value, row])

    def delete(self, table: str) -> None:
        """Delete one random row."""
        self.connection.execute(f"DELETE FROM raw.{table} WHERE {ROW_ID} = ?", [self.random_row(table)])

    def random_row(self, table: str) -> Any:
        """Return the id of a random row, or None if the table is empty."""
        rows = self.connection.execute(f"SELECT {ROW_ID} FROM raw.{table} ORDER BY 1").fetchall()
        return self.draw.choice(rows)[0] if rows else None

    def partner(self) -> tuple[str, str]:
        """Return a program and one of its six partners."""
        return self.draw.choice("12"), f"p{self.draw.randrange(6)}"

    def day(self) -> date:
        """Return one of ten days."""
        return DAY + timedelta(days=self.draw.randrange(10))

    def amount(self) -> Decimal:
        """Return an amount from 0.00 to 4.99."""
        return Decimal(self.draw.randrange(500)) / 100

    def loaded_at(self) -> datetime | None:
        """Return a load time, which may be missing, or earlier than that of rows already loaded."""
        return self.draw.choice([None, HOUR.replace(tzinfo=None), HOUR.replace(tzinfo=None) - timedelta(hours=9)])


@pytest.fixture(scope="module")
def dbt(read_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Dbt]:
    """A state without tables, and a dbt runner for it."""
    settings = Settings(state_dir=tmp_path_factory.mktemp("incremental") / "var", workflows=WORKFLOWS)
    shutil.copytree(read_project, settings.state_dir / "dbt_project")
    runner = Dbt(settings, prepare_project(settings, read_definitions(settings)))
    runner.parse()
    return settings, runner


def facts(settings: Settings) -> dict[str, list[tuple]]:
    """Return all rows of the incremental tables."""
    with open_warehouse(settings.warehouse) as connection:
        return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=str) for table in FACTS}


def build(dbt: Dbt, *options: str) -> None:
    """Build the daily facts and all models upstream of them."""
    result = dbt.invoke("run", "--select", "+fct_performance_daily", *options)
    assert result.success, result.exception or [one.message for one in result.result.results]


def save_state(settings: Settings) -> None:
    """Record a valid state, as a run does after a successful build."""
    with open_warehouse(settings.warehouse) as connection:
        connection.execute("DELETE FROM raw.build_state")
        connection.execute("INSERT INTO raw.build_state VALUES ('project', '', 0)")


def start_account(settings: Settings) -> None:
    """Create a new warehouse, and load one batch."""
    drop_warehouse(settings.state_dir)
    with open_warehouse(settings.warehouse) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
        loader = Loader(connection, random.Random("start"))
        loader.start()
        loader.batch()


@pytest.mark.long
@pytest.mark.parametrize("is_valid", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_builds_in_sequence_equal_a_full_refresh(dbt: tuple[Settings, Dbt], seed: int, is_valid: bool):
    """Rows arrive late, are corrected, moved, reversed and deleted, and one build stops between the two tables.

    `is_valid` says whether the state is recorded as valid after each build.
    """
    settings, project = dbt
    drop_warehouse(settings.state_dir)
    draw = random.Random(seed)
    for step in range(STEPS):
        with open_warehouse(settings.warehouse) as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
            loader = Loader(connection, draw)
            loader.number = 1000 * step
            if step == 0:
                loader.start()
            loader.batch()
        if step == 2:
            build(project, "--exclude", "fct_performance_daily")
            continue
        build(project)
        if is_valid:
            save_state(settings)
        copy_warehouse(settings.state_dir, settings.state_dir / "kept")
        incremental = facts(settings)
        build(project, "--full-refresh")
        assert incremental == facts(settings), f"seed {seed}, step {step}"
        copy_warehouse(settings.state_dir / "kept", settings.state_dir)


def test_build_without_changes_writes_no_fact(dbt: tuple[Settings, Dbt]):
    """No partner counts as changed, and the facts stay."""
    settings, project = dbt
    start_account(settings)
    build(project)
    save_state(settings)
    build(project)
    with open_warehouse(settings.warehouse) as connection:
        assert connection.execute("SELECT count(*) FROM intermediate.int_changed_partners").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM marts.fct_performance_daily").fetchone() > (0,)


@pytest.mark.long
def test_changed_rows_count_whatever_their_load_time(dbt: tuple[Settings, Dbt]):
    """Rows with an old load time or none, and deleted rows, change the facts of their partners only.

    A partner without remaining rows is not listed as changed, but its facts are deleted.
    """
    settings, project = dbt
    start_account(settings)
    build(project)
    save_state(settings)
    with open_warehouse(settings.warehouse) as connection:
        insert = "INSERT INTO raw.partner_clicks_daily VALUES ('1', ?, '2026-04-01', 3, ?)"
        connection.execute(insert, ["late", HOUR.replace(tzinfo=None) - timedelta(days=90)])
        connection.execute(insert, ["unstamped", None])
        counted = "SELECT program_id, partner_id FROM raw.actions WHERE state <> 'REVERSED' ORDER BY 1, 2 LIMIT 1"
        deleted = connection.execute(counted).fetchone()
        connection.execute("DELETE FROM raw.actions WHERE (program_id, partner_id) = (?, ?)", deleted)
    build(project)
    incremental = facts(settings)
    with open_warehouse(settings.warehouse) as connection:
        changed = sorted(connection.execute("SELECT * FROM intermediate.int_changed_partners").fetchall())
        query = "SELECT count(*) FROM raw.partner_clicks_daily WHERE (program_id, partner_id) = (?, ?)"
        has_clicks = connection.execute(query, deleted).fetchone() != (0,)
    assert changed == sorted([("1", "late"), ("1", "unstamped"), *([deleted] if has_clicks else [])])
    build(project, "--full-refresh")
    assert incremental == facts(settings)


@pytest.mark.long
def test_reverted_rows_after_a_partial_build_restore_the_facts(dbt: tuple[Settings, Dbt]):
    """A build that stops between the two tables leaves them different; the next build corrects that."""
    settings, project = dbt
    start_account(settings)
    build(project)
    save_state(settings)
    before = facts(settings)
    for amount, options in (("amount + 1", ["--exclude", "fct_performance_daily"]), ("amount - 1", [])):
        with open_warehouse(settings.warehouse) as connection:
            connection.execute(f"UPDATE raw.actions SET amount = {amount}")
        build(project, *options)
    assert before == facts(settings)


@pytest.mark.long
def test_build_after_a_killed_one_equals_a_full_refresh(dbt: tuple[Settings, Dbt]):
    """A build killed between the two tables leaves new checksums, but facts of the rows before."""
    settings, project = dbt
    start_account(settings)
    build(project)
    save_state(settings)
    with open_warehouse(settings.warehouse) as connection:
        loader = Loader(connection, random.Random("killed"))
        loader.number = 1_000_000
        loader.batch()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "dbt", "run", "--select", "+fct_performance_daily"],
        cwd=settings.state_dir / "dbt_project", env=environment(settings), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert any("OK created" in line and "int_actions_localized" in line for line in process.stdout)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    build(project)
    incremental = facts(settings)
    build(project, "--full-refresh")
    assert incremental == facts(settings)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM marts.fct_performance_daily WHERE clicks = (SELECT max(clicks) FROM marts.fct_performance_daily)",
        "INSERT INTO marts.fct_performance_daily SELECT * FROM marts.fct_performance_daily WHERE actions > 0 LIMIT 1",
        "UPDATE marts.fct_performance_daily SET revenue = revenue + 0.01 WHERE actions > 0",
        "INSERT INTO marts.fct_performance_daily VALUES ('1', 'nobody', '2026-03-01', 1, 0, 0)",
    ],
)
def test_facts_that_differ_from_raw_rows_fail_the_dbt_test(dbt: tuple[Settings, Dbt], statement: str):
    """The differences are a lost day, a duplicate, revenue that was not loaded, and a partner that was not loaded."""
    settings, runner = dbt
    start_account(settings)
    build(runner)
    reconciliation = ("test", "--select", "test_name:reconciles_with")
    assert runner.invoke(*reconciliation).success
    with open_warehouse(settings.warehouse) as connection:
        connection.execute(statement)
    assert runner.invoke(*reconciliation).result.results[-1].status == "fail"
