"""Compilation of workflows to readable SQL and dbt models. Text of a definition becomes SQL literals only."""

import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import sqlglot

from compiler import (
    Compiler,
    SendEmail,
    Vocabulary,
    Workflow,
    compile_models,
    compile_workflow,
    membership_statements,
    parse,
    project_vocabulary,
)
from compiler.language.goal import read_goal
from compiler.sql.dialect import to_sql
from compiler.sql.single_statement import MAX_SINGLE_STATEMENT_FEATURES
from flows.definitions.loader import read_definitions
from flows.settings import CHECKOUT, Settings
from flows.transform.build import build
from flows.warehouse.connection import open_warehouse
from flows.warehouse.evaluations import write_evaluations_at
from support.cli import partnerflow
from support.states import HOUR, with_example

VOCABULARY = project_vocabulary()
COMPILER = Compiler(VOCABULARY)
INJECTION = "'; DROP TABLE partners; -- {{ env_var('HOME') }} {% endraw %} {# x #} \\ \"q\" \u2028 /* */"

FEW_CLICKS_14 = """\
-- few-clicks-14: Few clicks after 14 days
-- Relationship Stage is any of Joined
-- Last Transition Date is 14 Days Ago
-- Performance Date Range interval between 0 and 14 Days Ago
-- Clicks less than 100
WITH features AS (
  SELECT
    program_id,
    as_of,
    partner_id,
    CAST(SUM(CASE WHEN days_ago BETWEEN 0 AND 14 THEN clicks ELSE 0 END) AS BIGINT) AS clicks_0_to_14_days_ago
  FROM segments.performance_as_of
  WHERE
    days_ago BETWEEN 0 AND 14
  GROUP BY
    program_id,
    as_of,
    partner_id
), partners AS (
  SELECT
    partners_as_of.program_id AS program_id,
    partners_as_of.as_of AS as_of,
    partners_as_of.partner_id AS partner_id,
    partners_as_of.last_transition_days_ago AS last_transition_days_ago,
    partners_as_of.relationship_stage_as_of AS relationship_stage_as_of,
    COALESCE(features.clicks_0_to_14_days_ago, 0) AS clicks_0_to_14_days_ago
  FROM segments.partners_as_of
  LEFT JOIN features
    ON partners_as_of.program_id = features.program_id
    AND partners_as_of.as_of = features.as_of
    AND partners_as_of.partner_id = features.partner_id
)
SELECT
  'few-clicks-14' AS workflow_id,
  program_id,
  partner_id,
  as_of AS evaluated_at
FROM partners
WHERE
  program_id = '1000'
  AND relationship_stage_as_of IN ('Joined')
  AND last_transition_days_ago = 14
  AND clicks_0_to_14_days_ago < 100
"""


def workflow(*sentences: str, identity: str = "w", status: str = "active") -> Workflow:
    """Return an active email workflow of program 1000 with these sentences."""
    segment = tuple(parse(sentence, VOCABULARY) for sentence in sentences)
    return Workflow(identity, "Name", "", "1000", status, segment, SendEmail("m"))


def test_compile_prints_readable_sql():
    """`partnerflow compile few-clicks-14` prints the sentences as comments, and one statement without a date in it."""
    answer = partnerflow(Settings(), "compile", "few-clicks-14")
    assert (answer.code, answer.stdout) == (0, FEW_CLICKS_14)


def test_committed_models_match_the_definitions():
    """Compiling the committed definitions gives the committed files, byte for byte."""
    answer = partnerflow(Settings(), "compile", "--check")
    assert (answer.code, answer.stdout) == (0, "16 active workflows; 0 generated models changed.\n")


def test_compile_check_when_definitions_changed_fails(tmp_path):
    """The error names the command to run."""
    (tmp_path / "messages").mkdir()
    answer = partnerflow(Settings(workflows=tmp_path), "compile", "--check")
    assert answer.code == 1
    assert "Run `partnerflow compile`" in answer.stderr


def test_only_active_workflows_are_compiled():
    """A paused workflow is in no generated model."""
    paused = workflow("Relationship Stage is any of Joined", status="paused")
    models = compile_models([paused], COMPILER, "duckdb")
    assert "'w'" not in "".join(models.values())


def test_goals_of_active_and_paused_workflows_are_compiled():
    """Workflows with the same condition share its predicate; a draft has no goal yet."""
    goals = {
        name: read_goal(text, COMPILER.vocabulary)
        for name, text in {
            "a": "Actions greater than 0 within 14 days",
            "b": "Actions greater than 0 within 30 days",
            "c": "Revenue greater than 9.5 within 1 day",
        }.items()
    }
    joined = workflow("Relationship Stage is any of Joined")
    measured = [replace(joined, id=name, goal=goal, status="paused") for name, goal in goals.items()]
    models = compile_models([*measured, replace(measured[0], id="d", status="draft")], COMPILER, "duckdb")
    assert "('b', 'Actions greater than 0 within 30 days', '30', '0')" in models["workflow_goals.sql"]
    assert "'d'" not in models["workflow_goals.sql"]
    outcomes = " ".join(models["goal_outcomes.sql"].split())
    assert "workflow_id IN ('a', 'b') AND actions > 0 ) OR ( workflow_id IN ('c') AND revenue > 9.5 )" in outcomes
    assert "FROM {{ ref('int_goal_totals') }}" in outcomes


def test_models_without_active_workflow_are_empty_and_typed():
    """The columns keep their types, so that `dbt build` works in a project without active workflows."""
    for name, statement in {
        "membership": COMPILER.membership([]),
        "workflows": COMPILER.workflows([]),
        "applications": COMPILER.applications([]),
    }.items():
        relation = duckdb.sql(statement.sql("duckdb"))
        assert (name, relation.fetchall()) == (name, [])
        assert "INTEGER" not in [str(kind) for kind in relation.types]


def test_window_used_by_many_segments_is_summed_once():
    """Segments with the same window of a measure share one column, and the facts are read once."""
    sentences = ("Performance Date Range is Last 30 Days", "Revenue greater than 999")
    text = COMPILER.membership([workflow(*sentences, identity=name) for name in "abc"]).sql("duckdb")
    assert text.count("SUM(") == 1
    assert text.count("performance_as_of") == 1


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "spark", "databricks", "snowflake", "bigquery", "redshift"])
def test_definition_text_is_a_literal_in_every_dialect(dialect: str):
    """Text with quotes, comments and backslashes is one literal in every dialect."""
    sentence = 'Partner Name is any of "' + INJECTION.replace('"', '""') + '"'
    text = COMPILER.membership([workflow(sentence)]).sql(dialect)
    literals = [one.this for one in sqlglot.parse_one(text, dialect=dialect).find_all(sqlglot.exp.Literal)]
    assert INJECTION in literals


@pytest.mark.parametrize("max_single_statement_features", [MAX_SINGLE_STATEMENT_FEATURES, -1])
def test_definition_text_is_never_jinja(max_single_statement_features: int):
    """Braces in a literal are escaped so that dbt's Jinja returns them unchanged."""
    from jinja2 import Environment

    sentences = [
        f'{label} is any of "' + INJECTION.replace('"', '""') + '"' for label in ("Partner Name", "Partner Group")
    ]
    models = compile_models(
        [workflow(*sentences)],
        Compiler(VOCABULARY, max_single_statement_features=max_single_statement_features),
        "duckdb",
    )
    texts = [text for text in models.values() if "config(enabled=false)" not in text]
    rendered = [Environment().from_string(text).render(ref=lambda name: name) for text in texts]
    trees = [sqlglot.parse_one(text, dialect="duckdb") for text in rendered]
    literals = [one.this for tree in trees for one in tree.find_all(sqlglot.exp.Literal)]
    assert literals.count(INJECTION) == 2


def test_line_break_in_name_stays_in_the_comment():
    """A line break in a workflow's name does not start a line of SQL."""
    renamed = replace(workflow("Clicks less than 5"), name="Name\n; DROP TABLE x")
    first, second = compile_workflow(renamed, COMPILER, "duckdb").splitlines()[:2]
    assert first == "-- w: Name ; DROP TABLE x"
    assert second.startswith("-- ")


@pytest.mark.parametrize(
    ("include_today", "expected"), [(False, "days_ago BETWEEN 1 AND 30"), (True, "days_ago BETWEEN 0 AND 30")]
)
def test_last_n_days_include_today_only_by_setting(include_today: bool, expected: str):
    """Last N Days are the days 1 to N, and 0 to N with the setting last_n_days_include_today."""
    sentence = ("Relationship Stage is any of Joined", "Last Transition Date is Last 30 Days")
    text = Compiler(VOCABULARY, include_today).membership([workflow(*sentence)]).sql("duckdb")
    assert expected in text


def test_threshold_is_an_exact_decimal():
    """A threshold is never converted to a binary floating-point number."""
    text = COMPILER.membership([workflow("Revenue greater than 999.10000001")]).sql("duckdb")
    literals = [one.this for one in sqlglot.parse_one(text).find_all(sqlglot.exp.Literal) if not one.is_string]
    assert Decimal("999.10000001") in [Decimal(number) for number in literals]


def test_unknown_dialect_or_workflow_is_an_error():
    """The exit code is 2 for an unknown dialect, and 1 for a workflow that does not exist."""
    assert partnerflow(Settings(), "compile", "few-clicks-14", "--dialect", "cobol").code == 2
    answer = partnerflow(Settings(), "compile", "few-clix")
    assert answer.code == 1
    assert "There is no workflow few-clix. The workflows are: accept-applications," in answer.stderr


def test_generated_models_are_in_the_checkout():
    """The generated models are committed, so that a pull request shows what a definition changes."""
    folder = CHECKOUT / "dbt_project" / "models" / "segments" / "generated"
    names = {file.name for file in folder.glob("*.sql") if file.read_text().startswith("-- Generated by")}
    expected = {"membership", "workflows", "conditions", "applications", "partners", "performance"}
    segments = {f"segment_{name}.sql" for name in expected | {"features_by_transition", "features_all_partners"}}
    assert names == segments | {"workflow_goals.sql", "goal_outcomes.sql"}


# Many workflows


def workflows_with_windows(windows: int) -> list[Workflow]:
    """Return one workflow per window, each with its own sum; every other one has a Last Transition Date."""
    stage = "Relationship Stage is any of Joined"
    return [
        workflow(
            *(stage, f"Last Transition Date is {days} Days Ago") if days % 2 else (stage,),
            f"Performance Date Range is Last {days} Days",
            "Clicks less than 100",
            identity=f"w{days:02}",
        )
        for days in range(1, windows + 1)
    ]


@pytest.mark.parametrize(
    ("windows", "tables"), [(MAX_SINGLE_STATEMENT_FEATURES, 1), (MAX_SINGLE_STATEMENT_FEATURES + 1, 5)]
)
def test_features_above_the_limit_are_compiled_to_tables(windows: int, tables: int):
    """Up to the limit there is one statement. The models that are not needed are disabled in dbt."""
    models = compile_models(workflows_with_windows(windows), COMPILER, "duckdb")
    assert len(membership_statements(workflows_with_windows(windows), COMPILER)) == tables
    assert sum("{{ config(enabled=false) }}" in text for text in models.values()) == 5 - tables
    assert list(models) == list(compile_models([], COMPILER, "duckdb"))


def test_feature_tables_sum_only_their_own_windows():
    """One table has the sums of segments with a Last Transition Date, and another those of all other segments."""
    steps = membership_statements(workflows_with_windows(20), COMPILER)
    names = ("by_transition", "all_partners")
    by_transition, all_partners = (steps[f"segments.segment_features_{name}"].sql("duckdb") for name in names)
    assert ("clicks_1_to_19_days_ago" in by_transition, "clicks_1_to_20_days_ago" in by_transition) == (True, False)
    assert ("clicks_1_to_19_days_ago" in all_partners, "clicks_1_to_20_days_ago" in all_partners) == (False, True)
    partners = " ".join(steps["segments.segment_partners"].sql("duckdb").split())
    assert "partners_as_of.last_transition_days_ago BETWEEN 1 AND 19 AS in_features_by_transition" in partners


def test_each_date_condition_limits_only_its_own_segments():
    """Segments with conditions on different dates are limited by their own date only."""
    columns = {"as_of_column": "signup_date", "as_of_days_ago_column": "signup_days_ago"}
    signup = replace(VOCABULARY["Last Transition Date"], label="Signup Date", **columns)
    vocabulary = Vocabulary((*VOCABULARY.fields, signup))
    sentences = [f"{label} is {days} Days Ago" for days, label in enumerate(("Last Transition Date", "Signup Date"), 3)]
    measure = ("Performance Date Range is Last 7 Days", "Clicks less than 9")
    segments = [tuple(parse(one, vocabulary) for one in (sentence, *measure)) for sentence in sentences]
    workflows = [replace(workflow(), id=f"w{number}", segment=segment) for number, segment in enumerate(segments)]
    steps = membership_statements(workflows, Compiler(vocabulary, max_single_statement_features=-1))
    tests = "program_id = '1000' AND {} = {}"
    expected = " OR ".join(
        f"({tests.format(*one)})" for one in (("last_transition_days_ago", 3), ("signup_days_ago", 4))
    )
    partners = " ".join(steps["segments.segment_partners"].sql("duckdb").replace("partners_as_of.", "").split())
    assert f"{expected} AS in_features_by_transition" in partners


def test_contract_and_group_conditions_are_evaluated_once():
    """A condition on contracts or groups is evaluated once, however many segments use it."""
    sentences = [("Partner Group is any of Gold",), ("Contract Stage is any of None, Joined",)] * 3
    workflows = [workflow(*one, identity=f"w{number}") for number, one in enumerate(sentences)]
    steps = membership_statements(workflows, Compiler(VOCABULARY, max_single_statement_features=-1))
    assert list(steps) == ["segments.segment_partners", "marts.segment_membership"]
    partners = steps["segments.segment_partners"].sql("duckdb")
    assert partners.count("MAX(") == 3  # Gold, Joined, and any contract
    assert steps["marts.segment_membership"].sql("duckdb").count("FROM segments.segment_partners") == 6


@pytest.mark.parametrize(("dialect", "is_collected"), [("duckdb", True), ("postgres", False), ("snowflake", False)])
def test_members_are_collected_where_an_engine_writes_branches(dialect: str, is_collected: bool):
    """DuckDB computes the rows of all workflows before it writes a table of them; other engines write a plain union."""
    membership = membership_statements(workflows_with_windows(40), COMPILER, dialect)["marts.segment_membership"]
    assert ("AS MATERIALIZED" in membership.sql(dialect)) == is_collected
    assert len(list(membership.find_all(sqlglot.exp.Union))) == 39


@pytest.mark.parametrize("dialect", ["bigquery", "clickhouse", "databricks", "spark"])
def test_engine_that_explodes_reads_each_table_once(dialect: str):
    """However many segments there are, one SELECT per table finds their members, and no machine numbers all rows."""
    steps = membership_statements(workflows_with_windows(40), COMPILER, dialect)
    membership = steps["marts.segment_membership"]
    tables = [table.name for table in membership.find_all(sqlglot.exp.Table)]
    assert sorted(tables) == ["segment_features_all_partners", "segment_features_by_transition"]
    assert all(f"'w{days:02}'" in membership.sql(dialect) for days in range(1, 41))
    assert not any(step.find(sqlglot.exp.RowNumber) for step in steps.values())


def test_engine_that_explodes_reads_a_table_again_after_1000_workflows():
    """An array has at most 1,000 elements."""
    named = [workflow("Relationship Stage is any of Joined", identity=f"w{number}") for number in range(1001)]
    membership = membership_statements(named, COMPILER, "spark")["marts.segment_membership"]
    arrays = [len(array.expressions) for array in membership.find_all(sqlglot.exp.Array)]
    assert sorted(arrays) == [1, 1000]


@pytest.mark.long
def test_dbt_build_with_tables_gives_the_same_members(settings: Settings, tmp_path: Path):
    """The members computed by the dbt tables are the same as those of the single statement."""
    workflows = tmp_path / "workflows"
    shutil.copytree(CHECKOUT / "workflows", workflows)
    for days in range(1, MAX_SINGLE_STATEMENT_FEATURES + 2):
        text = (workflows / "few-clicks-14.yml").read_text().replace("14 Days Ago", f"{days} Days Ago")
        (workflows / f"x{days}.yml").write_text(text)
    settings = with_example(settings.model_copy(update={"workflows": workflows}))
    definitions = read_definitions(settings)
    with open_warehouse(settings.warehouse) as connection:
        write_evaluations_at(connection, HOUR)
    assert build(settings, definitions).held == {}
    one_statement = Compiler(VOCABULARY, max_single_statement_features=10**9).membership(definitions.active)
    with open_warehouse(settings.warehouse) as connection:
        found = connection.execute("SELECT * FROM marts.segment_membership").fetchall()
        assert connection.execute("SELECT count(*) FROM segments.segment_features_by_transition").fetchone() > (0,)
        assert sorted(found) == sorted(connection.execute(to_sql(one_statement)).fetchall())
        assert len({workflow_id for workflow_id, *_ in found}) > MAX_SINGLE_STATEMENT_FEATURES
