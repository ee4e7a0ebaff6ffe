{#- A text as it is to be sorted: byte by byte, so that "the first" is the same one on every engine and in every
    language. PostgreSQL sorts by the language of the database unless told otherwise. -#}
{% macro collate_binary(text) -%}
    {{ return(adapter.dispatch('collate_binary')(text)) }}
{%- endmacro %}

{% macro default__collate_binary(text) -%}
    {{ text }}
{%- endmacro %}

{% macro postgres__collate_binary(text) -%}
    {{ text }} collate "C"
{%- endmacro %}
