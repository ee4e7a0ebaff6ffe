"""The dbt project as an analytics engineer finds it: documented, tested column by column, without a warning."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from compiler import MODELS
from flows.definitions.loader import Definitions, read_definitions
from flows.pipeline.run import Run
from flows.settings import CHECKOUT, Settings
from flows.transform.build import prepare_project
from flows.transform.dbt_runner import Dbt
from flows.transform.impact import DataQualityIssue, Lineage
from flows.warehouse.connection import open_warehouse
from support.computed_columns import computed_columns
from support.descriptions import undescribed_columns
from support.states import with_example


@dataclass(frozen=True)
class Project:
    """What `dbt docs generate` knows of the project, and what dbt said meanwhile."""

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
    """The project read from nothing, every warning an error, and its docs written; nothing is built."""
    settings = with_example(
        Settings(state_dir=tmp_path_factory.mktemp("project") / "var", workflows=CHECKOUT / "workflows")
    )
    definitions = read_definitions(settings)
    folder = prepare_project(settings, definitions)
    dbt = Dbt(settings, folder)
    for command in (["parse", "--warn-error", "--show-all-deprecations", "--no-partial-parse"], ["docs", "generate"]):
        done = dbt.invoke(*command)
        assert done.success, done.exception or Path(settings.state_dir / "logs" / "dbt.log").read_text()
    manifest = json.loads((folder / "target" / "manifest.json").read_text())
    assert (folder / "target" / "catalog.json").exists()
    lineage = Lineage(dbt.parse(), definitions.compiler)
    return Project(manifest, (settings.state_dir / "logs" / "dbt.log").read_text(), lineage, definitions)


@pytest.fixture(scope="module")
def generated() -> set[str]:
    """The names of the models that the compiler writes."""
    return set(MODELS)


def test_parse_and_docs_say_nothing(project: Project):
    """No warning, no deprecation."""
    assert "warn" not in project.log.lower().replace("--warn-error", "")
    assert "deprecat" not in project.log.lower().replace("--show-all-deprecations", "")


def test_every_computed_column_has_a_unit_test(project: Project, generated: set[str]):
    """What is handed on unchanged, renamed or cast needs none."""
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


def test_every_model_says_its_grain_first_and_has_its_yml_beside_it(project: Project):
    """Each description opens with `One row per …`, and stg_x.yml is beside stg_x.sql."""
    for name, model in project.models.items():
        assert model["description"].startswith("One row per "), name
        assert model["patch_path"].endswith(model["path"].replace(".sql", ".yml")), name


def test_every_column_is_described(project: Project, example: tuple[Settings, Run]):
    """Every column of every model and source that the example has built has a description in its yml."""
    with open_warehouse(example[0].warehouse) as connection:
        assert undescribed_columns(connection, project.manifest) == set()


def test_every_unit_test_has_a_plain_name_and_a_description(project: Project):
    """Unit tests are named test_<what>_<when>, and say what they show."""
    tests = project.manifest["unit_tests"].values()
    assert [test["name"] for test in tests if not test["name"].startswith("test_") or not test["description"]] == []


def test_every_model_with_a_key_has_it_tested(project: Project):
    """Unique and not null, in one test of the key; a model without a key says that its rows are to be summed, or that
    events are there once per report."""
    keyed = {
        test["attached_node"].split(".")[-1]
        for test in project.tests
        if test["name"].startswith(("unique_combination_of_columns", "reconciles_with"))
    }
    for name, model in project.models.items():
        keyless = any(words in model["description"] for words in ("sum them", "repeats included"))
        assert name in keyed or keyless, name


def test_no_model_compares_every_row_with_every_row(example: tuple[Settings, Run]):
    """As a join does without a key that is equal on both sides: it takes hours where there are many partners."""
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
    """Names and types of what people query do not change by accident."""
    loose = {
        name
        for name, model in project.models.items()
        if "/marts/" in model["original_file_path"] and not model["contract"]["enforced"]
    }
    assert loose == set()


def test_sources_say_when_they_are_stale(project: Project):
    """Every table of a loader has a freshness, but those in which days may pass without a row."""
    unwatched = {
        source["name"]
        for source in project.manifest["sources"].values()
        if not (source["freshness"] or {}).get("error_after", {}).get("count")
    }
    of_the_run = {"email_events", "evaluations", "sent_emails", "suppressions", "workflow_runs"}
    assert unwatched == {"programs", "partner_groups", "prospects", "relationship_events", *of_the_run}


def test_the_lineage_runs_from_the_raw_tables_to_every_active_workflow(project: Project):
    """Each is an exposure with an owner; below the clicks are those that ask for clicks or another measure."""
    exposures = {one["config"]["meta"]["workflow_id"]: one for one in project.manifest["exposures"].values()}
    active = {workflow.id for workflow in read_definitions(Settings(workflows=CHECKOUT / "workflows")).active}
    assert exposures.keys() == active
    assert all(one["owner"]["name"] for one in exposures.values())
    below = _below(project.manifest["child_map"], "source.partnerflow.raw.partner_clicks_daily")
    assert {name for name, one in exposures.items() if one["unique_id"] in below} == {
        name for name in active if name.startswith(("few-", "first-", "high-", "revenue-"))
    }


PERFORMANCE = {
    "few-clicks-14", "few-clicks-30", "few-clicks-60", "few-clicks-90", "first-action-30", "first-action-30-60",
    "high-revenue-1-30", "high-revenue-31-60", "revenue-1000", "revenue-10000",
}  # fmt: skip
APPLICATIONS = {"accept-applications"}
ALL = {path.stem for path in (CHECKOUT / "workflows").glob("*.yml")}


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
        (None, ALL),
    ],
)
def test_a_fault_holds_what_reads_below_it(project: Project, node: str | None, held: set[str]):
    """What a segment reads is its own; addresses, the ledger and the membership are everybody's."""
    found = project.lineage.affected_workflows(project.definitions.active, [DataQualityIssue(node, "why")])
    assert found == dict.fromkeys(held, "why")


def test_a_fault_of_columns_and_programs_holds_no_more_than_these(project: Project):
    """Clicks of program 1000; the other program asks for none."""
    clicks = {name for name in PERFORMANCE if name.startswith("few-")}
    source, columns = "source.partnerflow.raw.partner_clicks_daily", frozenset({"fct_performance_daily.clicks"})
    for programs, held in ((None, clicks), (frozenset({"1000"}), clicks), (frozenset({"2000"}), set())):
        assert (
            project.lineage.affected_workflows(
                project.definitions.active, [DataQualityIssue(source, "why", columns, programs)]
            ).keys()
            == held
        )


def _below(children: dict[str, list[str]], node: str) -> set[str]:
    found = {node}
    for child in children[node]:
        if child not in found:
            found |= _below(children, child)
    return found
