"""Prepared statements: compiled once for a store, for what is done for each email.

Executed by SQLAlchemy, a statement is looked up in a cache each time, by all of its parts, and that and what is noted
about it take ten times as long as the driver's part. The types of the schema are heeded here as there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.dml import UpdateBase


class Prepared:
    """A statement that changes rows, in a dialect. `columns` are those that an insert has values for.

    It raises the errors of the driver.
    """

    def __init__(self, statement: UpdateBase, dialect: Dialect, columns: Sequence[str] | None = None):
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self._dialect, self._text = dialect, compiled.string
        self._known = {name: one.value for name, one in compiled.binds.items() if not one.required}
        self._names = compiled.positiontup  # None: the driver takes parameters by name
        types = {name: parameter.type for name, parameter in compiled.binds.items()}
        writers = {name: one.dialect_impl(dialect).bind_processor(dialect) for name, one in types.items()}
        self._writers = {name: writer for name, writer in writers.items() if writer}

    def execute(self, cursor: DBAPICursor, values: Mapping[str, Any]) -> int:
        """Execute it; how many rows it has changed."""
        cursor.execute(self._text, self._parameters(values))
        return cursor.rowcount

    def execute_all(self, cursor: DBAPICursor, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute it for each of the rows."""
        self._dialect.do_executemany(cursor, self._text, [self._parameters(row) for row in rows])

    def _parameters(self, values: Mapping[str, Any]) -> dict[str, Any] | tuple:
        parameters = {**self._known, **values}
        for name, write in self._writers.items():
            parameters[name] = write(parameters[name])
        return tuple(map(parameters.__getitem__, self._names)) if self._names is not None else parameters
