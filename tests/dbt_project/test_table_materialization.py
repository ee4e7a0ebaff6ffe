"""Tables on DuckDB: dbt configuration takes effect, and a failed build leaves the table unchanged."""

import shutil
from pathlib import Path

import pytest
import yaml

from compiler import PROJECT
from flows.definitions.loader import read_definitions
from flows.settings import Settings
from flows.transform.build import prepare_project
from flows.transform.dbt_runner import Dbt
from flows.warehouse.connection import open_warehouse

pytestmark = pytest.mark.engine("duckdb", "is about the macros that replace dbt-duckdb's")


@pytest.fixture
def dbt(copied: Settings) -> tuple[Settings, Dbt]:
    """The example account after its run, and a dbt runner for it."""
    return copied, Dbt(copied, prepare_project(copied, read_definitions(copied)))


def sql(settings: Settings, query: str) -> list[tuple]:
    """Return the rows of a query on the warehouse."""
    with open_warehouse(settings.warehouse) as connection:
        return connection.execute(query).fetchall()


def test_failed_model_leaves_its_table_unchanged(dbt: tuple[Settings, Dbt]):
    """A row fails after the new table has been created; the old table remains, and the new one is gone."""
    settings, project = dbt
    before = sql(settings, "SELECT * FROM marts.fct_contracts ORDER BY ALL")
    names = "SELECT table_schema, table_name, table_type FROM information_schema.tables ORDER BY ALL"
    tables = sql(settings, names)
    sql(settings, "ALTER TABLE raw.contracts RENAME TO contracts_of_before")
    broken = "if(contract_id IS NULL, '', error('broken')) AS partner_id"
    sql(settings, f"CREATE VIEW raw.contracts AS SELECT * REPLACE ({broken}) FROM raw.contracts_of_before")
    result = project.invoke("run", "--select", "fct_contracts")
    assert not result.success
    assert "broken" in result.result.results[-1].message
    sql(settings, "DROP VIEW raw.contracts")
    sql(settings, "ALTER TABLE raw.contracts_of_before RENAME TO contracts")
    assert sql(settings, "SELECT * FROM marts.fct_contracts ORDER BY ALL") == before
    assert sql(settings, names) == tables


@pytest.mark.long
def test_view_of_the_same_name_is_replaced(dbt: tuple[Settings, Dbt]):
    """The model may have been a view in an older version; the new table has the types of its contract."""
    settings, project = dbt
    types = sql(settings, "DESCRIBE marts.fct_contracts")
    sql(settings, "DROP TABLE marts.fct_contracts")
    sql(settings, "CREATE VIEW marts.fct_contracts AS SELECT 1 AS program_id")
    assert project.invoke("run", "--select", "fct_contracts").success
    assert sql(settings, "DESCRIBE marts.fct_contracts") == types
    assert sql(settings, "SELECT count(*) FROM marts.fct_contracts") == sql(
        settings, "SELECT count(*) FROM raw.contracts"
    )


@pytest.mark.long
def test_persist_docs_and_indexes_take_effect(
    dbt: tuple[Settings, Dbt], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """The table has the comments on itself and its columns, and the index, that dbt_project.yml asks for."""
    settings, _ = dbt
    copy = Path(shutil.copytree(PROJECT, tmp_path / "dbt_project"))
    configured = yaml.safe_load((copy / "dbt_project.yml").read_text())
    configured["models"]["partnerflow"]["marts"] = {
        "+persist_docs": {"relation": True, "columns": True},
        "core": {"fct_contracts": {"+indexes": [{"columns": ["contract_id"]}]}},
    }
    (copy / "dbt_project.yml").write_text(yaml.safe_dump(configured))
    monkeypatch.setattr("flows.transform.build.PROJECT", copy)
    project = Dbt(settings, prepare_project(settings, read_definitions(settings)))
    described = next(node for node in project.parse().nodes.values() if node.name == "fct_contracts")
    assert project.invoke("run", "--select", "fct_contracts").success
    of_table = "WHERE schema_name = 'marts' AND table_name = 'fct_contracts'"
    assert sql(settings, f"SELECT comment FROM duckdb_tables() {of_table}") == [(described.description,)]
    comments = dict(sql(settings, f"SELECT column_name, comment FROM duckdb_columns() {of_table}"))
    assert {name: text for name, text in comments.items() if text} == {
        name: column.description for name, column in described.columns.items() if column.description
    }
    assert len(sql(settings, f"SELECT index_name FROM duckdb_indexes() {of_table}")) == 1
