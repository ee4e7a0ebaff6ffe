{#- The age of a source is told as of the hour that is evaluated, not by the clock: a run that is late, is repeated or
    looks back asks whether the facts were fresh for its hour. A table without rows, or whose rows carry no
    `_loaded_at`, has no age. Other loaders' own tables may tell it as text or with a zone. -#}
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
