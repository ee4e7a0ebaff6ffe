"""The engines, each in a module of its own, by dbt target. docs/add-an-engine.md says how to add one."""

from collections.abc import Mapping

from flows.settings import Database, Place
from flows.warehouse.engine import Engine
from flows.warehouse.engines import duckdb, postgres, spark

ENGINES: Mapping[str, Engine] = {"duckdb": duckdb.ENGINE, "postgres": postgres.ENGINE, "spark": spark.ENGINE}


def engine_of(place: Place) -> Engine:
    """Return the engine of a store: DuckDB for a file."""
    return ENGINES[place.target if isinstance(place, Database) else "duckdb"]
