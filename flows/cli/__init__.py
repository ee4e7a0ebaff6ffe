"""The commands: each a thin skin over a plain function.

What starts slowly (dbt, Prefect, DuckDB, pandas) is imported by the commands that use it, so that the others answer at
once.
"""
