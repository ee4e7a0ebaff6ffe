"""Run the statements of segments on the engine of ClickHouse, which the package chdb has.

    .venv-adapters/bin/python tests/adapters/clickhouse.py FOLDER

FOLDER has the rows of each relation, as `schema.name.parquet`, and statements.json, a list of relations and their
statements in order. The last relation's rows are written to FOLDER/members.json.
"""

import json
import sys
from pathlib import Path

ENGINE = "ENGINE = Memory AS"


def main(folder: Path) -> None:
    """Create the relations, then one table per statement, and write the members."""
    from chdb.session import Session  # not installed where the tests are collected

    session = Session(str(folder / "clickhouse"))
    statements = json.loads((folder / "statements.json").read_text())
    tables = {file.name.removesuffix(".parquet"): file for file in sorted(folder.glob("*.parquet"))}
    for schema in sorted({name.split(".")[0] for name in [*tables, *(relation for relation, _ in statements)]}):
        session.query(f"CREATE DATABASE {schema}")
    for name, file in tables.items():
        session.query(f"CREATE TABLE {name} {ENGINE} SELECT * FROM file('{file}', Parquet)")
    for relation, statement in statements:
        session.query(f"CREATE TABLE {relation} {ENGINE} {statement}")
    query = f"SELECT workflow_id, program_id, partner_id, toString(evaluated_at) FROM {statements[-1][0]}"
    lines = str(session.query(query, "JSONCompactEachRow")).splitlines()
    (folder / "members.json").write_text("[" + ",\n".join(lines) + "]")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
