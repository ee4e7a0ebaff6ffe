"""The SQL of the same segments in nine dialects, compared with committed files so that a review shows every change.

DuckDB executes its SQL in tests/property/test_proof.py, PostgreSQL in tests/dbt_project/test_postgres.py, Spark in
tests/cluster and ClickHouse in tests/adapters; the SQL of the other five dialects is only parsed. This rewrites the
files, but not in CI:

    PARTNERFLOW_FREEZE=1 .venv/bin/python -m pytest tests/compiler/test_dialects.py
"""

import os

import pytest
import sqlglot
from sqlglot import exp

from compiler import Compiler, dialects, membership_statements, project_vocabulary
from compiler.sql.dialect import ENGINES, to_sql
from compiler.sql.staged_plan import MEMBERSHIP
from flows.settings import CHECKOUT
from support.definitions import workflow_without_yaml

FROZEN = CHECKOUT / "tests" / "data" / "dialects"
VOCABULARY = project_vocabulary()

SEGMENTS = {
    "everything-dated": [
        "Relationship Stage is any of Select All",
        "Last Transition Date between Oct 1 2024 and Oct 7 2024",
        "Performance Date Range is Last 30 Days",
        "Clicks greater than 0",
        "Clicks less than 100",
        "Actions greater than 5",
        "Revenue greater than 999.50",
    ],
    "few-clicks": [
        "Relationship Stage is any of Joined",
        "Last Transition Date is 14 Days Ago",
        "Performance Date Range interval between 0 and 14 Days Ago",
        "Clicks less than 100",
    ],
    "lists": [
        "Partner Group is any of Gold, \"Silver, old\"",
        "Partner Name is any of O'Brien, \"back\\slash {{ x }}\"",
        "Partner ID is any of 0042917",
    ],
    "terms": ["Partner Template Term contains \"50% o'ff _\"", "Contract ID is any of S-7777777"],
    "without-contract": ["Contract Stage is any of None, Joined", "Revenue less than 10"],
}  # fmt: skip


NAMED = {
    "sold-before": ["Performance Date Range interval between 61 and 150 Days Ago", "Revenue greater than 0"],
    "moved-today": ["Relationship Stage is none of Expired", "Last Transition Date is Today"],
    "gold": ["Partner Template Term is any of Gold", "Segment is none of sold-before"],
}
COMBINED = {
    "but-groups": [
        'Partner Group is none of Gold, "O\'Brien"',
        "Partner Name is none of A",
        "Contract ID is none of S-1",
        "Contract Stage is none of None, Expired",
    ],
    "contacted": ["Contacted By is any of welcome", "Contacted By Date Range is Last 30 Days"],
    "ends-soon": [
        "Contract End Date interval between 0 and 30 Days From Now",
        "Contacted By is none of reminder",
        "Partner Template Term is any of Gold",
    ],
    "or-and-not": ["Segment is any of gold, sold-before", "Segment is none of moved-today"],
    "win-back": [
        "Relationship Stage is any of Joined",
        "Performance Date Range interval between 0 and 60 Days Ago",
        "Clicks is 0",
        "Segment is any of sold-before",
    ],
}

DATED = {
    "everything-dated": SEGMENTS["everything-dated"],
    "few-clicks": SEGMENTS["few-clicks"],
    "win-back": ["Last Transition Date is Last 60 Days", *COMBINED["win-back"]],
}
"""Segments that all have a Last Transition Date, so that measures are summed for `candidates` only."""

PLANS = {
    "one-statement": SEGMENTS, "tables": SEGMENTS, "dated-one-statement": DATED, "combined-one-statement": COMBINED,
    "combined-tables": COMBINED,
}  # fmt: skip
"""The folders of tests/data/dialects, with their segments: the conditions of the help pages, those that all have a Last
Transition Date, and those that combine segments."""

FILES = [
    (plan, dialect)
    for plan in PLANS
    for dialect in dialects()
    if PLANS[plan] is not DATED or ENGINES[dialect].sums_candidates
]
"""The plan and the dialect of each frozen file: that with `candidates` for the engines that sum them."""


def text(plan: str, dialect: str) -> str:
    """Return the SQL of all segments, each statement below a comment with the name of its table."""
    workflows = [workflow_without_yaml(name, "1000", sentences, NAMED) for name, sentences in PLANS[plan].items()]
    compiler = Compiler(VOCABULARY, max_single_statement_features=-1)
    one_statement = {MEMBERSHIP: compiler.membership(workflows, sums_candidates=PLANS[plan] is DATED)}
    is_one = plan.endswith("one-statement")
    steps = one_statement if is_one else membership_statements(workflows, compiler, dialect)
    return "".join(f"-- {relation}\n{to_sql(step, dialect)};\n" for relation, step in steps.items())


@pytest.mark.parametrize(("plan", "dialect"), FILES)
def test_sql_of_each_dialect_equals_the_committed_file(plan: str, dialect: str):
    """The same definitions give the same SQL, byte for byte."""
    file = FROZEN / plan / f"{dialect}.sql"
    if os.environ.get("PARTNERFLOW_FREEZE"):
        assert not os.environ.get("CI"), "The frozen SQL is not rewritten in CI."
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text(plan, dialect))
    assert text(plan, dialect) == file.read_text()


@pytest.mark.parametrize(("plan", "dialect"), FILES)
def test_sql_has_only_portable_constructs(plan: str, dialect: str):
    """No construct is used that sqlglot silently changes for a dialect (FILTER, ANTI JOIN, ILIKE, TRY_CAST, …)."""
    trees = sqlglot.parse(text(plan, dialect), dialect=dialect)
    risky = (exp.Filter, exp.ILike, exp.Like, exp.Qualify, exp.Interval, exp.DateDiff, exp.CurrentDate,
             exp.CurrentTimestamp, exp.Contains, exp.StartsWith, exp.Anonymous, exp.Any)  # fmt: skip
    assert [node.sql() for tree in trees if tree for node in tree.find_all(*risky)] == []
    assert "TRY_CAST" not in text(plan, dialect)


def test_dialects_are_the_documented_ones():
    """sqlglot has other dialects, but nobody has reviewed their SQL."""
    expected = ["bigquery", "clickhouse", "databricks", "duckdb", "postgres", "redshift", "snowflake", "spark", "trino"]
    assert dialects() == expected
