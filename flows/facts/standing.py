"""What stands in the warehouse as this build would make it, so that an hour does not make it again.

The incremental facts stand while they are made by the same models. The views of a DuckDB warehouse stand while the
project, the loaded tables' columns and the views themselves are as the last full build has left them. On PostgreSQL
they do not: to replace a table there is to drop the views that read it.
"""

import hashlib
from pathlib import Path

from compiler import PROJECT
from flows.facts.copied import files_of
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse

WITHOUT_VIEWS = ("--exclude", "config.materialized:view", "--indirect-selection", "empty")
"""Leaves the views out, and none of their tests."""


def what_to_build(settings: Settings, project: Path) -> list[str]:
    """The options of `dbt build` that make everything which does not stand; every test is run whatever stands."""
    if _read(_facts_file(settings)) != _facts_digest():
        return ["--full-refresh"]
    return list(WITHOUT_VIEWS) if _views_stand(settings, project) else []


def remember_built(settings: Settings, project: Path) -> None:
    """After a build of everything in which nothing failed: all stands."""
    _facts_file(settings).write_text(_facts_digest(), encoding="utf-8")
    if isinstance(settings.warehouse, Path):
        _views_file(settings).write_text(_views_digest(settings.warehouse, settings, project), encoding="utf-8")


def _views_stand(settings: Settings, project: Path) -> bool:
    if not isinstance(settings.warehouse, Path):
        return False
    return _read(_views_file(settings)) == _views_digest(settings.warehouse, settings, project)


def _facts_file(settings: Settings) -> Path:
    return settings.var / "facts.version"


def _views_file(settings: Settings) -> Path:
    return settings.var / "views.version"


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _facts_digest() -> str:
    """A digest of all that says how facts are made: the project's settings, macros and hand-written models."""
    folders = ["macros", "models/staging", "models/intermediate", "models/marts"]
    files = [PROJECT / "dbt_project.yml", *(file for folder in folders for file in (PROJECT / folder).glob("*.sql"))]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _views_digest(warehouse: Path, settings: Settings, project: Path) -> str:
    """A digest of the project, the loader, the columns of every relation, and the text of every view."""
    digest = hashlib.sha256(settings.loader.encode())
    for file in files_of(project):
        digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes())
    with open_warehouse(warehouse) as connection:
        for query in (_COLUMNS, _VIEWS):
            digest.update(repr(connection.execute(query).fetchall()).encode())
    return digest.hexdigest()


_COLUMNS = """
    SELECT schema_name, table_name, column_name, data_type
    FROM duckdb_columns()
    WHERE NOT internal
    ORDER BY ALL"""
_VIEWS = "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
