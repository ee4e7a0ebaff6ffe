"""A PostgreSQL server that cannot be reached, is too old, refuses a user or ends a session: one sentence each."""

from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pytest
import yaml

from compiler import PROJECT, PartnerflowError
from flows.settings import Settings
from flows.warehouse.connection import lock_warehouse, open_read_only, open_warehouse
from flows.warehouse.engines.postgres import DEFAULTS, VARIABLES
from support.cli import partnerflow
from support.warehouses import empty_warehouse, run_native

pytestmark = pytest.mark.engine("postgres", "is about its server")


def test_unreachable_server_error_names_the_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The error has no traceback."""
    place = Settings(state_dir=tmp_path).warehouse
    monkeypatch.setenv("PGHOST", str(tmp_path))
    with pytest.raises(PartnerflowError, match=r"(?s)PostgreSQL cannot be reached: .*PGHOST, PGPORT"):
        open_warehouse(place).__enter__()


def test_old_server_is_refused_with_the_version_that_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """PostgreSQL 15 lacks a function that models call."""
    place = Settings(state_dir=tmp_path).warehouse
    old = SimpleNamespace(server_version=150018, close=lambda: None)
    monkeypatch.setattr(psycopg2, "connect", lambda _: old)
    with pytest.raises(PartnerflowError, match=r"PostgreSQL 15\.18, and the models need 16 or later"):
        open_warehouse(place).__enter__()


def test_defaults_of_the_connection_are_those_of_dbt():
    """Else dbt would build in another database than flows reads when a variable is not set."""
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text())["partnerflow"]["outputs"]["postgres"]
    for key, default in DEFAULTS.items():
        assert f"env_var('{VARIABLES[key]}', '{default}')" in profile[key]


def test_reading_session_cannot_write(tmp_path: Path):
    """`doctor` changes nothing, even by mistake."""
    with empty_warehouse(tmp_path):
        place = Settings(state_dir=tmp_path).warehouse
        with open_read_only(place) as connection, pytest.raises(PartnerflowError, match="cannot execute CREATE SCHEMA"):
            connection.execute("CREATE SCHEMA raw")


def test_user_without_privileges_is_told_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`load-example` is the first command that writes; the message is one for all."""
    with empty_warehouse(tmp_path) as warehouse:
        run_native(warehouse, "DROP ROLE IF EXISTS visitor")
        run_native(warehouse, "CREATE ROLE visitor LOGIN")
        monkeypatch.setenv("PGUSER", "visitor")
        answer = partnerflow(Settings(state_dir=tmp_path), "load-example")
    assert (answer.code, answer.stdout) == (1, "")
    assert "PostgreSQL refuses a statement: permission denied for database" in answer.stderr
    assert "must create schemas in the database" in answer.stderr


def test_session_that_the_server_ends_is_one_sentence(tmp_path: Path):
    """As when it is restarted during a run: the next run does what is left."""
    with empty_warehouse(tmp_path) as warehouse:
        place = Settings(state_dir=tmp_path).warehouse
        with open_warehouse(place) as ended:
            ((number,),) = run_native(ended, "SELECT pg_backend_pid()").fetchall()
            run_native(warehouse, f"SELECT pg_terminate_backend({number})")
            with pytest.raises(PartnerflowError, match=r"(?s)PostgreSQL does not answer: .*next run"):
                ended.execute("SELECT 1")


def test_second_run_on_a_database_is_refused(tmp_path: Path):
    """Another state folder, whose own lock is free; the lock ends with the session."""
    with empty_warehouse(tmp_path):
        place = Settings(state_dir=tmp_path).warehouse
        first, second, third = (lock_warehouse(place, tmp_path / name) for name in ("first", "second", "third"))
        with first, pytest.raises(PartnerflowError, match="Another run is using the database"):
            second.__enter__()
        with third:
            pass


@pytest.mark.parametrize(
    "change",
    [
        ["UPDATE raw.partners SET name = ''"],
        ["ALTER TABLE raw.partners ALTER name TYPE VARCHAR(9)"],
        ["ALTER TABLE raw.partners RENAME name TO title"],
        ["CREATE TABLE raw.copy AS SELECT * FROM raw.partners", "DROP TABLE raw.partners",
         "ALTER TABLE raw.copy RENAME TO partners"],
    ],
)  # fmt: skip
def test_version_differs_after_every_change_of_a_table(tmp_path: Path, change: list[str]):
    """A new table with the same rows is a change: the views of the old one are gone."""
    with empty_warehouse(tmp_path) as warehouse:
        warehouse.execute("CREATE SCHEMA raw")
        warehouse.execute("CREATE TABLE raw.partners AS SELECT '1' AS partner_id, CAST(NULL AS VARCHAR) AS name")
        before = warehouse.versions("raw", ["partners"])
        assert warehouse.versions("raw", ["partners"]) == before
        for statement in change:
            run_native(warehouse, statement)
        assert warehouse.versions("raw", ["partners"]) != before
