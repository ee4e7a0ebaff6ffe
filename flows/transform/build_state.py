"""What stands in the warehouse as this build would make it, so that an hour makes and tests only what changed.

After a build in which nothing failed, raw.build_state remembers what it was made of: the project, the tables and views
as it left them, the models that definitions make, and the rows of each source table. The next build asks for what is
below the sources whose rows are others now, as `dbt build --select source_status:fresher+` does for those that were
loaded since; but it compares the rows themselves, and so sees a deleted row, or one without a stamp. Each `dbt build`
counts itself there before it begins (macro mark_build_started): after one that died or failed, or was made by hand,
nothing stands, and all is built.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas
from dbt.contracts.graph.manifest import Manifest
from sqlglot import exp

from compiler import PROJECT
from flows.settings import Settings
from flows.transform.generated_models import FILES, FOLDER
from flows.transform.impact import Lineage, holds_programs
from flows.transform.project_copy import files_of
from flows.warehouse.connection import Connection, has_table, open_warehouse, transaction
from flows.warehouse.postgres import PostgresConnection
from flows.warehouse.raw_tables import ensure_raw_table, replace_raw_table

FACTS, TABLES, DEFINITIONS, EVALUATIONS = "facts", "tables", "definitions", "source:raw.evaluations"
"""Inputs of a build: the code of the incremental facts, the project with the tables as it leaves them, the models that
definitions make, the hours."""


@dataclass(frozen=True)
class Standing:
    """What the project at hand would be built from now: the digest of each input but TABLES, which a build changes."""

    settings: Settings
    project: Path
    lineage: Lineage
    inputs: dict[str, str]

    def to_build(self) -> list[str]:
        """The options of `dbt build` that make, and test, everything which does not stand.

        The tests that hold single programs only warn, so they are asked again whatever stands. The views of a DuckDB
        warehouse stand whatever their rows, but for those that definitions make; on PostgreSQL, to replace a table is
        to drop the views that read it.
        """
        with open_warehouse(self.settings.warehouse) as connection:
            before, tables = _remembered(connection), self._tables(connection)
        if before.get(FACTS) != self.inputs[FACTS]:
            return ["--full-refresh"]
        if before.get(TABLES) != tables:
            return []
        changed = [name for name, digest in self.inputs.items() if before.get(name) != digest]
        below = [one for name in changed for one in (self.lineage.segments if name == DEFINITIONS else [f"{name}+"])]
        asked = [node.name for node in self.lineage.manifest.nodes.values() if holds_programs(node)]
        views_stand = isinstance(self.settings.warehouse, Path) and DEFINITIONS not in changed
        views = ["--exclude", "config.materialized:view"] if views_stand else []
        return ["--select", *below, *asked, *views, "--indirect-selection", "empty"]

    def remember(self) -> None:
        """After a build of everything, or of what `to_build` said, in which nothing failed.

        The database file must be closed in this process: DuckDB tells the text of a view in other words once it has
        read it from there.
        """
        with open_warehouse(self.settings.warehouse) as connection:
            ensure_raw_table(connection, "build_state")
            _write(connection, {**self.inputs, TABLES: self._tables(connection)})

    def _tables(self, connection: Connection) -> str:
        """Of the project, the loader, the columns of every relation, and the text of every view."""
        catalog = [repr(connection.execute(query).fetchall()) for query in (_COLUMNS, _VIEWS)]
        generated = _generated(self.project)
        files = [file for file in files_of(self.project) if file not in generated]
        return _digest(files, self.settings.loader, *catalog)


def look(settings: Settings, project: Path, lineage: Lineage) -> Standing:
    """Read what a build would be made of. To be asked before it: what is loaded while it works is the next one's."""
    inputs = {FACTS: _facts(), DEFINITIONS: _digest(sorted(_generated(project)))}
    with open_warehouse(settings.warehouse) as connection:
        inputs |= _sources(connection, lineage.manifest)
    return Standing(settings, project, lineage, inputs)


def stands(settings: Settings) -> bool:
    """Whether all that the last build has left stands."""
    with open_warehouse(settings.warehouse) as connection:
        return TABLES in _remembered(connection)


def stand_again(settings: Settings) -> None:
    """After the segments alone were built, on what stood, for other hours or fewer workflows: the rest still does."""
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        connection.execute("UPDATE raw.build_state SET builds_since = 0")
        connection.execute("DELETE FROM raw.build_state WHERE input IN (?, ?)", [EVALUATIONS, DEFINITIONS])


def _remembered(connection: Connection) -> dict[str, str]:
    """The digest of each input of what stands. The facts are of the code that made them, whatever was built since."""
    if not has_table(connection, "raw", "build_state"):
        return {}
    query = "SELECT input, digest FROM raw.build_state WHERE builds_since = 0 OR input = ?"
    return dict(connection.execute(query, [FACTS]).fetchall())


def _write(connection: Connection, inputs: dict[str, str]) -> None:
    rows = pandas.DataFrame(inputs.items(), columns=["input", "digest"]).assign(builds_since=0)
    with transaction(connection):
        replace_raw_table(connection, "build_state", rows)


def _generated(project: Path) -> set[Path]:
    """The files that definitions make."""
    return {project / FOLDER / name for name in FILES}


def _facts() -> str:
    """Of all that says how facts are made: the project's settings, macros and hand-written models."""
    folders = ["macros", "models/staging", "models/intermediate", "models/marts"]
    files = [PROJECT / "dbt_project.yml", *(file for folder in folders for file in (PROJECT / folder).rglob("*.sql"))]
    return _digest(sorted(files))


def _digest(files: Iterable[Path], *texts: str) -> str:
    """Of the names and contents of files, and of texts."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def _sources(connection: Connection, manifest: Manifest) -> dict[str, str]:
    """The number of rows of each source table, and the sum of their hashes; the table named as dbt selects it."""
    found = {}
    for source in manifest.sources.values():
        if has_table(connection, source.schema, source.identifier):
            table = exp.table_(source.identifier, db=source.schema, alias="one_row", quoted=True)
            count, total = connection.execute(
                exp.select("count(*)", _hashes(connection)).from_(table).sql("duckdb")
            ).fetchone()
            found[f"source:{source.source_name}.{source.name}"] = f"{count} rows, {total}"
    return found


def _hashes(connection: Connection) -> str:
    if isinstance(connection, PostgresConnection):
        return "sum(hashtextextended(cast(one_row as text), 0))"
    return "sum(hash(one_row))"


_COLUMNS = """
    SELECT table_schema, table_name, column_name, data_type
    FROM information_schema.columns
    WHERE table_schema NOT IN ('information_schema', 'pg_catalog')
    ORDER BY 1, 2, 3, 4"""
_VIEWS = """
    SELECT schemaname, viewname, definition
    FROM pg_catalog.pg_views
    WHERE schemaname NOT IN ('information_schema', 'pg_catalog')
    ORDER BY 1, 2"""
