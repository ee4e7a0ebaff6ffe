"""The warehouse: its connection, the raw tables that a run reads and writes, and what is published of it."""
