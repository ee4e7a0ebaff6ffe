"""Load the example account: seeds/*.csv into the raw tables."""

from pathlib import Path

import pandas

from compiler import PartnerflowError
from flows.settings import CHECKOUT
from flows.warehouse.addresses import CONTRACT, update_addresses
from flows.warehouse.connection import Connection, has_table
from flows.warehouse.raw_tables import CREATE, create_raw_table, replace_raw_table

SEEDS = CHECKOUT / "seeds"
MARK = "The example account of partnerflow"


def load_example(connection: Connection, seeds: Path = SEEDS) -> dict[str, int]:
    """Fill the raw tables with the example account, and return the number of rows of each.

    The warehouse must have no raw tables, or an earlier copy of the example account; else PartnerflowError is raised.
    The tables that a run writes are created empty if they are missing, and otherwise kept. To be called in a
    transaction.
    """
    if has_table(connection, "raw", "programs") and connection.comment("raw", "programs") != MARK:
        raise PartnerflowError(
            "The warehouse holds another account. The example account is loaded into a warehouse of its own: "
            "set PARTNERFLOW_VAR to another folder."
        )
    counts = {}
    for file in sorted(seeds.glob("*.csv")):
        rows = pandas.read_csv(file, dtype=str, keep_default_na=False, na_values=[""])
        replace_raw_table(connection, file.stem, rows.astype(object).where(rows.notna(), None))
        counts[file.stem] = len(rows)
    connection.execute(f"COMMENT ON TABLE raw.programs IS '{MARK}'")
    for name in CREATE.keys() - counts.keys() - connection.columns("raw").keys():
        create_raw_table(connection, name)
    update_addresses(connection, CONTRACT)
    return counts
