"""The loader of the example account: seeds/*.csv into the raw tables."""

from pathlib import Path

import duckdb
import pandas

from compiler import PartnerflowError
from flows.raw_tables import CREATE, replace_raw_table
from flows.settings import CHECKOUT
from flows.warehouse import has_table

SEEDS = CHECKOUT / "seeds"


def load_example(connection: duckdb.DuckDBPyConnection, seeds: Path = SEEDS) -> dict[str, int]:
    """Fill the raw tables with the example account, and return the rows of each.

    Loads into a warehouse without raw tables, or over an example account loaded before; the tables that a run writes
    are made empty where they are missing, and otherwise left alone. To be called in a transaction. Raises
    PartnerflowError over any other account.
    """
    if has_table(connection, "raw", "programs") and not _is_example(connection):
        raise PartnerflowError(
            "The warehouse holds another account. The example account is loaded into a warehouse of its own: "
            "set PARTNERFLOW_VAR to another folder."
        )
    counts = {}
    for file in sorted(seeds.glob("*.csv")):
        rows = pandas.read_csv(file, dtype=str, keep_default_na=False, na_values=[""])
        replace_raw_table(connection, file.stem, rows.astype(object).where(rows.notna(), None))
        counts[file.stem] = len(rows)
    connection.execute("COMMENT ON TABLE raw.programs IS 'The example account of partnerflow'")
    for name in CREATE.keys() - counts.keys():
        if not has_table(connection, "raw", name):
            connection.execute(CREATE[name])
    return counts


def _is_example(connection: duckdb.DuckDBPyConnection) -> bool:
    query = "SELECT comment FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = 'programs'"
    return connection.execute(query).fetchall() == [("The example account of partnerflow",)]
