"""Tables on DuckDB are replaced at once: a build that fails leaves the rows of the build before, and no half table."""

import pytest

from flows.definitions.loader import read_definitions
from flows.settings import Settings
from flows.transform.build import prepare_project
from flows.transform.dbt_runner import Dbt
from flows.warehouse.connection import open_warehouse


@pytest.fixture
def dbt(copied: Settings) -> tuple[Settings, Dbt]:
    """The example account after its run, and dbt on it."""
    return copied, Dbt(copied, prepare_project(copied, read_definitions(copied)))


def sql(settings: Settings, query: str) -> list[tuple]:
    with open_warehouse(settings.warehouse) as connection:
        return connection.execute(query).fetchall()


def test_a_model_that_fails_leaves_its_table_as_it_was(dbt: tuple[Settings, Dbt]):
    """The rows fail after the table with its contract is made, and the table of before is back, with nothing beside."""
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


def test_a_view_in_the_place_of_a_table_gives_way(dbt: tuple[Settings, Dbt]):
    """As when a model was a view in the version before; and the contract's types are those of the table."""
    settings, project = dbt
    types = sql(settings, "DESCRIBE marts.fct_contracts")
    sql(settings, "DROP TABLE marts.fct_contracts")
    sql(settings, "CREATE VIEW marts.fct_contracts AS SELECT 1 AS program_id")
    assert project.invoke("run", "--select", "fct_contracts").success
    assert sql(settings, "DESCRIBE marts.fct_contracts") == types
    assert sql(settings, "SELECT count(*) FROM marts.fct_contracts") > [(0,)]
