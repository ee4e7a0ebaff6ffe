{#- A text as it is to be sorted: byte by byte, so that "the first" is the same one on every engine and in every
    language. PostgreSQL sorts by the language of the database unless told otherwise. -#}
{% macro in_byte_order(text) -%}
    {{ return(adapter.dispatch('in_byte_order')(text)) }}
{%- endmacro %}

{% macro default__in_byte_order(text) -%}
    {{ text }}
{%- endmacro %}

{% macro postgres__in_byte_order(text) -%}
    {{ text }} collate "C"
{%- endmacro %}
