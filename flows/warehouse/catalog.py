"""What is known of the account, from the published file: for checks that name the nearest program, group or term."""

from collections.abc import Collection
from functools import cache
from pathlib import Path

import duckdb
from sqlglot import exp

from compiler.vocabulary import Field

LIMIT = 100_000
"""More values than anybody misspells one of."""


class PublishedCatalog:
    """The facts of the published file as last written."""

    def __init__(self, file: Path):
        self._connection = duckdb.connect(file, read_only=True)
        self.programs = cache(self._programs)
        self.values = cache(self._values)

    def _programs(self) -> Collection[str]:
        rows = self._connection.execute("SELECT DISTINCT program_id FROM marts.fct_partners").fetchall()
        return {program for (program,) in rows}

    def _values(self, program: str, field: Field) -> Collection[str]:
        source = exp.Table(this=exp.to_identifier(field.model), db=exp.to_identifier("marts"))
        query = (
            exp.select(exp.column(field.column))
            .distinct()
            .from_(source)
            .where(exp.column("program_id").eq(exp.Placeholder()))
            .limit(LIMIT)
        )
        rows = self._connection.execute(query.sql("duckdb"), [program]).fetchall()
        return {value for (value,) in rows if value is not None}


def open_catalog(file: Path) -> PublishedCatalog | None:
    """What is known, or None while nothing has been published, or a session has the file open for writing."""
    try:
        return PublishedCatalog(file) if file.exists() else None
    except duckdb.IOException:
        return None
