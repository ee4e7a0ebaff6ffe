{#- The instant after a timestamp, a microsecond later. Spark's own dateadd counts in whole seconds and would leave the
    timestamp as it is. -#}
{% macro just_after(timestamp) -%}
    {{ return(adapter.dispatch('just_after')(timestamp)) }}
{%- endmacro %}

{% macro default__just_after(timestamp) -%}
    {{ dbt.dateadd('microsecond', 1, timestamp) }}
{%- endmacro %}

{% macro spark__just_after(timestamp) -%}
    {{ timestamp }} + interval 1 microsecond
{%- endmacro %}
