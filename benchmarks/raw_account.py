"""Generate an account of any size in the shape of the raw tables, for benchmarks and tests.

    python benchmarks/raw_account.py --partners 500000 --rows 30000000 /tmp/state      # a minute or two, 1 GB
    PARTNERFLOW_VAR=/tmp/state partnerflow plan --as-of 2026-03-20T18:00:00Z

It fills `warehouse.duckdb` of a state folder, from which `partnerflow` builds its tables as usual. The same options
give the same rows with every version of DuckDB (raw_account.sql).
"""

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

from flows.warehouse.connection import Connection, fetch_row, open_warehouse, transaction
from flows.warehouse.raw_tables import CREATE, create_raw_table

STATEMENTS = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True)
class RawAccount:
    """The size of the account.

    `rows` is the number of rows of partner_clicks_daily and actions together; the result differs by a few percent, and
    is limited by the days of the partners that have joined. These rows go back `months`. `skew` is the exponent by
    which activity differs between partners (0: all have the same).
    """

    partners: int = 50_000
    rows: int = 3_000_000
    months: int = 24
    skew: float = 1.0
    seed: int = 1


def fill(connection: Connection, account: RawAccount) -> dict[str, int]:
    """Replace the raw tables with those of the account, and return the number of rows of each. Needs a transaction."""
    for name in CREATE:
        create_raw_table(connection, name)
    clicked = account.rows * 3 // 4
    variables = {"partners": account.partners, "click_days": clicked, "months": account.months, "skew": account.skew}
    for name, value in (variables | {"seed": account.seed}).items():
        connection.execute(f"SET VARIABLE {name} = {value!r}")
    connection.execute(STATEMENTS.read_text(encoding="utf-8"))
    return {name: fetch_row(connection, f"SELECT count(*) FROM raw.{name}")[0] for name in CREATE}


def main() -> None:
    """Fill the warehouse of a state folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path, help="the state folder (PARTNERFLOW_VAR)")
    for one in fields(RawAccount):
        parser.add_argument(f"--{one.name}", type=type(one.default), default=one.default)
    options = vars(parser.parse_args())
    with open_warehouse(options.pop("state") / "warehouse.duckdb") as connection, transaction(connection):
        for name, count in fill(connection, RawAccount(**options)).items():
            print(f"{count:>12,} {name}")


if __name__ == "__main__":
    main()
