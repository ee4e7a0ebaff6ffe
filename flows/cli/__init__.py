"""The commands: each is a thin wrapper around a plain function.

Packages that are slow to import (dbt, Prefect, DuckDB, pandas) are imported by the commands that use them, so that the
others start fast.
"""
