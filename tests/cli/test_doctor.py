"""doctor: the problems of an installation, and what to do about them."""

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from flows.doctor import run_checks
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from flows.warehouse.time_zone_rules import RuleDifference
from support.cli import environment, partnerflow
from support.databases import ENGINE
from support.smtp_server import free_port
from support.states import HOUR, with_example


def found(settings: Settings, monkeypatch: pytest.MonkeyPatch, now=HOUR) -> dict[str, list[tuple[str, str]]]:
    """Return severity and message of the findings, by check."""
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    findings: dict[str, list[tuple[str, str]]] = {}
    for one in run_checks(now):
        findings.setdefault(one.check, []).append((one.severity, one.message))
    return findings


@pytest.fixture
def state(settings: Settings) -> Settings:
    settings.state_dir.chmod(0o700)
    return settings


def test_new_installation_reports_what_is_missing(state: Settings):
    """Without raw tables there is an error with a hint, the exit code is 1, and no file is created."""
    before = sorted(one.name for one in state.state_dir.iterdir())
    answer = partnerflow(state, "doctor", "--json")
    errors = [one for one in answer.json()["findings"] if one["severity"] == "error"]
    assert answer.code == 1
    assert [one["check"] for one in errors] == ["raw tables"]
    assert "load-example" in errors[0]["hint"]
    assert sorted(one.name for one in state.state_dir.iterdir()) == before


def test_loaded_account_is_all_ok(state: Settings, monkeypatch: pytest.MonkeyPatch):
    """The account is the example as loaded, before its first run."""
    findings = found(with_example(state), monkeypatch)
    assert {severity for ones in findings.values() for severity, _ in ones} == {"ok"}


@pytest.mark.parametrize(("mode", "warned"), [(0o755, True), (0o720, True), (0o711, False), (0o700, False)])
def test_state_folder_open_to_others_is_a_warning(
    state: Settings, monkeypatch: pytest.MonkeyPatch, mode: int, warned: bool
):
    """Others may pass through it to the published file, but neither list nor change it."""
    state.state_dir.chmod(mode)
    (warning, *_) = found(state, monkeypatch)["state folder"]
    assert warning[0] == ("warning" if warned else "ok")


def test_each_missing_table_column_and_zone_is_named(state: Settings, monkeypatch: pytest.MonkeyPatch):
    """Each problem is a finding of its own."""
    with open_warehouse(with_example(state).warehouse) as connection:
        connection.execute("DROP TABLE raw.prospects")
        connection.execute("ALTER TABLE raw.actions DROP COLUMN amount")
        connection.execute("ALTER TABLE raw.partners DROP COLUMN _loaded_at")
    assert found(state, monkeypatch)["raw tables"] == [
        ("error", "There is no table raw.prospects."),
        ("error", "raw.actions has no amount."),
        ("warning", "raw.partners has no _loaded_at."),
    ]
    with open_warehouse(with_example(state).warehouse) as connection:
        connection.execute("UPDATE raw.programs SET timezone = 'EST5' WHERE program_id = '1000'")
    ((severity, message),) = found(state, monkeypatch)["raw tables"]
    assert (severity, message.partition(". ")[0]) == (
        "error",
        "'EST5' of program 1000 in raw.programs is not a valid time zone",
    )


def test_time_zone_rules_that_differ_are_errors_with_a_remedy(state: Settings, monkeypatch: pytest.MonkeyPatch):
    """The finding names the zone, the instant and both offsets."""
    instant = datetime(2026, 11, 1, 7, tzinfo=UTC)
    one = RuleDifference("America/Winnipeg", instant, timedelta(hours=-5), timedelta(hours=-6))
    monkeypatch.setattr("flows.doctor.rule_differences", lambda *_: [one])
    findings = found(with_example(state), monkeypatch)["raw tables"]
    offsets = "Python has UTC-05:00, the warehouse has UTC-06:00"
    assert findings == [("error", f"Time zone rules differ: America/Winnipeg at 2026-11-01 07:00 UTC: {offsets}.")]
    (hint,) = [one.hint for one in run_checks(HOUR) if one.check == "raw tables"]
    assert {"duckdb": "requirements.lock", "postgres": "Let PostgreSQL have the rules of tzdata"}[ENGINE] in hint


@pytest.mark.engine("duckdb", "the warehouse is a file")
def test_file_that_is_not_a_warehouse_is_an_error(state: Settings, monkeypatch: pytest.MonkeyPatch):
    """The message says that the file is not a valid DuckDB file."""
    state.warehouse.write_text("not a database, but long enough to be read as the header of one" * 100)
    ((severity, message),) = found(state, monkeypatch)["raw tables"]
    assert severity == "error" and "is not a valid DuckDB file" in message


@pytest.mark.engine("duckdb", "one process writes a file at a time")
def test_warehouse_in_use_is_a_warning(state: Settings, monkeypatch: pytest.MonkeyPatch):
    """A loader may be writing to it; doctor does not wait."""
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(with_example(state).warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as loader:
        assert loader.stdout.readline() == "open\n"
        ((severity, message),) = found(state, monkeypatch)["raw tables"]
        loader.stdin.close()
    assert severity == "warning" and "Another process" in message


def test_damaged_ledger_is_an_error(state: Settings, monkeypatch: pytest.MonkeyPatch):
    """The message says how to restore it; it is not replaced by an empty one."""
    with_example(state)
    state.ledger.write_bytes(b"SQLite format 3\0" + b"damaged" * 1000)
    ((severity, message),) = found(state, monkeypatch)["ledger"]
    assert severity == "error" and "restore it from a backup" in message


def test_delivery_in_doubt_and_old_run_are_warnings(copied: Settings, monkeypatch: pytest.MonkeyPatch):
    """A last run is old after two hours."""
    state = copied
    with sqlite3.connect(state.ledger) as ledger:
        ledger.execute(
            "UPDATE delivery SET state = 'in_doubt' WHERE delivery_id = (SELECT min(delivery_id) FROM delivery)"
        )
    findings = found(state, monkeypatch, HOUR.replace(hour=23))
    assert findings["ledger"] == [("warning", "1 deliveries are in doubt; none is sent again automatically.")]
    assert [severity for severity, _ in findings["last run"]] == ["warning"]
    assert found(state, monkeypatch)["last run"] == [
        ("ok", f"{findings['last run'][0][1].removesuffix('.')}; all its workflows are done.")
    ]


def test_set_aside_and_held_are_one_line_per_cause(state: Settings, monkeypatch: pytest.MonkeyPatch):
    """Rows that are set aside are counted per raw table, and workflows that are held are named per reason."""
    state.published.parent.mkdir(parents=True)
    with duckdb.connect(state.published) as published:
        published.execute("""
            CREATE SCHEMA marts;
            CREATE TABLE marts.workflow_runs AS
                SELECT 'r' AS run_id, TIMESTAMP '2026-03-20 18:00' AS as_of, * FROM (VALUES
                    ('a', 'held', 'no clicks'), ('b', 'error', 'no message'), ('c', 'held', 'no clicks'),
                    ('d', 'done', NULL)) AS runs (workflow_id, status, detail);
            CREATE TABLE marts.quarantined_rows AS
                SELECT * FROM (VALUES
                    ('actions', 'state is null', 2), ('actions', 'state is null', 1200), ('actions', 'no amount', 1),
                    ('partners', 'name is null', 1)) AS found (table_name, reason, occurrences)""")
    findings = found(state, monkeypatch)
    said = "The last run, r, was as of 2026-03-20 18:00 UTC; not done: "
    assert findings["last run"] == [
        ("warning", f"{said}2 workflows (a, c): held: no clicks"), ("warning", f"{said}b: error: no message")
    ]  # fmt: skip
    both = "1,203 rows are set aside: 1,202 of raw.actions (state is null), 1 of raw.actions (no amount)."
    assert findings["rows used"] == [
        ("warning", both), ("warning", "1 row is set aside: 1 of raw.partners (name is null).")
    ]  # fmt: skip
    hints = [one.hint for one in run_checks(HOUR) if one.check == "rows used"]
    assert "SELECT * FROM marts.quarantined_rows WHERE table_name = 'actions' shows them." in hints[0]


def test_mail_server_is_checked(state: Settings, monkeypatch: pytest.MonkeyPatch):
    """A server that does not answer is an error. The example's sender is one, too, and no email workflow is valid."""
    monkeypatch.setenv("PARTNERFLOW_SMTP_TLS", "none")
    monkeypatch.setenv("PARTNERFLOW_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("PARTNERFLOW_SMTP_PORT", "9")
    ((severity, message),) = found(state, monkeypatch)["delivery"]
    assert severity == "error" and "127.0.0.1:9 cannot be reached" in message
    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        monkeypatch.setenv("PARTNERFLOW_SMTP_PORT", str(controller.port))
        findings = found(state, monkeypatch)
        assert [one for one, _ in findings["delivery"]] == ["ok", "error", "warning"]
        assert [one for one, _ in findings["definitions"]] == ["error", "ok"]
        monkeypatch.setenv("PARTNERFLOW_SENDER_ADDRESS", "us@x.example")
        findings = found(state, monkeypatch)
        assert [one for one, _ in findings["delivery"]] == ["ok", "warning"]
        assert [one for one, _ in findings["definitions"]] == ["ok"]
    finally:
        controller.stop()


def test_unreachable_prefect_server_is_an_error(state: Settings, monkeypatch: pytest.MonkeyPatch):
    """PREFECT_API_URL has a port where nothing listens."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    ((severity, message),) = found(state, monkeypatch)["prefect server"]
    assert severity == "error" and "127.0.0.1:9" in message


def test_invalid_settings_are_the_only_finding(monkeypatch: pytest.MonkeyPatch):
    """Without settings nothing else can be checked."""
    monkeypatch.setenv("PARTNERFLOW_SENDER_ADDRESS", "nobody")
    assert [(one.check, one.severity) for one in run_checks(HOUR)] == [("settings", "error")]
