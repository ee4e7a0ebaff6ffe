"""The facts: dbt builds them, and what fails or is stale holds the workflows that read it."""
