"""The engine of ClickHouse runs the statements of fifty drawn segments, and finds the members that DuckDB finds.

Those of DuckDB are compared with the oracle in tests/property/test_proof.py.
"""

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from sqlglot import exp

from compiler import Compiler, membership_statements
from compiler.sql.dialect import to_sql
from support.account import VOCABULARY, empty_account
from support.adapters import python_with_adapters
from support.drawn_account import drawn_account

pytestmark = pytest.mark.adapters

SEGMENTS = 50


def test_drawn_segments_have_the_members_of_duckdb(tmp_path: Path):
    """By the plan that the compiler has for ClickHouse: tables, and an exploded array of workflows."""
    python, account, compiler = python_with_adapters(), drawn_account(SEGMENTS), Compiler(VOCABULARY)
    statements = membership_statements(account.workflows, compiler, "clickhouse")
    assert len(statements) > 1
    read = {f"{one.db}.{one.name}" for tree in statements.values() for one in tree.find_all(exp.Table) if one.db}
    with empty_account().holding(account.rows, account.hour) as duck:
        expected = account.members_on(duck.connection, compiler)
        for relation in read - statements.keys():
            duck.connection.write_parquet(*relation.split("."), tmp_path / f"{relation}.parquet")
    texts = [(relation, to_sql(statement, "clickhouse")) for relation, statement in statements.items()]
    (tmp_path / "statements.json").write_text(json.dumps(texts))
    command = [str(python), str(Path(__file__).with_name("clickhouse.py")), str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "TZ": "UTC"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    members = json.loads((tmp_path / "members.json").read_text())
    assert sorted((*key, datetime.fromisoformat(hour)) for *key, hour in members) == expected
    assert len({workflow for workflow, *_ in expected}) > SEGMENTS / 4
