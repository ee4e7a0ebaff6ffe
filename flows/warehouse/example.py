"""The loader of the example account: seeds/*.csv into the raw tables."""

from pathlib import Path

import pandas

from compiler import PartnerflowError
from flows.settings import CHECKOUT
from flows.warehouse.connection import Connection, comment_on, has_table
from flows.warehouse.raw_tables import CREATE, create_raw_table, replace_raw_table

SEEDS = CHECKOUT / "seeds"
MARK = "The example account of partnerflow"


def load_example(connection: Connection, seeds: Path = SEEDS) -> dict[str, int]:
    """Fill the raw tables with the example account, and return the rows of each.

    Loads into a warehouse without raw tables, or over an example account loaded before; the tables that a run writes
    are made empty where they are missing, and otherwise left alone. To be called in a transaction. Raises
    PartnerflowError over any other account.
    """
    if has_table(connection, "raw", "programs") and comment_on(connection, "raw", "programs") != MARK:
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
    for name in CREATE.keys() - counts.keys():
        if not has_table(connection, "raw", name):
            create_raw_table(connection, name)
    return counts
