"""Which columns of a built warehouse the dbt project does not describe."""

from flows.warehouse.connection import Connection


def undescribed_columns(connection: Connection, manifest: dict) -> set[str]:
    """Return the columns of the models and sources in the warehouse that have no description, as schema.table.column.

    `manifest` is that of dbt. A relation that is not built is not looked at.
    """
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    described = {
        (node["schema"], node["name"]): {name for name, column in node["columns"].items() if column["description"]}
        for node in nodes
        if node["resource_type"] in ("model", "source")
    }
    query = "SELECT table_schema, table_name, column_name FROM information_schema.columns"
    return {
        f"{schema}.{table}.{column}"
        for schema, table, column in connection.execute(query).fetchall()
        if (schema, table) in described and column not in described[schema, table]
    }
