"""A run rebuilds and tests what depends on a change, and nothing else."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from compiler import PROJECT
from flows.definitions.loader import read_definitions
from flows.settings import Settings
from flows.transform.build import BuildResult, build, prepare_project
from flows.transform.build_state import BuildState
from flows.transform.dbt_runner import Dbt
from flows.transform.impact import Lineage
from flows.transform.project_copy import copy_folder, write_changed
from flows.warehouse.connection import open_warehouse


@pytest.fixture
def state(built_example: Settings, workshop: Path) -> Iterator[Settings]:
    """A copy of that state, for changing."""
    yield built_example.model_copy(update={"state_dir": Path(shutil.copytree(built_example.state_dir, workshop))})
    shutil.rmtree(workshop)


def rebuilt(settings: Settings) -> BuildResult:
    """Build as a run does."""
    return build(settings, read_definitions(settings))


def out_of_date(settings: Settings) -> set[str] | None:
    """The sources whose rows the next build finds changed; None when it rebuilds everything."""
    definitions = read_definitions(settings)
    dbt = Dbt(settings, prepare_project(settings, definitions))
    lineage = Lineage(dbt.parse(), definitions.compiler)
    options = BuildState.load(settings, dbt, lineage).dbt_selection()
    if "--full-refresh" in options:
        return None
    return {one.removeprefix("source:").removesuffix("+") for one in options if one.startswith("source:")}


def change(settings: Settings, *statements: str) -> None:
    """Change the warehouse, as a loader or a person does."""
    with open_warehouse(settings.warehouse) as connection:
        for statement in statements:
            connection.execute(statement)


def built(settings: Settings) -> set[str]:
    """The models that the newest build has built; tests by the beginning of their names."""
    *_, newest = re.split(r"Running with dbt", (settings.state_dir / "logs" / "dbt.log").read_text())
    return set(re.findall(r"(?:model \w+\.|PASS |WARN \d+ )(\w+)", newest))


def tables(settings: Settings) -> dict[str, list[tuple]]:
    """All rows of all tables that are built, except those that say how they were built."""
    excluded = ("int_changed_partners", "int_partner_activity_checksums")
    with open_warehouse(settings.warehouse) as connection:
        query = "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name <> 'raw' ORDER BY ALL"
        names = [f"{schema}.{name}" for schema, name in connection.execute(query).fetchall() if name not in excluded]
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in names}


def test_build_without_changes_builds_segments_only(state: Settings):
    """And runs the program-scoped tests, which only warn."""
    assert out_of_date(state) == set()
    assert rebuilt(state).held == {}
    names = built(state)
    assert {name for name in names if name.startswith(("stg_", "int_", "fct_"))} == set()
    assert "segment_membership" in names
    assert [name for name in names if name.startswith("in_program_currency_stg_actions")]
    assert [name for name in names if name.startswith("recency_stg_partner_clicks_daily")]


@pytest.mark.parametrize(
    ("statement", "source"),
    [
        ("UPDATE raw.contracts SET contract_stage = 'Expired' WHERE contract_stage = 'Joined'", "raw.contracts"),
        ("DELETE FROM raw.partner_contacts WHERE email = (SELECT max(email) FROM raw.partner_contacts)",
         "raw.partner_contacts"),
        ("INSERT INTO raw.prospects SELECT program_id, partner_id, tagged_at, NULL FROM raw.prospects LIMIT 1",
         "raw.prospects"),
        ("ALTER TABLE raw.partners ADD COLUMN shoe_size INTEGER", "raw.partners"),
        ("ALTER TABLE raw.partner_clicks_daily ALTER clicks TYPE HUGEINT", "raw.partner_clicks_daily"),
    ],
)  # fmt: skip
def test_changed_source_is_rebuilt_whatever_its_load_time(state: Settings, statement: str, source: str):
    """Corrected, deleted and duplicated rows, and other columns."""
    change(state, statement)
    assert out_of_date(state) == {source}


def test_build_of_changes_equals_a_full_refresh(state: Settings):
    """Of several sources, one after another; tables that do not depend on the source are not built."""
    changes = {
        "fct_partner_groups": "DELETE FROM raw.partner_groups WHERE partner_id LIKE '%1'",
        "fct_performance_daily": "UPDATE raw.partner_clicks_daily SET clicks = clicks + 1000 WHERE program_id = '1000'",
        "fct_relationship_history": "UPDATE raw.contracts SET starts_at = starts_at - INTERVAL 14 DAY",
    }  # fmt: skip
    for table, statement in changes.items():
        change(state, statement)
        assert rebuilt(state).held == {}
        assert {name for name in changes if name in built(state)} == {table}
    found = tables(state)
    assert build(state, read_definitions(state), full_refresh=True).held == {}
    assert found == tables(state)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO raw.actions SELECT * REPLACE ('REVERSED' AS state) FROM raw.actions LIMIT 1",
        "INSERT INTO raw.actions SELECT * REPLACE ('one more' AS partner_id) FROM raw.actions LIMIT 1",
        "UPDATE raw.actions SET action_id = NULL WHERE state = 'REVERSED'",
    ],
)
def test_duplicate_action_is_found_when_only_new_keys_are_tested(state: Settings, statement: str):
    """Duplicated as reversed, which is in no fact; of another, new partner; and without an id."""
    change(state, statement)
    held = rebuilt(state).held
    assert {reason.split(":")[0] for reason in held.values()} == {"test unique_combination_of_columns on stg_actions"}
    compiled = (state.state_dir / "dbt_project" / "target" / "compiled").rglob("stg_actions.yml/*.sql")
    assert sum("new_keys" in file.read_text() for file in compiled) == 1


def test_failed_test_makes_the_next_build_a_full_refresh(state: Settings):
    """Until the rows are corrected and everything was built."""
    change(state, "INSERT INTO raw.partners SELECT * FROM raw.partners LIMIT 1")
    first = rebuilt(state).held
    assert first
    assert out_of_date(state) is None
    assert rebuilt(state).held == first
    change(state, "CREATE OR REPLACE TABLE raw.partners AS SELECT DISTINCT * FROM raw.partners")
    assert rebuilt(state).held == {}
    assert out_of_date(state) == set()


def test_program_scoped_warning_holds_again_in_a_valid_state(state: Settings):
    """The test warns only, so nothing is rebuilt but the segments; it runs again and holds the same workflows."""
    change(state, "UPDATE raw.actions SET currency = 'EUR' WHERE program_id = '1000' AND amount > 0")
    first = rebuilt(state).held
    assert first
    assert out_of_date(state) == set()
    assert rebuilt(state).held == first


def test_held_workflow_is_back_in_the_segments_when_released(state: Settings):
    """Its segment is built again, though no source has changed since it was built without it."""
    members = "SELECT workflow_id, program_id, partner_id FROM marts.segment_membership ORDER BY ALL"
    definitions = read_definitions(state)
    expected = tables(state)["marts.segment_membership"]
    dropped = definitions.without({"few-clicks-14"})
    assert build(state, dropped).held == {}
    with open_warehouse(state.warehouse) as connection:
        assert "few-clicks-14" not in {row[0] for row in connection.execute(members).fetchall()}
    assert rebuilt(state).held == {}
    assert tables(state)["marts.segment_membership"] == expected


def test_build_by_hand_makes_the_next_build_a_full_refresh(state: Settings):
    """Whichever models were built."""
    project = prepare_project(state, read_definitions(state))
    assert Dbt(state, project).invoke("run", "--select", "fct_partner_groups").success
    assert out_of_date(state) is None


def test_rebuilt_segments_leave_the_state_valid(state: Settings):
    """They are built for other hours, and again in the next build; other tables are not."""
    assert rebuilt(state).rebuild_segments(read_definitions(state).active) == {}
    assert out_of_date(state) == set()


@pytest.mark.parametrize(
    ("dropped", "source"),
    [("VIEW staging.stg_partners", "prospects"), ("TABLE marts.fct_partners", "partner_contacts")],
)
def test_dropped_table_fails_the_build_and_the_next_one_restores_it(state: Settings, dropped: str, source: str):
    """A relation dropped by hand is not noticed before something reads it; then everything is rebuilt."""
    change(state, f"DROP {dropped} CASCADE", f"DELETE FROM raw.{source} WHERE partner_id LIKE '%1'")
    assert rebuilt(state).held
    assert out_of_date(state) is None
    assert rebuilt(state).held == {}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("models/marts/core/fct_partner_groups.sql", "select 1 as one"),
        ("models/another.sql", "select 1 as one"),
        ("tests/generic/recency.sql", "{% test recency(model, column_name, interval, evaluations) %} {% endtest %}"),
        ("macros/incremental/delete_changed_partners.sql", "{% macro delete_changed_partners(_) %}{% endmacro %}"),
        ("macros/adapters/local_date.sql", "{% macro local_date(utc_timestamp, timezone) %}{% endmacro %}"),
        ("dbt_project.yml", None),
    ],
)  # fmt: skip
def test_changed_code_makes_the_next_build_a_full_refresh(
    state: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, text: str | None
):
    """A model, a new one, a test, a hook's macro, a macro, the project's variables."""
    project = Path(shutil.copytree(PROJECT, tmp_path / "dbt_project"))
    monkeypatch.setattr("flows.transform.build.PROJECT", project)
    assert out_of_date(state) == set()
    changed = project / file
    changed.write_text(text if text else changed.read_text().replace("address_limit: 10000", "address_limit: 9"))
    assert out_of_date(state) is None


@pytest.mark.parametrize("kept", [None, b"", b"{}", b"older"])
def test_lost_or_foreign_manifest_makes_the_next_build_a_full_refresh(state: Settings, kept: bytes | None):
    """The kept manifest is gone, damaged, or that of another build than the warehouse's."""
    manifest = state.state_dir / "dbt_state" / "manifest.json"
    if kept is None:
        manifest.unlink()
    else:
        manifest.write_bytes(manifest.read_bytes() + b"\n" if kept == b"older" else kept)
    assert out_of_date(state) is None
    assert rebuilt(state).held == {}
    assert out_of_date(state) == set()


def test_manifest_that_dbt_cannot_read_makes_the_next_build_a_full_refresh(state: Settings):
    """As that of another version of dbt, though it is the recorded one."""
    definitions = read_definitions(state)
    dbt = Dbt(state, prepare_project(state, definitions))
    found = BuildState.load(state, dbt, Lineage(dbt.parse(), definitions.compiler))
    (state.state_dir / "dbt_state" / "manifest.json").write_text('{"metadata": {"dbt_schema_version": "v99"}}')
    valid = replace(found, recorded={**found.recorded, "project": found._project_checksum()})
    assert valid.is_valid
    assert valid.dbt_selection() == ["--full-refresh"]


def test_rows_loaded_during_a_build_are_built_by_the_next(state: Settings):
    """The state has the checksums of before the build."""
    definitions = read_definitions(state)
    dbt = Dbt(state, prepare_project(state, definitions))
    found = BuildState.load(state, dbt, Lineage(dbt.parse(), definitions.compiler))
    change(state, "DELETE FROM raw.partner_groups WHERE partner_id LIKE '%1'")
    found.save()
    assert out_of_date(state) == {"raw.partner_groups"}


def test_moved_state_stays_valid(state: Settings, tmp_path: Path):
    """The folder was copied elsewhere."""
    moved = state.model_copy(update={"state_dir": Path(shutil.copytree(state.state_dir, tmp_path / "elsewhere"))})
    assert out_of_date(moved) == set()
    assert rebuilt(moved).held == {}


def test_changed_definitions_change_segments_only(state: Settings, tmp_path: Path):
    """The facts are not rebuilt."""
    workflows = shutil.copytree(state.workflows, tmp_path / "workflows")
    changed = state.model_copy(update={"workflows": Path(workflows)})
    (changed.workflows / "few-clicks-14.yml").unlink()
    assert out_of_date(changed) == set()
    assert build(changed, read_definitions(changed)).held == {}
    assert "fct_partners" not in built(changed)
    query = "SELECT count(*) FROM segments.segment_workflows WHERE workflow_id = 'few-clicks-14'"
    with open_warehouse(state.warehouse) as connection:
        assert connection.execute(query).fetchone() == (0,)


def test_other_loader_or_lost_warehouse_makes_the_next_build_a_full_refresh(state: Settings):
    """Their tables are not those of the recorded build."""
    assert out_of_date(state.model_copy(update={"loader": "fivetran"})) is None
    assert out_of_date(state) == set()
    state.warehouse.unlink()
    assert out_of_date(state) is None


def test_copied_folder_keeps_unchanged_excluded_and_dbt_files(tmp_path: Path):
    """Files that are gone are deleted; excluded files and those of dbt stay, and unchanged ones are not written."""
    source, folder = tmp_path / "source", tmp_path / "folder"
    write_changed(source / "models", {"same.sql": "1", "other.sql": "2", "made.sql": "committed"})
    copy_folder(source, folder)
    write_changed(folder / "models", {"made.sql": "made", "gone.sql": "3"})
    write_changed(folder / "target", {"state.json": "{}"})
    before = (folder / "models" / "same.sql").stat().st_ino
    write_changed(source / "models", {"other.sql": "changed"})
    copy_folder(source, folder, excluded=[Path("models", "made.sql")])
    write_changed(folder / "models", {"same.sql": "1"})
    found = {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert found == {
        "models/same.sql": "1", "models/other.sql": "changed", "models/made.sql": "made", "target/state.json": "{}",
    }  # fmt: skip
    assert (folder / "models" / "same.sql").stat().st_ino == before
