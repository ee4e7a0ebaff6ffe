{#- A loader's timestamp, with or without a time zone, as a UTC timestamp without one, as the contract requires. It
    is cast to a timestamp with time zone first, because DuckDB and PostgreSQL silently ignore the offset of a text
    such as 2026-03-06T23:30:00-05:00 otherwise. Sessions use UTC. -#}
{% macro to_utc(timestamp) -%}
    {{ return(adapter.dispatch('to_utc')(timestamp)) }}
{%- endmacro %}

{% macro default__to_utc(timestamp) -%}
    {{ missing_implementation('to_utc') }}
{%- endmacro %}

{% macro duckdb__to_utc(timestamp) -%}
    cast(cast({{ timestamp }} as timestamptz) as timestamp)
{%- endmacro %}

{% macro postgres__to_utc(timestamp) -%}
    {{ return(duckdb__to_utc(timestamp)) }}
{%- endmacro %}

{#- Spark applies the offset: its timestamps are instants. -#}
{% macro spark__to_utc(timestamp) -%}
    cast({{ timestamp }} as timestamp)
{%- endmacro %}

{% macro snowflake__to_utc(timestamp) -%}
    cast(convert_timezone('UTC', cast({{ timestamp }} as timestamp_tz)) as timestamp_ntz)
{%- endmacro %}

{#- Timestamps of BigQuery are instants, too. -#}
{% macro bigquery__to_utc(timestamp) -%}
    cast({{ timestamp }} as timestamp)
{%- endmacro %}

{% macro redshift__to_utc(timestamp) -%}
    cast(cast({{ timestamp }} as timestamptz) at time zone 'UTC' as timestamp)
{%- endmacro %}

{% macro trino__to_utc(timestamp) -%}
    cast(cast({{ timestamp }} as timestamp with time zone) at time zone 'UTC' as timestamp)
{%- endmacro %}
