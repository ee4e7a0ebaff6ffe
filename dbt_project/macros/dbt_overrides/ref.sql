{#- Override dbt's `ref` and `source` on DuckDB: relations are named without the database, which is the name of the
    file. The published file is a copy with another name, and its views must read its own tables. -#}
{% macro ref() -%}
    {{ return(without_file_name(builtins.ref(*varargs, **kwargs))) }}
{%- endmacro %}

{% macro source() -%}
    {{ return(without_file_name(builtins.source(*varargs, **kwargs))) }}
{%- endmacro %}

{% macro without_file_name(relation) -%}
    {{ return(relation.include(database=false) if target.type == 'duckdb' else relation) }}
{%- endmacro %}
