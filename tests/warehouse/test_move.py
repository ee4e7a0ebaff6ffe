"""A state that moves from DuckDB to PostgreSQL: the same emails are sent as if it had stayed."""

import shutil
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from compiler import PartnerflowError
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.pipeline.run import Run, run_hour
from flows.settings import Settings
from flows.warehouse.connection import open_read_only, open_warehouse
from flows.warehouse.move import OF_THE_ENGINE, copy_raw_tables, main
from flows.warehouse.raw_tables import CREATE
from support.example_workflows import WORKFLOWS
from support.states import HOUR, with_example

pytestmark = pytest.mark.engine("postgres", "a state moves there")

NEXT_DAY = HOUR + timedelta(days=1)


@pytest.fixture(scope="module")
def stayed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account after its first run on DuckDB. Its partners have a column that the contract does not."""
    state = tmp_path_factory.mktemp("stayed") / "var"
    settings = Settings(target="duckdb", state_dir=state, workflows=WORKFLOWS)
    with open_warehouse(with_example(settings).warehouse) as connection:
        connection.execute('ALTER TABLE raw.partners ADD COLUMN "Shoe size" INTEGER')
        connection.execute('UPDATE raw.partners SET "Shoe size" = 44 WHERE program_id = ?', ["1000"])
    assert run_hour(settings, HOUR).ok
    return settings


@pytest.fixture(scope="module")
def moved(stayed: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of that state, then moved to PostgreSQL."""
    state = Path(shutil.copytree(stayed.state_dir, tmp_path_factory.mktemp("moved") / "var"))
    settings = stayed.model_copy(update={"state_dir": state, "target": "postgres"})
    main(state / "warehouse.duckdb", settings)
    return settings


def sent(settings: Settings) -> Counter:
    """Return the emails and decisions of the ledger, in any order."""
    with closing(Ledger(settings.ledger)) as ledger:
        return Counter((one.workflow_id, one.program_id, one.partner_id, one.email) for one in deliveries(ledger))


def outbox(settings: Settings) -> set[str]:
    """Return the names of the files of the outbox."""
    return {file.name for file in (settings.state_dir / "outbox").rglob("*.eml")}


def test_every_raw_table_has_its_rows(moved: Settings):
    """All of the contract and of the mirror; tables that have rows already are kept."""
    with open_read_only(moved.state_dir / "warehouse.duckdb") as source, open_warehouse(moved.warehouse) as target:
        for name in CREATE.keys() - OF_THE_ENGINE:
            expected, found = (Counter(one.execute(f"SELECT * FROM raw.{name}").fetchall()) for one in (source, target))
            assert found == expected, name
        assert copy_raw_tables(source, target).get("partners") is None


def test_next_day_contacts_the_same_partners(moved: Settings, stayed: Settings):
    """Nobody is written to twice, and nobody is lost: ledger and outbox are those of the state that stayed."""
    before, files = sent(moved), outbox(moved)
    runs: list[Run] = [run_hour(settings, NEXT_DAY) for settings in (stayed, moved)]
    assert [one.ok for one in runs] == [True, True]
    assert sent(moved) == sent(stayed)
    assert max(sent(moved).values()) == 1
    assert before < sent(moved) and files < outbox(moved)
    assert len(outbox(moved)) == len(outbox(stayed)) == sum(1 for *_, email in sent(moved) if email)


def test_missing_file_and_unchanged_target_are_refused(stayed: Settings, tmp_path: Path):
    """The error says what to name or to set."""
    with pytest.raises(PartnerflowError, match="does not exist"):
        main(tmp_path / "warehouse.duckdb", stayed)
    with pytest.raises(PartnerflowError, match="PARTNERFLOW_TARGET"):
        main(stayed.state_dir / "warehouse.duckdb", stayed)


def test_moved_warehouse_with_another_ledger_is_refused(moved: Settings):
    """The mirror moves with the raw tables, so a forgotten ledger is noticed before anything is sent."""
    moved.published.unlink()
    for file in moved.state_dir.glob("ledger.db*"):
        file.unlink()
    with pytest.raises(PartnerflowError, match="contacts that the ledger does not have"):
        run_hour(moved, NEXT_DAY)
