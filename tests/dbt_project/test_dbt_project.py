"""The dbt project itself: its documentation, tests of its columns, freshness, lineage, and no warnings."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from compiler import GOAL_MODELS, MODELS
from flows.definitions.loader import Definitions, read_definitions
from flows.pipeline.run import Run
from flows.settings import Settings
from flows.transform.build import prepare_project
from flows.transform.dbt_runner import Dbt
from flows.transform.impact import DataQualityIssue, Lineage
from flows.warehouse.connection import open_warehouse
from support.computed_columns import computed_columns
from support.definitions import DEFINITION_FILES
from support.descriptions import undescribed_columns
from support.example_workflows import WORKFLOWS
from support.states import with_example


@dataclass(frozen=True)
class Project:
    """The manifest of `dbt docs generate`, the log of dbt, the lineage and the definitions."""

    manifest: dict
    log: str
    lineage: Lineage
    definitions: Definitions

    @property
    def models(self) -> dict[str, dict]:
        """The models by name."""
        return {node["name"]: node for node in self.manifest["nodes"].values() if node["resource_type"] == "model"}

    @property
    def tests(self) -> list[dict]:
        """The data tests."""
        return [node for node in self.manifest["nodes"].values() if node["resource_type"] == "test"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project parsed from scratch, with warnings as errors, and its docs; nothing is built."""
    settings = with_example(Settings(state_dir=tmp_path_factory.mktemp("project") / "var", workflows=WORKFLOWS))
    definitions = read_definitions(settings)
    folder = prepare_project(settings, definitions)
    dbt = Dbt(settings, folder)
    for command in (["parse", "--warn-error", "--show-all-deprecations", "--no-partial-parse"], ["docs", "generate"]):
        result = dbt.invoke(*command)
        assert result.success, result.exception or Path(settings.state_dir / "logs" / "dbt.log").read_text()
    manifest = json.loads((folder / "target" / "manifest.json").read_text())
    assert (folder / "target" / "catalog.json").exists()
    lineage = Lineage(dbt.parse(), definitions.compiler)
    return Project(manifest, (settings.state_dir / "logs" / "dbt.log").read_text(), lineage, definitions)


@pytest.fixture(scope="module")
def generated() -> set[str]:
    """The names of the models that the compiler writes."""
    return {*MODELS, *GOAL_MODELS}


def test_parse_and_docs_log_no_warning(project: Project):
    """Neither warnings nor deprecations are logged."""
    assert "warn" not in project.log.lower().replace("--warn-error", "")
    assert "deprecat" not in project.log.lower().replace("--show-all-deprecations", "")


def test_every_computed_column_has_a_unit_test(project: Project, generated: set[str]):
    """Columns that are selected unchanged, renamed or cast need none."""
    tested = defaultdict(set)
    for test in project.manifest["unit_tests"].values():
        for row in test["expect"]["rows"]:
            tested[test["model"]] |= row.keys()
    untested = {
        f"{name}.{column}"
        for name, model in project.models.items()
        if name not in generated and model["schema"] != "staging"
        for column in computed_columns(model["compiled_code"]) - tested[name]
    }
    assert untested == set()


def test_every_model_describes_its_grain_in_its_own_yml(project: Project):
    """Each description starts with `One row per …`, and stg_x.yml is beside stg_x.sql."""
    for name, model in project.models.items():
        assert model["description"].startswith("One row per "), name
        assert model["patch_path"].endswith(model["path"].replace(".sql", ".yml")), name


def test_every_column_is_described(project: Project, example: tuple[Settings, Run]):
    """Every column of every model and source that the example has built has a description in its yml."""
    with open_warehouse(example[0].warehouse) as connection:
        assert undescribed_columns(connection, project.manifest) == set()


def test_every_unit_test_has_a_name_and_a_description(project: Project):
    """Names start with `test_`, and no description is empty."""
    tests = project.manifest["unit_tests"].values()
    assert [test["name"] for test in tests if not test["name"].startswith("test_") or not test["description"]] == []


def test_every_key_of_a_model_is_tested(project: Project):
    """One data test per key checks that it is unique and not null.

    A model without a key says in its description that its rows must be summed, or that it includes repeats.
    """
    keyed = {
        test["attached_node"].split(".")[-1]
        for test in project.tests
        if test["name"].startswith(("unique_combination_of_columns", "reconciles_with"))
    }
    for name, model in project.models.items():
        keyless = any(words in model["description"] for words in ("sum them", "repeats included"))
        assert name in keyed or keyless, name


def test_no_model_has_a_nested_loop_join(example: tuple[Settings, Run]):
    """Every join has an equality; without one it compares all pairs of rows, which takes hours on a large account."""
    settings, _ = example
    models = sorted(
        (settings.state_dir / "dbt_project" / "target" / "compiled" / "partnerflow" / "models").rglob("*.sql")
    )
    assert len(models) > 50
    with open_warehouse(settings.warehouse) as connection:
        for model in models:
            plan = connection.execute(f"EXPLAIN {model.read_text()}").fetchall()[0][1]
            assert not {"BLOCKWISE_NL_JOIN", "NESTED_LOOP_JOIN"} & set(plan.split()), model.name


def test_contracts_are_enforced_on_marts(project: Project):
    """An enforced contract fails the build when a column that people query changes its name or type."""
    unenforced = {
        name
        for name, model in project.models.items()
        if "/marts/" in model["original_file_path"] and not model["contract"]["enforced"]
    }
    assert unenforced == set()


def test_every_loaded_source_has_a_freshness(project: Project):
    """Exceptions are tables that may go for days without a new row, and those that the run itself writes."""
    unwatched = {
        source["name"]
        for source in project.manifest["sources"].values()
        if not (source["freshness"] or {}).get("error_after", {}).get("count")
    }
    written_by_the_run = {
        "addresses", "copy_addresses", "email_events", "evaluations", "sent_emails", "suppressions",
        "unreadable_payloads", "workflow_runs",
    }  # fmt: skip
    assert unwatched == {"programs", "partner_groups", "prospects", "relationship_events", *written_by_the_run}


def test_lineage_leads_from_raw_tables_to_each_workflow(project: Project):
    """In one line by the membership. Each active workflow is an exposure with an owner, and every model has one.

    Only those with a measure are tagged as reading the performance.
    """
    exposures = {one["config"]["meta"]["workflow_id"]: one for one in project.manifest["exposures"].values()}
    active = {workflow.id for workflow in read_definitions(Settings(workflows=WORKFLOWS)).active}
    assert exposures.keys() == active
    assert all(one["owner"]["name"] for one in exposures.values())
    assert [name for name, model in project.models.items() if not model["config"]["meta"].get("owner")] == []
    children = project.manifest["child_map"]
    membership = "model.partnerflow.segment_membership"
    assert membership in _descendants(children, "source.partnerflow.raw.partner_clicks_daily")
    assert {one["unique_id"] for one in exposures.values()} <= _descendants(children, membership)
    assert all(len(one["depends_on"]["nodes"]) == 1 for one in exposures.values())
    assert {name for name, one in exposures.items() if "performance_as_of" in one["config"]["tags"]} == {
        name for name in active if name.startswith(("few-", "first-", "high-", "revenue-"))
    }


PERFORMANCE = {
    "few-clicks-14", "few-clicks-30", "few-clicks-60", "few-clicks-90", "first-action-30", "first-action-30-60",
    "high-revenue-1-30", "high-revenue-31-60", "revenue-1000", "revenue-10000",
}  # fmt: skip
APPLICATIONS = {"accept-applications"}
ALL = {path.stem for path in DEFINITION_FILES}


@pytest.mark.parametrize(
    ("node", "held"),
    [
        ("source.partnerflow.raw.partner_groups", set()),
        ("source.partnerflow.raw.partner_clicks_daily", PERFORMANCE),
        ("model.partnerflow.stg_actions", PERFORMANCE),
        ("model.partnerflow.int_changed_partners", PERFORMANCE),
        ("model.partnerflow.int_activity_dates", PERFORMANCE),
        ("model.partnerflow.performance_as_of", PERFORMANCE),
        ("model.partnerflow.fct_contracts", APPLICATIONS),
        ("model.partnerflow.stg_contracts", ALL),
        ("model.partnerflow.fct_relationship_history", ALL),
        ("model.partnerflow.int_partner_addresses", ALL),
        ("model.partnerflow.stg_sent_emails", ALL),
        ("model.partnerflow.segment_membership", ALL),
        ("model.partnerflow.workflow_runs", set()),
        ("model.partnerflow.stg_unreadable_payloads", set()),
        ("model.partnerflow.base_partner_groups", set()),
        ("model.partnerflow.int_quarantined_rows", ALL),
        (None, ALL),
    ],
)
def test_issue_holds_the_workflows_that_depend_on_its_node(project: Project, node: str | None, held: set[str]):
    """Each fact is read by some workflows; addresses, the ledger and the membership are read by all."""
    found = project.lineage.affected_workflows(project.definitions.active, [DataQualityIssue(node, "why")])
    assert found == dict.fromkeys(held, "why")


def test_issue_of_a_column_and_program_holds_its_readers_only(project: Project):
    """Clicks of program 1000 hold the workflows that read them; no workflow reads clicks of the other program."""
    clicks = {name for name in PERFORMANCE if name.startswith("few-")}
    source, columns = "source.partnerflow.raw.partner_clicks_daily", frozenset({"fct_performance_daily.clicks"})
    for programs, held in ((None, clicks), (frozenset({"1000"}), clicks), (frozenset({"2000"}), set())):
        assert (
            project.lineage.affected_workflows(
                project.definitions.active, [DataQualityIssue(source, "why", columns, programs)]
            ).keys()
            == held
        )


def _descendants(children: dict[str, list[str]], node: str) -> set[str]:
    found = {node}
    for child in children[node]:
        if child not in found:
            found |= _descendants(children, child)
    return found
