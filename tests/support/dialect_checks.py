"""What is wrong with a statement in the dialect of a warehouse, as far as parsing shows it."""

import logging
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

DOCUMENTED: dict[str, set[str]] = {
    "snowflake": {"as_timestamp_ntz", "hash", "to_timestamp_ntz", "try_to_timestamp_tz"},
    "bigquery": set(),
    "databricks": {"timestamp_micros", "xxhash64"},
    "redshift": {
        "can_json_parse",
        "fnv_hash",
        "is_varchar",
        "json_extract_array_element_text",
        "json_serialize",
        "object",
    },
    "trino": {"at_timezone", "from_big_endian_64", "with_timezone", "xxhash64"},
}
"""Functions of a warehouse that sqlglot does not know in its dialect, reviewed by hand."""


def problems(sql: str, dialect: str) -> Iterator[str]:
    """Yield what keeps the warehouse from running a statement; nothing if parsing shows nothing."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect=dialect) if tree]
    except SqlglotError as error:
        yield f"cannot be parsed: {str(error).splitlines()[0]} {' '.join(sql.split())[:200]}"
        return
    for tree in trees:
        yield from _problems(tree, dialect)


def _problems(tree: exp.Expression, dialect: str) -> Iterator[str]:
    reserved = Dialect.get_or_raise(dialect).generator_class.RESERVED_KEYWORDS
    for node in tree.walk():
        match node:
            case exp.Command():
                yield f"is not understood: {node.sql(dialect)[:200]}"
            case exp.Anonymous() if node.name.lower() not in DOCUMENTED.get(dialect, ()):
                yield f"calls {node.name}()"
            case exp.Column() if not node.table and not node.this.args.get("quoted") and node.name.lower() in reserved:
                yield f"names a column {node.name}, which is reserved"
