"""Damaged, missing and misplaced files of the state: one sentence or a repair, and nothing is lost or sent twice."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from compiler import PartnerflowError
from flows.definitions.diff import last_run
from flows.doctor import state_folder
from flows.pipeline.run import plan_only
from flows.pipeline.state_files import FILES, FOLDERS, check_state_files
from flows.settings import Settings, read_settings
from flows.state_lock import state_lock
from flows.warehouse.connection import open_warehouse
from flows.warehouse.contract_history import history_backup, restore_contract_history
from support.cli import partnerflow
from support.fault_injection import DELIVERY_COUNT, assert_all_sent_once, run
from support.states import HOUR, copy_state

LEDGER, PUBLISHED, WAREHOUSE = "ledger.db", "published/partnerflow.duckdb", "warehouse.duckdb"


@pytest.fixture(scope="module")
def whole(example, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account after its run, with a backup of its ledger beside it, to be read and not changed."""
    folder = tmp_path_factory.mktemp("whole")
    settings = example[0].model_copy(update={"state_dir": folder / "var"})
    copy_state(example[0].state_dir, settings.state_dir)
    assert partnerflow(settings, "backup", str(folder / "backup.db")).code == 0
    return settings


@pytest.fixture
def state(whole: Settings, tmp_path: Path) -> Settings:
    """A copy of that state, without its dbt project, and of the backup."""
    copy_state(whole.state_dir, tmp_path / "var", "dbt_project")
    for file in whole.state_dir.parent.glob("backup.db*"):
        shutil.copy(file, tmp_path)
    return whole.model_copy(update={"state_dir": tmp_path / "var"})


def truncate(file: Path) -> None:
    """Cut a file in half."""
    content = file.read_bytes()
    write(file, content[: len(content) // 2])


def empty(file: Path) -> None:
    """Leave a file without content."""
    write(file, b"")


def fill_with_garbage(file: Path) -> None:
    """Leave a file that is neither text nor a database."""
    write(file, b"\0\xffnothing" * 500)


def replace_by_folder(file: Path) -> None:
    """Put a folder with a file in the place of a file."""
    file.unlink()
    file.mkdir()
    (file / "x").touch()


def replace_by_sqlite(file: Path) -> None:
    """Put a SQLite database of something else in the place of a file."""
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE songs (title)")


def replace_by_duckdb(file: Path) -> None:
    """Put a DuckDB database of something else in the place of a file."""
    file.unlink()
    with duckdb.connect(file) as connection:
        connection.execute("CREATE TABLE songs (title VARCHAR)")


def write(file: Path, content: bytes) -> None:
    """Replace the content of a file, which may be read-only."""
    file.unlink()
    file.write_bytes(content)


RESTORE = "partnerflow restore FILE"
NEXT_RUN = "Move it away; the next run writes it again."
LOAD = "Move the file away, let the loader fill the raw tables again"

CASES: list[tuple[str, Callable[[Path], None], str, str]] = [
    (LEDGER, truncate, "deliveries", RESTORE),
    (LEDGER, truncate, "backup", "malformed. Nothing was replaced."),
    (LEDGER, fill_with_garbage, "deliveries", RESTORE),
    (LEDGER, fill_with_garbage, "run", RESTORE),
    (LEDGER, empty, "run", RESTORE),
    (LEDGER, Path.unlink, "run", RESTORE),
    (LEDGER, Path.unlink, "backup", "nothing to back up"),
    (LEDGER, replace_by_duckdb, "run", RESTORE),
    (LEDGER, replace_by_sqlite, "run", "is not a ledger but another SQLite database, with the tables songs."),
    (LEDGER, replace_by_sqlite, "backup", "is not a ledger. Nothing was replaced."),
    (LEDGER, replace_by_folder, "deliveries", "Let this user read and write it"),
    (WAREHOUSE, replace_by_sqlite, "preview", ""),  # it reads the published file
    (PUBLISHED, truncate, "preview", NEXT_RUN),
    (WAREHOUSE, replace_by_duckdb, "run", "A loader fills the raw tables"),
    (PUBLISHED, empty, "explain", NEXT_RUN),
    (WAREHOUSE, truncate, "restore", LOAD),
    (PUBLISHED, truncate, "report", NEXT_RUN),
    (PUBLISHED, empty, "backup", NEXT_RUN),
    (PUBLISHED, fill_with_garbage, "report", NEXT_RUN),
    (PUBLISHED, replace_by_folder, "report", NEXT_RUN),
    (PUBLISHED, replace_by_sqlite, "report", f"it is a SQLite database. {NEXT_RUN}"),
    (PUBLISHED, replace_by_duckdb, "report", "The next `partnerflow run` publishes one"),
    (PUBLISHED, Path.unlink, "report", "Nothing has been published yet."),
    ("run.lock", replace_by_folder, "run", "Move it away, or correct its permissions; a run creates it again."),
    ("outbox", shutil.rmtree, "restore", ""),
]

COMMANDS = {
    "deliveries": ("deliveries", "--json"),
    "backup": ("backup", "{folder}/new.db"),
    "run": ("run", "--as-of", "2026-03-20T18:00Z"),
    "preview": ("preview", "welcome", "--as-of", "2026-03-20T18:00Z"),
    "explain": ("explain", "few-clicks-14", "21005016", "--as-of", "2026-03-20T18:00Z"),
    "report": ("report", "--json"),
    "restore": ("restore", "--reason", "damaged"),
}


A_FILE = pytest.mark.engine("duckdb", "the warehouse is a file")


@pytest.mark.parametrize(
    ("name", "damage", "command", "says"),
    [pytest.param(*case, marks=A_FILE) if case[0] == WAREHOUSE else case for case in CASES],
)
def test_damaged_file_is_one_message_and_nothing_is_lost(
    state: Settings, name: str, damage: Callable[[Path], None], command: str, says: str
):
    """The message says what to do, and the other files stay as they are. With the file put right, the state is as
    before."""
    file = state.state_dir / name
    before, kept = contents(state), state.state_dir.parent / "kept"
    (shutil.copytree if file.is_dir() else shutil.copy2)(file, kept)
    damage(file)
    answer = partnerflow(state, *(part.format(folder=state.state_dir.parent) for part in COMMANDS[command]))
    said = " ".join(answer.stderr.split())
    assert (answer.code, says in said) == (1 if says else 0, True), said
    for side in state.state_dir.glob(f"{name}*"):
        shutil.rmtree(side) if side.is_dir() else side.unlink()
    kept.rename(file)
    assert {one: text for one, text in contents(state).items() if one in before} == before
    assert len(partnerflow(state, "deliveries", "--json").json()["deliveries"]) == DELIVERY_COUNT


@pytest.mark.parametrize(
    ("damage", "says"),
    [(replace_by_sqlite, f"it is a SQLite database. {LOAD}"), (replace_by_folder, LOAD), (empty, LOAD)],
)
@A_FILE
def test_damaged_warehouse_says_what_to_do_where_nothing_is_published(
    state: Settings, damage: Callable[[Path], None], says: str
):
    """A preview then reads the warehouse."""
    state.published.unlink()
    damage(state.warehouse)
    answer = partnerflow(state, *COMMANDS["preview"])
    assert (answer.code, says in " ".join(answer.stderr.split())) == (1, True), answer.stderr


def contents(settings: Settings) -> dict[str, bytes]:
    """Return the content of the emails, the decisions and the published and raw data."""
    folder = settings.state_dir
    names = [*folder.glob("outbox/*"), *folder.glob("decisions/*"), folder / PUBLISHED, *folder.glob(WAREHOUSE)]
    return {str(file.relative_to(folder)): file.read_bytes() for file in names}


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_file_of_the_wrong_kind_is_refused_before_anything_changes(tmp_path: Path, name: str):
    """The message names it. Neither a ledger nor a lock is created."""
    place = tmp_path / "var" / name
    place.parent.mkdir(parents=True)
    place.mkdir() if name in FILES else place.touch()
    settings = Settings(state_dir=tmp_path / "var", workflows=tmp_path)
    for function in (run, lambda one: plan_only(one, None)):
        with pytest.raises(PartnerflowError, match=f"{name} is .*\nNothing was changed or sent."):
            function(settings)
    assert not settings.ledger.exists()
    with pytest.raises(PartnerflowError, match=f"{name} is "):
        list(state_folder(settings, HOUR))


def test_state_without_wrong_files_is_accepted(whole: Settings, tmp_path: Path):
    """Also one that does not exist yet."""
    check_state_files(whole.state_dir)
    check_state_files(tmp_path / "none")


def test_state_folder_that_is_a_file_is_one_message(tmp_path: Path):
    """It cannot be locked."""
    (tmp_path / "var").touch()
    with pytest.raises(PartnerflowError, match="cannot be opened"), state_lock(tmp_path / "var"):
        pass


def test_run_after_damage_rebuilds_what_it_can(state: Settings):
    """The snapshot of the definitions, the page and the published file are written again, and nothing is sent twice."""
    fill_with_garbage(state.state_dir / "definitions.json")
    replace_by_sqlite(state.published)
    fill_with_garbage(state.report)
    assert last_run(state) == {}
    run(state)
    assert_all_sent_once(state)
    assert len(last_run(state)) == 16
    assert state.report.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert partnerflow(state, "report", "--json").code == 0


@pytest.fixture
def without_history(state: Settings) -> Iterator[Settings]:
    """A state whose warehouse has lost the history of contracts, and whose published file is damaged."""
    with open_warehouse(state.warehouse) as connection:
        connection.execute("DROP SCHEMA snapshots CASCADE")
    fill_with_garbage(state.published)
    return state


def test_only_copy_of_the_history_is_not_overwritten(without_history: Settings):
    """A run would publish a new history over it; `restore` takes the one beside the backup."""
    state = without_history
    damaged = state.published.read_bytes()
    with open_warehouse(state.warehouse) as connection, pytest.raises(PartnerflowError, match="may have the only one"):
        restore_contract_history(connection, state.published)
    backup = state.state_dir.parent / "backup.db"
    assert partnerflow(state, "restore", str(backup), "--reason", "damaged").code == 0
    with open_warehouse(state.warehouse) as connection:
        restore_contract_history(connection, state.published)
        assert connection.execute("SELECT count(*) > 0 FROM snapshots.contract_history").fetchone() == (True,)
    assert state.published.read_bytes() == damaged


def test_damaged_backup_restores_nothing(without_history: Settings):
    """Neither a damaged ledger nor a damaged history replaces anything; the ledger stays in place."""
    state = without_history
    backup = state.state_dir.parent / "backup.db"
    truncate(history_backup(backup))
    answer = partnerflow(state, "restore", str(backup), "--reason", "damaged")
    assert (answer.code, "cannot be read as a history of contracts" in answer.stderr) == (1, True)
    before = state.ledger.read_bytes()
    for damage in (truncate, fill_with_garbage, replace_by_sqlite, empty):
        damage(backup)
        answer = partnerflow(state, "restore", str(backup), "--reason", "damaged")
        assert (answer.code, "Nothing was replaced." in answer.stderr) == (1, True)
    assert state.ledger.read_bytes() == before
    assert list(state.state_dir.glob(".*")) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"timezone: UTC", "is not valid TOML"), (b"\xff\xfe", "is not valid TOML"), (None, "cannot be read")],
)
def test_damaged_settings_file_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, says: str
):
    """So is a folder of its name, which would otherwise mean that no setting is read."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "partnerflow.toml"
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(PartnerflowError, match=says):
        read_settings()


def test_definition_that_is_a_folder_breaks_only_itself(whole: Settings, tmp_path: Path):
    """`check` names it, and the other definitions are valid."""
    settings = whole.model_copy(update={"workflows": tmp_path / "workflows"})
    shutil.copytree(whole.workflows, settings.workflows)
    (settings.workflows / "folder.yml").mkdir()
    answer = partnerflow(settings, "check")
    assert answer.code == 1
    assert "folder.yml:1:1: error: This file cannot be read: Is a directory." in answer.stdout
    assert "16 workflows are valid, 1 is not." in answer.stdout
