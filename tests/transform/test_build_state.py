"""What stands in the warehouse is not made again: an hour makes and tests what follows a change, and nothing else."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.definitions.loader import read_definitions
from flows.settings import Settings
from flows.transform.build import Built, build, prepare_project
from flows.transform.build_state import look
from flows.transform.dbt_runner import Dbt
from flows.transform.impact import Lineage
from flows.transform.project_copy import copy_folder, write_changed
from flows.warehouse.connection import open_warehouse

OF_PROGRAMS = {"in_program_currency_stg_actions_ref_stg_programs_", "recency_stg_partner_clicks_daily_click_date__7__r"}
"""Tests that only warn, and hold the workflows of single programs."""

SEGMENTS = {
    "segment_applications", "segment_features_by_transition", "segment_features_all_partners", "segment_membership",
    "segment_partners", "segment_performance", "segment_workflows",
}  # fmt: skip
"""The models that definitions make."""


@pytest.fixture
def state(built_example: Settings, workshop: Path) -> Iterator[Settings]:
    """A copy of that state, for changing."""
    yield built_example.model_copy(update={"var": Path(shutil.copytree(built_example.var, workshop))})
    shutil.rmtree(workshop)


def rebuilt(settings: Settings) -> Built:
    """One build, as a run does it."""
    return build(settings, read_definitions(settings))


@pytest.fixture(scope="module")
def lineage(built_example: Settings) -> Lineage:
    """The project as dbt reads it."""
    return Lineage(
        Dbt(built_example, built_example.var / "dbt_project").parse(), read_definitions(built_example).compiler
    )


def below(settings: Settings, lineage: Lineage) -> set[str] | None:
    """The sources and models below which the next build makes everything anew; None where nothing stands."""
    definitions = read_definitions(settings)
    options = look(settings, prepare_project(settings, definitions), lineage).to_build()
    if "--select" not in options:
        return None
    return {one.removeprefix("source:").removesuffix("+") for one in options if one.endswith("+")}


def change(settings: Settings, *statements: str) -> None:
    """As a loader, or anybody, changes the warehouse."""
    with open_warehouse(settings.warehouse) as connection:
        for statement in statements:
            connection.execute(statement)


def nodes(settings: Settings) -> set[str]:
    """The models and tests that the newest build has worked on."""
    *_, newest = re.split(r"Running with dbt", (settings.var / "logs" / "dbt.log").read_text())
    return set(re.findall(r"(?:model \w+\.|PASS |WARN \d+ )(\w+)", newest))


def tables(settings: Settings) -> dict[str, list[tuple]]:
    """All rows of all that is built, but for how a build has come to them."""
    ways = ("int_changed_partners", "int_partner_activity_checksums")
    with open_warehouse(settings.warehouse) as connection:
        query = "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name <> 'raw' ORDER BY ALL"
        names = [f"{schema}.{name}" for schema, name in connection.execute(query).fetchall() if name not in ways]
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in names}


def test_nothing_is_made_when_no_row_has_changed(state: Settings, lineage: Lineage):
    """But the tests that only warn are asked again."""
    assert below(state, lineage) == set()
    assert rebuilt(state).held == {}
    assert {name[:49] for name in nodes(state)} == {name[:49] for name in OF_PROGRAMS}


@pytest.mark.parametrize(
    ("statement", "source"),
    [
        ("UPDATE raw.contracts SET contract_stage = 'Expired' WHERE contract_stage = 'Joined'", "raw.contracts"),
        ("DELETE FROM raw.partner_contacts WHERE email = (SELECT max(email) FROM raw.partner_contacts)",
         "raw.partner_contacts"),
        ("INSERT INTO raw.prospects SELECT program_id, partner_id, tagged_at, NULL FROM raw.prospects LIMIT 1",
         "raw.prospects"),
    ],
)  # fmt: skip
def test_a_row_is_seen_to_have_changed_whatever_its_stamp_says(
    state: Settings, lineage: Lineage, statement: str, source: str
):
    """Corrected, deleted, and there twice."""
    change(state, statement)
    assert below(state, lineage) == {source}


def test_what_is_made_of_the_changes_is_what_a_build_of_everything_makes(state: Settings, lineage: Lineage):
    """Of several sources, one after another; and the tables of the others are not made again."""
    changes = {
        "fct_partner_groups": "DELETE FROM raw.partner_groups WHERE partner_id LIKE '%1'",
        "fct_performance_daily": "UPDATE raw.partner_clicks_daily SET clicks = clicks + 1000 WHERE program_id = '1000'",
        "fct_relationship_history": "UPDATE raw.contracts SET starts_at = starts_at - INTERVAL 14 DAY",
    }  # fmt: skip
    for table, statement in changes.items():
        change(state, statement)
        assert rebuilt(state).held == {}
        assert {name for name in changes if name in nodes(state)} == {table}
    found = tables(state)
    change(state, "UPDATE raw.build_state SET builds_since = 1")
    assert below(state, lineage) is None
    assert rebuilt(state).held == {}
    assert found == tables(state)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO raw.actions SELECT * REPLACE ('REVERSED' AS state) FROM raw.actions LIMIT 1",
        "INSERT INTO raw.actions SELECT * REPLACE ('one more' AS partner_id) FROM raw.actions LIMIT 1",
        "UPDATE raw.actions SET action_id = NULL WHERE state = 'REVERSED'",
    ],
)
def test_an_action_that_is_there_twice_is_found_though_only_new_keys_are_looked_for(state: Settings, statement: str):
    """Once more as reversed, of which no fact is made; of another partner, who is new; and some without a number."""
    change(state, statement)
    held = rebuilt(state).held
    assert {reason.split(":")[0] for reason in held.values()} == {"test unique_combination_of_columns on stg_actions"}
    compiled = (state.var / "dbt_project" / "target" / "compiled").rglob("stg_actions.yml/*.sql")
    assert sum("new_keys" in file.read_text() for file in compiled) == 1


def test_nothing_stands_after_a_test_has_failed(state: Settings, lineage: Lineage):
    """And all does once the rows are mended and everything was built."""
    change(state, "INSERT INTO raw.partners SELECT * FROM raw.partners LIMIT 1")
    assert rebuilt(state).held
    assert below(state, lineage) is None
    change(state, "CREATE OR REPLACE TABLE raw.partners AS SELECT DISTINCT * FROM raw.partners")
    assert rebuilt(state).held == {}
    assert below(state, lineage) == set()


def test_the_facts_stand_while_workflows_are_held(state: Settings, lineage: Lineage):
    """A test that only warned is asked again, and so holds them again."""
    change(state, "UPDATE raw.actions SET currency = 'EUR' WHERE program_id = '1000' AND amount > 0")
    first = rebuilt(state).held
    assert first
    assert below(state, lineage) == {"raw.evaluations", *SEGMENTS}
    assert rebuilt(state).held == first


def test_nothing_stands_after_a_build_by_hand(state: Settings, lineage: Lineage):
    """Whatever was built, and from whichever models."""
    project = prepare_project(state, read_definitions(state))
    assert Dbt(state, project).invoke("run", "--select", "fct_partner_groups").success
    assert below(state, lineage) is None


def test_the_rest_stands_after_the_segments_were_built_for_other_hours(state: Settings, lineage: Lineage):
    """They are built again for the next one."""
    assert rebuilt(state).segments(read_definitions(state).active) == {}
    assert below(state, lineage) == {"raw.evaluations", *SEGMENTS}


@pytest.mark.parametrize(
    "statement",
    [
        "DROP VIEW staging.stg_partners",
        "CREATE OR REPLACE VIEW staging.stg_partners AS SELECT * FROM raw.partners",
        "DROP TABLE marts.fct_partner_groups",
        "ALTER TABLE raw.partners ADD COLUMN shoe_size INTEGER",
        "ALTER TABLE raw.partner_clicks_daily ALTER clicks TYPE HUGEINT",
    ],
)
def test_nothing_stands_when_a_table_or_view_is_another_one(state: Settings, lineage: Lineage, statement: str):
    """Whoever has changed it; over a column of another type a view that stands could not be read."""
    change(state, statement)
    assert below(state, lineage) is None


def test_other_definitions_are_other_segments(state: Settings, lineage: Lineage, tmp_path: Path):
    """The facts stand."""
    workflows = shutil.copytree(state.workflows, tmp_path / "workflows")
    changed = state.model_copy(update={"workflows": Path(workflows)})
    assert below(changed, lineage) == set()
    (changed.workflows / "few-clicks-14.yml").unlink()
    assert below(changed, lineage) == SEGMENTS
    assert build(changed, read_definitions(changed)).held == {}
    assert below(changed, lineage) == set()
    query = "SELECT count(*) FROM segments.segment_workflows WHERE workflow_id = 'few-clicks-14'"
    with open_warehouse(state.warehouse) as connection:
        assert connection.execute(query).fetchone() == (0,)


def test_nothing_stands_by_another_loader_or_without_a_warehouse(state: Settings, lineage: Lineage):
    """Whose tables are not these."""
    assert below(state.model_copy(update={"loader": "fivetran"}), lineage) is None
    assert below(state, lineage) == set()
    state.warehouse.unlink()
    assert below(state, lineage) is None


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
