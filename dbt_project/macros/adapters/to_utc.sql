{#- A loader's timestamp, with or without a zone, as the contract has it: UTC, without one. By way of a timestamp with a
    zone, because DuckDB and PostgreSQL drop the offset of a text such as 2026-03-06T23:30:00-05:00 without a word.
    Sessions are in UTC. -#}
{% macro to_utc(timestamp) -%}
    {{ return(adapter.dispatch('to_utc')(timestamp)) }}
{%- endmacro %}

{% macro default__to_utc(timestamp) -%}
    cast(cast({{ timestamp }} as timestamptz) as timestamp)
{%- endmacro %}

{#- Spark has one type of timestamps, read with its offset. -#}
{% macro spark__to_utc(timestamp) -%}
    cast({{ timestamp }} as timestamp)
{%- endmacro %}
