"""raw.addresses: the canonical form of each loaded address, which staging joins, so that SQL normalizes nothing.

It is kept by the functions here, before each build. `meta.addresses_in` of a source table in the dbt project names the
columns that contain addresses: text, or objects and lists whose keys with `email` in their name contain them.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas
from sqlglot import exp

from flows.addresses import RULE_VERSION, canonical_address
from flows.warehouse.connection import Connection
from flows.warehouse.raw_tables import append_raw_rows, create_raw_table, delete_raw_rows, raw_columns

Table = tuple[str, str]
"""Schema and name."""

CONTRACT: Mapping[Table, Sequence[str]] = {("raw", "partner_contacts"): ["email"]}
"""The columns of the contract's own tables that contain addresses."""


def update_addresses(connection: Connection, columns: Mapping[Table, Sequence[str]]) -> None:
    """Make raw.addresses contain exactly the texts in these columns, and compute the canonical form of new ones.

    All of them are computed again when the rules have changed. Tables and columns that do not exist are skipped: the
    build says so. To be called in a transaction.
    """
    present = {schema: connection.columns(schema) for schema in {"raw", *(schema for schema, _ in columns)}}
    if not present["raw"].get("addresses", frozenset()) >= {*raw_columns("addresses")}:
        create_raw_table(connection, "addresses")
    known = dict(connection.execute("SELECT loaded_email, rule_version FROM raw.addresses").fetchall())
    loaded = {
        text
        for (schema, table), names in columns.items()
        for name in present[schema].get(table, frozenset()) & {*names}
        for text in _texts(connection, (schema, table), name)
    }
    current = {text for text, rule in known.items() if rule == RULE_VERSION} & loaded
    delete_raw_rows(connection, "addresses", "loaded_email", known.keys() - current)
    rows = [(text, canonical_address(text), RULE_VERSION) for text in sorted(loaded - current)]
    append_raw_rows(connection, "addresses", pandas.DataFrame(rows, columns=raw_columns("addresses"), dtype=object))


def _texts(connection: Connection, table: Table, column: str) -> Iterator[str]:
    schema, name = table
    query = exp.select(exp.column(column, quoted=True)).from_(exp.table_(name, db=schema, quoted=True))
    for (value,) in connection.execute(query).fetchall():
        yield from _addresses_in(_parsed(value))


def _parsed(value: Any) -> Any:
    """Return the object or list that a text contains as JSON; any other value as it is."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def _addresses_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if "email" in key or isinstance(one, dict | list):
                yield from _addresses_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from _addresses_in(one)
    elif value is not None:
        yield str(value)
