"""The values of the account in the published file, for checks that suggest the nearest program, group or term."""

from collections.abc import Collection
from functools import cache
from pathlib import Path

from sqlglot import exp

from compiler import PartnerflowError
from compiler.vocabulary import Field
from flows.warehouse.errors import NotBuilt
from flows.warehouse.published import connect_published

MAX_VALUES = 100_000
"""Most values of a column that are read; with more of them, some are not known."""


class PublishedCatalog:
    """The values in the published file, read when first asked for."""

    def __init__(self, file: Path):
        self._connection = connect_published(file)
        self.programs = cache(self._programs)
        self.values = cache(self._values)

    def _programs(self) -> Collection[str]:
        rows = self._connection.execute("SELECT DISTINCT program_id FROM marts.fct_partners").fetchall()
        return {program for (program,) in rows}

    def _values(self, program: str, field: Field) -> Collection[str] | None:
        source = exp.Table(this=exp.to_identifier(field.model), db=exp.to_identifier("marts"))
        query = (
            exp.select(exp.column(field.column))
            .distinct()
            .from_(source)
            .where(exp.column("program_id").eq(exp.Placeholder()))
            .limit(MAX_VALUES)
        )
        try:
            rows = self._connection.execute(query, [program]).fetchall()
        except NotBuilt:  # the column was declared after the last publication
            return None
        return {value for (value,) in rows if value is not None}


def open_catalog(file: Path) -> PublishedCatalog | None:
    """Return the catalog; None if nothing has been published, or the file cannot be read, so that nothing is known."""
    try:
        catalog = PublishedCatalog(file) if file.exists() else None
        if catalog:
            catalog.programs()
        return catalog
    except PartnerflowError:
        return None
