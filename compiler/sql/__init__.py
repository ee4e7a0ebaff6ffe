"""Segments as SQL. The modules import sqlglot, which is slow to import; the package itself does not."""

DEFAULT = "duckdb"
"""The dialect of SQL in which models are written, unless another one is chosen."""
