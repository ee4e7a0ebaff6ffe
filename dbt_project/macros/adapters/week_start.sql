{#- The Monday of the week of a timestamp, as a date. -#}
{% macro week_start(timestamp) -%}
    {{ return(adapter.dispatch('week_start')(timestamp)) }}
{%- endmacro %}

{% macro default__week_start(timestamp) -%}
    cast({{ dbt.date_trunc('week', timestamp) }} as date)
{%- endmacro %}

{#- There, a week begins on Sunday, unless it is an ISO week. -#}
{% macro bigquery__week_start(timestamp) -%}
    cast({{ dbt.date_trunc('isoweek', timestamp) }} as date)
{%- endmacro %}
