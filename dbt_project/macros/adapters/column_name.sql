{#- The name of a column as a statement names it without its table: in quotes where the engine reserves the word, as
    Redshift does `language`. Behind the name of its table, or after `as`, a word needs no quotes. -#}
{% macro column_name(name) -%}
    {{ return(adapter.dispatch('column_name')(name)) }}
{%- endmacro %}

{% macro default__column_name(name) -%}
    {{ return(name) }}
{%- endmacro %}

{% macro redshift__column_name(name) -%}
    {{ return(adapter.quote(name) if name == 'language' else name) }}
{%- endmacro %}
