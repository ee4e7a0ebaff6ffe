"""What stands in the warehouse is not made again in an hour that changes nothing of it; every test is run again."""

import shutil
from pathlib import Path

import pytest

from flows.definitions import read_definitions
from flows.facts.build import build, prepare_project
from flows.facts.copied import copy_folder, write_changed
from flows.facts.standing import WITHOUT_VIEWS, remember_built, what_to_build
from flows.run import Run
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse


@pytest.fixture
def state(example: tuple[Settings, Run], tmp_path: Path) -> Settings:
    """The example account as its run has left it, in a folder of its own."""
    settings = example[0]
    return settings.model_copy(update={"var": Path(shutil.copytree(settings.var, tmp_path / "var"))})


def nodes_of_an_hour(settings: Settings) -> int:
    """Build, hold nobody, and say how many nodes dbt has worked on, all with success."""
    assert build(settings, read_definitions(settings)).held == {}
    (*_, counts) = (settings.var / "logs" / "dbt.log").read_text().strip().splitlines()
    assert "WARN=0 ERROR=0 SKIP=0" in counts
    return int(counts.rpartition("TOTAL=")[2])


def stands(settings: Settings) -> bool:
    """Whether the next hour leaves the views out."""
    project = prepare_project(settings, read_definitions(settings))
    return what_to_build(settings, project) == list(WITHOUT_VIEWS)


def test_an_hour_works_on_all_nodes_but_the_views(state: Settings):
    """The tests of views are run again, and a build on its own still finds every view to make."""
    assert stands(state)
    nodes = nodes_of_an_hour(state)
    (state.var / "views.version").unlink()
    with open_warehouse(state.warehouse) as connection:
        (views,) = connection.execute("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchone()
    assert nodes_of_an_hour(state) == nodes + views
    assert stands(state)


@pytest.mark.parametrize(
    "change",
    [
        "DROP VIEW staging.stg_partners",
        "CREATE OR REPLACE VIEW staging.stg_partners AS SELECT * FROM staging.stg_partners_of_others",
        "ALTER TABLE raw.partners ADD COLUMN shoe_size INTEGER",
        "ALTER TABLE raw.partner_clicks_daily ALTER clicks TYPE HUGEINT",
    ],
)
def test_views_are_made_again_when_they_or_the_loaded_tables_have_changed(state: Settings, change: str):
    """Whoever has changed them; over a column of another type a view that stands could not be read."""
    with open_warehouse(state.warehouse) as connection:
        connection.execute("CREATE VIEW staging.stg_partners_of_others AS SELECT * FROM staging.stg_partners")
        remember_built(state, prepare_project(state, read_definitions(state)))
    assert stands(state)
    with open_warehouse(state.warehouse) as connection:
        connection.execute(change)
    assert not stands(state)


def test_views_are_made_again_by_another_loader_or_other_definitions(state: Settings, tmp_path: Path):
    """And of course where there is no warehouse any more."""
    assert not stands(state.model_copy(update={"loader": "connector"}))
    workflows = shutil.copytree(state.workflows, tmp_path / "workflows")
    changed = state.model_copy(update={"workflows": Path(workflows)})
    assert stands(changed)
    (changed.workflows / "few-clicks-14.yml").unlink()
    assert not stands(changed)
    assert stands(state)
    state.warehouse.unlink()
    assert not stands(state)


def test_a_folder_is_copied_without_touching_what_is_the_same(tmp_path: Path):
    """What is gone goes, what is its own stays, and what dbt has written is nobody's."""
    source, folder = tmp_path / "source", tmp_path / "folder"
    write_changed(source / "models", {"same.sql": "1", "other.sql": "2", "made.sql": "committed"})
    copy_folder(source, folder)
    write_changed(folder / "models", {"made.sql": "made", "gone.sql": "3"})
    write_changed(folder / "target", {"state.json": "{}"})
    before = (folder / "models" / "same.sql").stat().st_ino
    write_changed(source / "models", {"other.sql": "changed"})
    copy_folder(source, folder, own=[Path("models", "made.sql")])
    write_changed(folder / "models", {"same.sql": "1"})
    found = {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert found == {
        "models/same.sql": "1", "models/other.sql": "changed", "models/made.sql": "made", "target/state.json": "{}",
    }  # fmt: skip
    assert (folder / "models" / "same.sql").stat().st_ino == before
