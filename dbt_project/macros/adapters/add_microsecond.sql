{#- A timestamp plus one microsecond. dbt's dateadd for Spark counts in whole seconds, and would not change it. -#}
{% macro add_microsecond(timestamp) -%}
    {{ return(adapter.dispatch('add_microsecond')(timestamp)) }}
{%- endmacro %}

{% macro default__add_microsecond(timestamp) -%}
    {{ dbt.dateadd('microsecond', 1, timestamp) }}
{%- endmacro %}

{% macro spark__add_microsecond(timestamp) -%}
    {{ timestamp }} + interval 1 microsecond
{%- endmacro %}

{#- dbt's dateadd returns a DATETIME there. -#}
{% macro bigquery__add_microsecond(timestamp) -%}
    timestamp_add({{ timestamp }}, interval 1 microsecond)
{%- endmacro %}

{#- A timestamp has milliseconds there. -#}
{% macro trino__add_microsecond(timestamp) -%}
    date_add('millisecond', 1, {{ timestamp }})
{%- endmacro %}
