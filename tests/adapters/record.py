"""Run dbt commands with the adapter of a warehouse, but without the warehouse, and record every statement.

    .venv-adapters/bin/python tests/adapters/record.py FOLDER TARGET

FOLDER is a dbt project with a profiles.yml and relations.json, which has the `kind` and `columns` of each relation by
`schema.name`.
Every statement is answered as by a warehouse in which all tests pass; FOLDER/statements.json has them, as objects with
`run`, `node` and `sql`. A connection to any host is an error. Runs in an environment that has the adapters and nothing
of this project (requirements-adapters.lock).
"""

import json
import re
import socket
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import agate
from dbt.adapters.contracts.connection import AdapterResponse, Connection, ConnectionState
from dbt.adapters.factory import FACTORY
from dbt.adapters.sql import SQLConnectionManager
from dbt.cli.main import dbtRunner
from dbt_common.clients.agate_helper import Integer

FIRST_BUILD = ["build", "--full-refresh"]
SECOND_BUILD = ["build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]
FRESHNESS = ["source", "freshness"]
RUNS = {
    "first build": FIRST_BUILD,
    "second build": SECOND_BUILD,
    "freshness": FRESHNESS,
    "fivetran": ["build", "--select", "path:models/staging/loaders", "--vars", "loader: fivetran"],
    "tap_impact": ["build", "--select", "path:models/staging/loaders", "--vars", "loader: tap_impact"],
}
"""The commands by name. In all but the first, the tables exist."""

LOADED = ("raw", "fivetran", "tap_impact")
"""Schemas that a loader fills."""


class Recorder:
    """What the warehouse is asked, and what is known of its relations."""

    def __init__(self, relations: dict[str, dict[str, Any]]):
        self.relations = relations
        self.statements: list[dict[str, str]] = []
        self.run = ""

    def record(self, node: str, sql: str) -> None:
        """Keep a statement."""
        self.statements.append({"run": self.run, "node": node, "sql": sql})

    def kind(self, schema: str, name: str) -> str | None:
        """Return `table` or `view`, or None if there is no such relation.

        Raw tables always exist, and what dbt builds does after the first build.
        """
        known = self.relations.get(f"{schema}.{name}".lower())
        if schema.lower() in LOADED:
            return "table"
        return known["kind"] if known and self.run != "first build" else None

    def columns_of(self, name: str, node: str) -> list[list[str]]:
        """Return the names and types of the columns of a relation.

        A temporary table has those of the real one, and one of a unit test those of the model that is tested.
        """
        tested = node.split(".")[2] if node.startswith("unit_test.") else ""
        for one in (re.sub(r"__dbt_.*", "", name.lower()), tested):
            if found := next((key for key in self.relations if key.split(".")[1] == one), None):
                return self.relations[found]["columns"]
        return []


def answer(sql: str) -> agate.Table:
    """Return what a warehouse would answer: tests find nothing, the last build was valid, sources are fresh."""
    if "should_error" in sql:
        names, types = ["failures", "should_warn", "should_error"], [Integer(), agate.Boolean(), agate.Boolean()]
        return agate.Table([[0, False, False]], names, types)
    if "builds_since = 1" in sql:
        return agate.Table([[1]], ["recorded"], [Integer()])
    if "snapshotted_at" in sql:
        now = datetime.now(tz=UTC)
        return agate.Table([[now, now]], ["max_loaded_at", "snapshotted_at"])
    return agate.Table([], ["actual_or_expected"])


def offline(adapter: Any, recorder: Recorder) -> None:
    """Let the methods of an adapter's class answer instead of a warehouse."""

    def execute(
        self: Any, sql: str, auto_begin: bool = False, *_: Any, **options: Any
    ) -> tuple[AdapterResponse, agate.Table]:
        connection = self.connections.get_thread_connection()
        if auto_begin and isinstance(self.connections, SQLConnectionManager) and not connection.transaction_open:
            self.connections.begin()
        recorder.record(connection.name, sql)
        return AdapterResponse("OK"), answer(sql)

    def relation(self: Any, database: str, schema: str, identifier: str, **_: Any) -> Any:
        if not (kind := recorder.kind(schema, identifier)):
            return None
        known = {"database": database, "schema": schema, "identifier": identifier, "type": kind}
        if adapter.__name__ == "DatabricksAdapter":
            known |= {"metadata": {"Provider": "delta"}, "is_delta": True}
        return self.Relation.create(quote_policy=self.config.quoting, **known)

    def relations(self: Any, database: str, schema: str) -> list[Any]:
        names = [key.split(".")[1] for key in recorder.relations if key.startswith(schema.lower() + ".")]
        return [one for name in names if (one := relation(self, database, schema, name))]

    def columns(self: Any, relation: Any) -> list[Any]:
        found = recorder.columns_of(relation.identifier, self.connections.get_thread_connection().name)
        return [self.Column(name, kind) for name, kind in found]

    adapter.execute = execute
    adapter.get_relation = relation
    adapter.list_relations = relations
    adapter.get_columns_in_relation = columns
    adapter.list_schemas = lambda self, database: []
    adapter.check_schema_exists = lambda self, database, schema: True
    adapter.get_column_schema_from_query = lambda self, sql: [self.Column("any", "timestamp")]
    adapter.drop_relation = lambda self, relation: None
    adapter.rename_relation = lambda self, source, target: None
    adapter.create_schema = lambda self, relation: None
    adapter.drop_schema = lambda self, relation: None

    manager = adapter.ConnectionManager

    def add_query(self: Any, sql: str, *_: Any, **options: Any) -> tuple[Connection, Any]:
        connection = self.get_thread_connection()
        recorder.record(connection.name, sql)
        return connection, MagicMock()

    def open_connection(_: Any, connection: Connection) -> Connection:
        connection.state, connection.handle = ConnectionState.OPEN, MagicMock()
        return connection

    manager.add_query = add_query
    manager.open = classmethod(open_connection)


def without_network() -> None:
    """Let every attempt to reach a host fail."""

    def refuse(*address: Any, **_: Any) -> None:
        raise AssertionError(f"A connection to {address[-1]} was tried.")

    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, refuse)
    socket.getaddrinfo = refuse  # type: ignore[assignment]


def main(folder: Path, target: str) -> None:
    """Run all commands and write the statements. Exit with the messages of the nodes that failed."""
    without_network()
    FACTORY.load_plugin(target)
    recorder = Recorder(json.loads((folder / "relations.json").read_text()))
    offline(FACTORY.plugins[target].adapter, recorder)
    folders = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--log-path", str(folder / "logs")]
    quiet = ["--quiet", "--log-level", "none", "--log-level-file", "debug", "--no-populate-cache"]
    failed = []
    for recorder.run, command in RUNS.items():
        if sys.argv[3:] and recorder.run not in sys.argv[3:]:
            continue
        with redirect_stdout(StringIO()):
            done = dbtRunner().invoke([*command, *folders, "--target", target, "--threads", "1", *quiet])
        results = list(getattr(done.result, "results", None) or ())
        failed += [
            f"{recorder.run}, {one.node.name}: {one.message}"
            for one in results
            if one.status not in ("success", "pass", "skipped")
        ]
        if not done.success and not failed:
            failed.append(f"{recorder.run}: {done.exception}")
    (folder / "statements.json").write_text(json.dumps(recorder.statements, indent=1))
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
