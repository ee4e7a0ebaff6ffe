"""Prepared statements: compiled once for a store, for what is done for each email.

Executed by SQLAlchemy, a statement is looked up in a cache each time, by all of its parts, and that and what is noted
about it take ten times as long as the driver's part. The types of the schema are heeded here as there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, DateTime, Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.dml import UpdateBase


class Prepared:
    """A statement that changes rows, in a dialect. `columns` are those that an insert has values for.

    It raises the errors of the driver.
    """

    def __init__(self, statement: UpdateBase, dialect: Dialect, columns: Sequence[str] | None = None):
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self._dialect, self._text = dialect, compiled.string
        self._by_place = compiled.positiontup is not None  # else the driver takes parameters by name
        self._names = tuple(compiled.positiontup or compiled.binds)
        self._slots = [_slot(compiled.binds[name], dialect) for name in self._names]

    def execute(self, cursor: DBAPICursor, values: Mapping[str, Any]) -> int:
        """Execute it; how many rows it has changed."""
        cursor.execute(self._text, self._parameters(values))
        return cursor.rowcount

    def execute_all(self, cursor: DBAPICursor, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute it for each of the rows."""
        self._dialect.do_executemany(cursor, self._text, [self._parameters(row) for row in rows])

    def _parameters(self, values: Mapping[str, Any]) -> dict[str, Any] | tuple:
        written = tuple(
            [
                known if name is None else write(values[name]) if write else values[name]
                for name, known, write in self._slots
            ]
        )
        return written if self._by_place else dict(zip(self._names, written, strict=True))


def _slot(parameter: BindParameter, dialect: Dialect) -> tuple[str | None, Any, Callable[[Any], Any] | None]:
    """The name of a value that is still to come, or None and the value; and what writes it as the driver wants it."""
    write = parameter.type.dialect_impl(dialect).bind_processor(dialect)
    if write and isinstance(parameter.type, DateTime):
        write = lru_cache(maxsize=8)(write)  # one instant is written into several columns and lines
    if parameter.required:
        return parameter.key, None, write
    return None, write(parameter.value) if write else parameter.value, None
