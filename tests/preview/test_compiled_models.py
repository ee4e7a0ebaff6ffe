"""Statements that are given values in place of what the models read."""

from datetime import UTC, date, datetime

import pytest
from sqlglot import exp, parse_one

from compiler import PartnerflowError
from flows.preview.compiled_models import CompiledModels, read_compiled_models
from flows.settings import Settings
from flows.warehouse.evaluations import Hour, as_query
from support.warehouses import duckdb_connection

MODELS = CompiledModels(
    {
        "staging.stg_evaluations": 'with source as (select * from "w"."raw"."evaluations") select as_of from source',
        "segments.partners_as_of": """
            with evaluations as (select * from "w"."staging"."stg_evaluations"), partners as (select * from marts.fct)
            select evaluations.as_of, partners.id from evaluations cross join partners""",
        "marts.unrelated": "select 1 as one from marts.fct",
    },
    "duckdb",
)


def given(text: str, **values: str) -> str:
    """Return a statement as text, given the queries in place of raw tables."""
    queries = {f"raw.{name}": parse_one(query) for name, query in values.items()}
    return MODELS.given(parse_one(text), queries).sql("duckdb")


def test_value_replaces_the_table_below_the_views():
    """The view that reads the view on the table gets the value; a CTE of the table's name stays."""
    found = given("SELECT p.id FROM segments.partners_as_of AS p", evaluations="SELECT 1 AS as_of")
    assert found == (
        "SELECT p.id FROM (WITH evaluations AS (SELECT * FROM (WITH source AS (SELECT * FROM (SELECT 1 AS as_of) AS "
        "evaluations) SELECT as_of FROM source) AS stg_evaluations), partners AS (SELECT * FROM marts.fct) SELECT "
        "evaluations.as_of, partners.id FROM evaluations CROSS JOIN partners) AS p"
    )


@pytest.mark.parametrize("text", ["SELECT * FROM marts.unrelated", "SELECT * FROM evaluations", "SELECT 1"])
def test_statement_that_does_not_read_the_table_is_unchanged(text: str):
    """A model that reads none of the tables stays a table of the warehouse."""
    assert given(text, evaluations="SELECT 1 AS as_of") == text


def test_table_replaces_a_relation_under_its_alias():
    """A simulation gives its temporary tables in place of relations."""
    values = {"marts.fct": exp.to_table("temporary")}
    statement = parse_one("SELECT fct.id, other.id FROM marts.fct, marts.fct AS other")
    assert MODELS.given(statement, values).sql() == (
        "SELECT fct.id, other.id FROM temporary AS fct, temporary AS other"
    )


def test_models_are_not_changed():
    """Each batch of hours is given to the same models."""
    before = MODELS.query("segments.partners_as_of").sql()
    assert given("SELECT id FROM segments.partners_as_of", evaluations="SELECT 1 AS as_of") != before
    assert MODELS.query("segments.partners_as_of").sql() == before


def test_hours_are_a_cte_before_those_that_read_it():
    """It has the hours once, however many views read them."""
    statement = parse_one("WITH p AS (SELECT * FROM segments.partners_as_of) SELECT id FROM p")
    assert isinstance(statement, exp.Select)
    found = MODELS.at([Hour("1000", datetime(2026, 3, 20, 18, tzinfo=UTC), date(2026, 3, 20))], statement)
    assert [cte.alias for cte in found.ctes] == ["evaluated_hours", "p"]
    assert [one.name for one in found.find_all(exp.Table)].count("evaluated_hours") == 1


@pytest.mark.parametrize("hours", [0, 2])
def test_hours_are_a_query_with_the_columns_of_the_table(hours: int):
    """The last microsecond of a day is kept, and no hours are no rows."""
    instants = (datetime(2026, 3, 20, 18, tzinfo=UTC), datetime(2026, 3, 21, 3, 59, 59, 999999, tzinfo=UTC))
    given = [Hour("it's", one, date(2026, 3, 20)) for one in instants[:hours]]
    rows = duckdb_connection().execute(as_query(given)).fetchall()
    assert rows == [(one.program_id, one.as_of.replace(tzinfo=None), one.local_date) for one in given]


def test_state_without_a_build_is_one_sentence(tmp_path):
    """Nothing has been compiled there."""
    with pytest.raises(PartnerflowError, match="No facts have been built yet"):
        read_compiled_models(Settings(state_dir=tmp_path), duckdb_connection())
