{#- Overrides dbt's freshness query, which compares the newest row with the current time. Here its age is counted
    from the hour that is evaluated, so that a late or repeated run, or one of a past hour, checks whether the data
    was fresh for that hour; dbt has no setting for this (`loaded_at_query` replaces the newest row only). A source
    without load times counts as fresh. Load times of other loaders may be text or have a time zone. -#}
{% macro default__collect_freshness(source, loaded_at_field, filter) -%}
    {%- set evaluations = api.Relation.create(database=source.database, schema='raw', identifier='evaluations') -%}
    {%- set loaded_at = loaded_at_field if loaded_at_field == '_loaded_at' else to_utc(loaded_at_field) -%}
    {%- call statement('collect_freshness', fetch_result=True, auto_begin=False) -%}
        with loaded as (
            select max({{ loaded_at }}) as newest
            from {{ source }}
            where {{ filter or 'true' }}
        ),

        hour as (
            select max(as_of) as as_of
            from {{ evaluations }}
        )

        select
            coalesce(loaded.newest, hour.as_of, {{ current_timestamp() }}) as max_loaded_at,
            coalesce(hour.as_of, {{ current_timestamp() }}) as snapshotted_at
        from loaded
        cross join hour
    {%- endcall -%}
    {{ return(load_result('collect_freshness')) }}
{%- endmacro %}
