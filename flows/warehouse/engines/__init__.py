"""The engines, each in a module of its own, by dbt target. docs/add-an-engine.md says how to add one."""

from importlib import import_module

from flows.settings import Database, Place
from flows.warehouse.engine import Engine

ENGINES = ("duckdb", "postgres", "spark")
"""The targets. Each has a module of its name, which is imported when it is used."""


def engine_of(place: Place) -> Engine:
    """Return the engine of a store: DuckDB for a file."""
    return named_engine(place.target if isinstance(place, Database) else "duckdb")


def named_engine(target: str) -> Engine:
    """Return the engine of a target."""
    found: Engine = import_module(f"flows.warehouse.engines.{target}").ENGINE
    return found
