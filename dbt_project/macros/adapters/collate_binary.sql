{#- A text, compared and sorted byte by byte, so that the first one is the same on every engine. By default
    PostgreSQL sorts by the collation of the database. -#}
{% macro collate_binary(text) -%}
    {{ return(adapter.dispatch('collate_binary')(text)) }}
{%- endmacro %}

{% macro default__collate_binary(text) -%}
    {{ text }}
{%- endmacro %}

{% macro postgres__collate_binary(text) -%}
    {{ text }} collate "C"
{%- endmacro %}
