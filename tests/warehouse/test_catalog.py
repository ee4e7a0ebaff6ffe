"""The catalog of the published file, with which checks compare names."""

import subprocess
import sys
from pathlib import Path

import duckdb

from compiler import project_vocabulary
from flows.warehouse.catalog import open_catalog


def test_catalog_is_none_before_anything_is_published(tmp_path: Path):
    """Checks then compare no names."""
    assert open_catalog(tmp_path / "published.duckdb") is None


def test_catalog_is_none_while_a_session_writes_the_file(tmp_path: Path):
    """A check does not wait for the session. After it has ended, the catalog has the programs."""
    file = tmp_path / "published.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.fct_partners AS SELECT '1000' AS program_id")
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout.readline() == "open\n"
        assert open_catalog(file) is None
        session.stdin.close()
    assert open_catalog(file).programs() == {"1000"}


def test_values_are_those_of_the_program(tmp_path: Path):
    """Names of another program are not suggested; a partner without a name adds nothing."""
    file = tmp_path / "published.duckdb"
    with duckdb.connect(file) as connection:
        rows = "VALUES ('1000', 'Acme'), ('1000', 'Acme'), ('1000', NULL), ('2000', 'Bolt')"
        connection.execute(
            f"CREATE SCHEMA marts; CREATE TABLE marts.fct_partners AS FROM ({rows}) AS t(program_id, name)"
        )
    assert open_catalog(file).values("1000", project_vocabulary()["Partner Name"]) == {"Acme"}
