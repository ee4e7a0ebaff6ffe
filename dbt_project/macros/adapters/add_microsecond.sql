{#- The instant after a timestamp, a microsecond later. Spark's own dateadd counts in whole seconds and would leave the
    timestamp as it is. -#}
{% macro add_microsecond(timestamp) -%}
    {{ return(adapter.dispatch('add_microsecond')(timestamp)) }}
{%- endmacro %}

{% macro default__add_microsecond(timestamp) -%}
    {{ dbt.dateadd('microsecond', 1, timestamp) }}
{%- endmacro %}

{% macro spark__add_microsecond(timestamp) -%}
    {{ timestamp }} + interval 1 microsecond
{%- endmacro %}
