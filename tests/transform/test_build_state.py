"""A run rebuilds and tests only what depends on a change."""

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
from support.states import copy_state, drop_warehouse, remove_state
from support.warehouses import execute_replacing


@pytest.fixture
def state(built_example: Settings, workshop: Path) -> Iterator[Settings]:
    """A copy of the built example, which a test may change."""
    yield built_example.model_copy(update={"state_dir": copy_state(built_example.state_dir, workshop)})
    remove_state(workshop)


def rebuild(settings: Settings) -> BuildResult:
    """Build as a run does."""
    return build(settings, read_definitions(settings))


def load(settings: Settings, dbt: Dbt, lineage: Lineage) -> BuildState:
    """Return the state as a build reads it."""
    with open_warehouse(settings.warehouse) as connection:
        return BuildState.load(connection, settings, dbt, lineage)


def changed_sources(settings: Settings) -> set[str] | None:
    """Return the sources that have changed since the last build; None if the next build is a full refresh."""
    definitions = read_definitions(settings)
    dbt = Dbt(settings, prepare_project(settings, definitions))
    lineage = Lineage(dbt.parse(), definitions.compiler)
    options = load(settings, dbt, lineage).dbt_selection()
    if "--full-refresh" in options:
        return None
    return {one.removeprefix("source:").removesuffix("+") for one in options if one.startswith("source:")}


def change(settings: Settings, *statements: str) -> None:
    """Run statements on the warehouse, as a loader or a person does."""
    with open_warehouse(settings.warehouse) as connection:
        for statement in statements:
            execute_replacing(connection, statement)


def built_models(settings: Settings) -> set[str]:
    """Return the models that the newest build has built, and its tests by the start of their names."""
    *_, newest = re.split(r"Running with dbt", (settings.state_dir / "logs" / "dbt.log").read_text())
    return set(re.findall(r"(?:model \w+\.|PASS |WARN \d+ )(\w+)", newest))


def tables(settings: Settings) -> dict[str, list[tuple]]:
    """Return all rows of all built tables, except those that record how tables were built."""
    excluded = ("int_changed_partners", "int_partner_activity_checksums")
    with open_warehouse(settings.warehouse) as connection:
        query = """
            SELECT table_schema, table_name FROM information_schema.tables
            WHERE table_type = 'BASE TABLE' AND table_schema IN ('intermediate', 'snapshots', 'marts', 'segments')"""
        names = [f"{schema}.{name}" for schema, name in connection.execute(query).fetchall() if name not in excluded]
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
        return {name: sorted(found, key=str) for name, found in rows.items()}


def test_build_without_changes_builds_segments_only(state: Settings):
    """Program-scoped tests, which only warn, run too. The manifest, which takes long to write, is not written."""
    assert changed_sources(state) == set()
    manifest = state.state_dir / "dbt_state" / "manifest.json"
    written = manifest.stat().st_mtime_ns
    assert rebuild(state).held == {}
    assert manifest.stat().st_mtime_ns == written
    names = built_models(state)
    assert {name for name in names if name.startswith(("stg_", "int_", "fct_"))} == set()
    assert "segment_membership" in names
    assert "revenue_is_within_the_share_set_aside" in names
    assert [name for name in names if name.startswith("recency_stg_partner_clicks_daily")]


CHANGED = {
    "raw.contracts": "UPDATE raw.contracts SET contract_stage = 'Expired' WHERE contract_stage = 'Joined'",
    "raw.partner_contacts":
        "DELETE FROM raw.partner_contacts WHERE email = (SELECT max(email) FROM raw.partner_contacts)",
    "raw.prospects":
        "INSERT INTO raw.prospects SELECT program_id, partner_id, tagged_at, NULL FROM raw.prospects LIMIT 1",
    "raw.partners": "ALTER TABLE raw.partners ADD COLUMN shoe_size INTEGER",
}  # fmt: skip
"""A statement that changes each of these sources without a new load time."""


def test_changed_source_is_rebuilt_without_a_new_load_time(state: Settings):
    """Rows are corrected, deleted and duplicated without a new load time, and columns are added."""
    change(state, *CHANGED.values())
    assert changed_sources(state) == CHANGED.keys()


@pytest.mark.engine("duckdb", "elsewhere a view that reads the column keeps its type")
def test_source_whose_column_has_another_type_is_rebuilt(state: Settings):
    """Its rows are the same."""
    change(state, "ALTER TABLE raw.partner_clicks_daily ALTER clicks TYPE HUGEINT")
    assert changed_sources(state) == {"raw.partner_clicks_daily"}


@pytest.mark.long
def test_build_of_changes_equals_a_full_refresh(state: Settings):
    """Sources change one after another; tables that do not depend on the changed source are not built."""
    changes = {
        "fct_partner_groups": "DELETE FROM raw.partner_groups WHERE partner_id LIKE '%1'",
        "fct_performance_daily": "UPDATE raw.partner_clicks_daily SET clicks = clicks + 1000 WHERE program_id = '1000'",
        "fct_relationship_history": "UPDATE raw.contracts SET starts_at = starts_at - INTERVAL 14 DAY",
    }  # fmt: skip
    for table, statement in changes.items():
        change(state, statement)
        assert rebuild(state).held == {}
        assert {name for name in changes if name in built_models(state)} == {table}
    found = tables(state)
    assert build(state, read_definitions(state), full_refresh=True).held == {}
    assert found == tables(state)


def test_duplicate_action_is_found_when_only_new_keys_are_looked_at(state: Settings):
    """One duplicate is reversed, so in no fact; the other is of another partner."""
    action = "(SELECT * FROM raw.actions WHERE state = 'APPROVED' AND program_id = '1000' ORDER BY action_id LIMIT 2)"
    change(
        state,
        f"INSERT INTO raw.actions SELECT * REPLACE ('REVERSED' AS state) FROM {action} ORDER BY action_id LIMIT 1",
        f"INSERT INTO raw.actions SELECT * REPLACE ('21005016' AS partner_id) FROM {action} AS two "
        "ORDER BY action_id DESC LIMIT 1",
    )
    assert rebuild(state).held == {}
    query = "SELECT reason, occurrences FROM marts.quarantined_rows WHERE table_name = 'actions' ORDER BY reason"
    with open_warehouse(state.warehouse) as connection:
        assert connection.execute(query).fetchall() == [
            ("another partner has an action with this id", 2),
            ("another row has the same key and other values", 2),
        ]
    (compiled,) = (state.state_dir / "dbt_project" / "target" / "compiled").rglob("int_duplicate_actions.sql")
    assert "checked_ids" in compiled.read_text()


@pytest.mark.long
def test_failed_test_means_a_full_refresh(state: Settings):
    """Builds are full refreshes until the rows are corrected and all tests pass."""
    change(state, "INSERT INTO raw.suppressions SELECT 'ann@x.example', 'all', '', NULL FROM generate_series(1, 2)")
    first = rebuild(state).held
    assert first.keys() == {workflow.id for workflow in read_definitions(state).active}
    (reason,) = set(first.values())
    test, _, query = reason.partition(": it found email ann@x.example, scope all, occurrences 2. The query is in ")
    assert test == "test unique_combination_of_columns on stg_suppressions"
    assert Path(query.partition(". Correct the rows in the source")[0]).exists()
    assert changed_sources(state) is None
    assert rebuild(state).held == first
    change(state, "DELETE FROM raw.suppressions WHERE email = 'ann@x.example'")
    assert rebuild(state).held == {}
    assert changed_sources(state) == set()


@pytest.mark.long
def test_program_scoped_warning_holds_again_in_a_valid_state(state: Settings):
    """Only the segments are rebuilt, because the test only warns; it runs again and holds the same workflows."""
    change(state, "UPDATE raw.actions SET currency = 'EUR' WHERE program_id = '1000' AND amount > 0")
    first = rebuild(state).held
    assert first
    assert changed_sources(state) == set()
    assert rebuild(state).held == first


@pytest.mark.long
def test_released_workflow_is_back_in_the_segments(state: Settings):
    """The segments are rebuilt with it, even if no source has changed since they were built without it."""
    members = "SELECT workflow_id, program_id, partner_id FROM marts.segment_membership"
    definitions = read_definitions(state)
    expected = tables(state)["marts.segment_membership"]
    dropped = definitions.without({"few-clicks-14"})
    assert build(state, dropped).held == {}
    with open_warehouse(state.warehouse) as connection:
        assert "few-clicks-14" not in {row[0] for row in connection.execute(members).fetchall()}
    assert rebuild(state).held == {}
    assert tables(state)["marts.segment_membership"] == expected


@pytest.mark.long
def test_build_by_hand_means_a_full_refresh(state: Settings):
    """One model built by hand is enough."""
    project = prepare_project(state, read_definitions(state))
    assert Dbt(state, project).invoke("run", "--select", "fct_partner_groups").success
    assert changed_sources(state) is None


@pytest.mark.long
def test_rebuilt_segments_leave_the_state_valid(state: Settings):
    """Segments are rebuilt for other hours, and again by the next build; no other table is."""
    assert rebuild(state).rebuild_segments(read_definitions(state).active) == {}
    assert changed_sources(state) == set()


@pytest.mark.parametrize(
    ("dropped", "source"),
    [("VIEW staging.stg_partners", "prospects"), ("TABLE marts.fct_partners", "partner_contacts")],
)
@pytest.mark.long
def test_dropped_table_is_restored_by_the_second_build(state: Settings, dropped: str, source: str):
    """The build fails when a model reads the dropped relation; the next build is a full refresh."""
    change(state, f"DROP {dropped} CASCADE", f"DELETE FROM raw.{source} WHERE partner_id LIKE '%1'")
    assert rebuild(state).held
    assert changed_sources(state) is None
    assert rebuild(state).held == {}


CODE = [
    ("macros/incremental/exists_for_partner.sql", "{% macro exists_for_partner(_, rows) %}true{% endmacro %}"),
    ("models/marts/core/fct_partner_groups.sql", "select 1 as one"),
    ("models/another.sql", "select 1 as one"),
    ("tests/generic/recency.sql", "{% test recency(model, column_name, interval, evaluations) %} {% endtest %}"),
    ("macros/adapters/local_date.sql", "{% macro local_date(utc_timestamp, timezone) %}{% endmacro %}"),
]
"""Files, and the text with which each is replaced."""


@pytest.mark.parametrize(
    ("file", "text"), [("dbt_project.yml", None), *(pytest.param(*one, marks=pytest.mark.long) for one in CODE)]
)
def test_changed_code_means_a_full_refresh(
    state: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, text: str | None
):
    """This applies to a model, a new model, a test, a macro of a hook, another macro, and variables of the project."""
    project = Path(shutil.copytree(PROJECT, tmp_path / "dbt_project"))
    monkeypatch.setattr("flows.transform.build.PROJECT", project)
    assert changed_sources(state) == set()
    changed = project / file
    changed.write_text(text if text else changed.read_text().replace("address_limit: 10000", "address_limit: 9"))
    assert changed_sources(state) is None


@pytest.mark.parametrize("content", [None, b"", b"{}", b"older"])
@pytest.mark.long
def test_missing_or_wrong_manifest_means_a_full_refresh(state: Settings, content: bytes | None):
    """The saved manifest is missing, damaged, or not of the build that is in the warehouse."""
    manifest = state.state_dir / "dbt_state" / "manifest.json"
    if content is None:
        manifest.unlink()
    else:
        manifest.write_bytes(manifest.read_bytes() + b"\n" if content == b"older" else content)
    assert changed_sources(state) is None
    assert rebuild(state).held == {}
    assert changed_sources(state) == set()


@pytest.mark.long
def test_manifest_that_dbt_cannot_read_means_a_full_refresh(state: Settings):
    """The manifest is of another version of dbt, but its checksum is the recorded one."""
    definitions = read_definitions(state)
    dbt = Dbt(state, prepare_project(state, definitions))
    found = load(state, dbt, Lineage(dbt.parse(), definitions.compiler))
    (state.state_dir / "dbt_state" / "manifest.json").write_text('{"metadata": {"dbt_schema_version": "v99"}}')
    valid = replace(found, recorded={**found.recorded, "project": found._project_checksum()})
    assert valid.is_valid
    assert valid.dbt_selection() == ["--full-refresh"]


@pytest.mark.long
def test_lost_compiled_model_means_a_full_refresh(state: Settings):
    """`simulate` and the forecast of `plan` read it, and a build of a part would not write it again."""
    folder = state.state_dir / "dbt_project" / "target" / "compiled" / "partnerflow" / "models"
    (folder / "marts" / "core" / "fct_relationship_history.sql").unlink()
    assert changed_sources(state) is None


def test_rows_loaded_during_a_build_are_built_by_the_next(state: Settings):
    """The saved checksums are those from before the build."""
    definitions = read_definitions(state)
    dbt = Dbt(state, prepare_project(state, definitions))
    found = load(state, dbt, Lineage(dbt.parse(), definitions.compiler))
    change(state, "DELETE FROM raw.partner_groups WHERE partner_id LIKE '%1'")
    with open_warehouse(state.warehouse) as connection:
        found.save(connection)
    assert changed_sources(state) == {"raw.partner_groups"}


@pytest.mark.long
def test_moved_state_stays_valid(state: Settings, tmp_path: Path):
    """A state copied to another folder needs no full refresh."""
    moved = state.model_copy(update={"state_dir": copy_state(state.state_dir, tmp_path / "elsewhere")})
    assert changed_sources(moved) == set()
    assert rebuild(moved).held == {}


def test_changed_definitions_change_segments_only(state: Settings, tmp_path: Path):
    """Facts are not rebuilt, and a deleted workflow leaves the segments."""
    workflows = shutil.copytree(state.workflows, tmp_path / "workflows")
    changed = state.model_copy(update={"workflows": Path(workflows)})
    (changed.workflows / "few-clicks-14.yml").unlink()
    assert changed_sources(changed) == set()
    assert build(changed, read_definitions(changed)).held == {}
    assert "fct_partners" not in built_models(changed)
    query = "SELECT count(*) FROM segments.segment_workflows WHERE workflow_id = 'few-clicks-14'"
    with open_warehouse(state.warehouse) as connection:
        assert connection.execute(query).fetchone() == (0,)


@pytest.mark.long
def test_other_loader_or_no_warehouse_means_a_full_refresh(state: Settings):
    """The recorded build does not describe their tables."""
    assert changed_sources(state.model_copy(update={"loader": "fivetran"})) is None
    assert changed_sources(state) == set()
    drop_warehouse(state.state_dir)
    assert changed_sources(state) is None


def test_copied_folder_keeps_unchanged_excluded_and_dbt_files(tmp_path: Path):
    """Files without a source are deleted, excluded files and those of dbt stay, and unchanged files are not written."""
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
