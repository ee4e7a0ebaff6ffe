"""raw.addresses: the canonical form of each loaded address, which staging joins, so that SQL normalizes nothing.

It is kept by the functions here, before each build. `meta.addresses_in` of a source table in the dbt project names the
columns that contain addresses: text, or objects and lists whose keys with `email` in their name contain them.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas
from sqlglot import exp

from compiler.sql.dialect import literal, table
from compiler.sql.single_statement import union_all
from flows.addresses import canonical_address, rule_version
from flows.warehouse.connection import Connection, fetch_row
from flows.warehouse.raw_tables import append_raw_rows, create_raw_table, delete_raw_rows, raw_columns

Table = tuple[str, str]
"""Schema and name."""

CONTRACT: Mapping[Table, Sequence[str]] = {("raw", "partner_contacts"): ["email"]}
"""The columns of the contract's own tables that contain addresses."""


BATCH = 500_000
"""New texts that are in memory at a time."""

NESTED = ("{", "[", '"')
"""What the text of a value has, and few plain texts have, that Python must read: an object, a list or JSON."""


def update_addresses(connection: Connection, columns: Mapping[Table, Sequence[str]]) -> None:
    """Make raw.addresses contain exactly the texts in these columns, and compute the canonical form of new ones.

    All of them are computed again when the rules have changed. Tables and columns that do not exist are skipped: the
    build says so. The warehouse compares the texts; only new ones and those of NESTED values are read. To be called in
    a transaction.
    """
    present = {schema: connection.columns(schema) for schema in {"raw", *(schema for schema, _ in columns)}}
    if not present["raw"].get("addresses", frozenset()) >= {*raw_columns("addresses")}:
        create_raw_table(connection, "addresses")
    loaded = [
        (exp.table_(name, db=schema, quoted=True), exp.column(column, quoted=True))
        for (schema, name), names in columns.items()
        for column in sorted(present[schema].get(name, frozenset()) & {*names})
    ]
    nested = {text for source, column in loaded for text in _nested_texts(connection, source, column)}
    plain = union_all([_plain_texts(source, column) for source, column in loaded]) or _NO_TEXTS
    _delete_outdated(connection)
    gone = connection.execute(_missing(table("raw.addresses"), plain.subquery())).fetchall()
    delete_raw_rows(connection, "addresses", "loaded_email", {text for (text,) in gone} - nested)
    while new := connection.execute(_missing(plain.subquery(), table("raw.addresses")).limit(BATCH)).fetchall():
        _append(connection, [text for (text,) in new])
    if nested:
        known = {text for (text,) in connection.execute("SELECT loaded_email FROM raw.addresses").fetchall()}
        _append(connection, nested - known)


def _delete_outdated(connection: Connection) -> None:
    """Delete the rows of other rules; without any, nothing is written, since that may be a new version of the table."""
    outdated = "FROM raw.addresses WHERE rule_version <> ?"
    if fetch_row(connection, f"SELECT count(*) {outdated}", [rule_version()])[0]:
        connection.execute(f"DELETE {outdated}", [rule_version()])


def _append(connection: Connection, texts: Iterable[str]) -> None:
    version = rule_version()
    rows = [(text, canonical_address(text), version) for text in sorted(texts)]
    append_raw_rows(connection, "addresses", pandas.DataFrame(rows, columns=raw_columns("addresses"), dtype=object))


_NO_TEXTS = exp.select("loaded_email").from_("raw.addresses").where(exp.false())


def _plain_texts(source: exp.Table, column: exp.Column) -> exp.Select:
    """Return a query for the texts of a column that are no NESTED values, as loaded_email."""
    text = exp.cast(column, "varchar")
    return (
        exp.select(exp.alias_(text, "loaded_email")).from_(source).where(*[exp.not_(one) for one in _is_nested(text)])
    )


def _missing(present: exp.Table | exp.Subquery, among: exp.Table | exp.Subquery) -> exp.Select:
    """Return a query for the different texts of a relation that another one lacks."""
    found, others = (exp.alias_(one.copy(), name, table=True) for one, name in ((present, "found"), (among, "others")))
    same = exp.column("loaded_email", "others").eq(exp.column("loaded_email", "found"))
    lacking = exp.not_(exp.Exists(this=exp.select("1").from_(others).where(same)))
    return exp.select(exp.column("loaded_email", "found")).distinct().from_(found).where(lacking)


def _is_nested(text: exp.Expr) -> list[exp.Expr]:
    return [exp.Like(this=text.copy(), expression=literal(f"%{one}%")) for one in NESTED]


def _nested_texts(connection: Connection, source: exp.Table, column: exp.Column) -> Iterator[str]:
    """Yield the addresses in the NESTED values of a column."""
    query = exp.select(column).from_(source).where(exp.or_(*_is_nested(exp.cast(column, "varchar"))))
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
