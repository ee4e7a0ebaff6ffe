"""The build of the warehouse by dbt, and which workflows are held because a table they read failed or is stale."""
