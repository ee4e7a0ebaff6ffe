{#- Overrides dbt-spark's macro, which adds the columns of a snapshot that its table lacks. With a key of two columns it
    also adds dbt_unique_key_1 and dbt_unique_key_2, which are columns of the comparison and not of the snapshot, and
    then the same build fails, since each name occurs twice. -#}
{% macro spark__create_columns(relation, columns) -%}
    {%- set added = [] -%}
    {%- for column in columns if not column.name.startswith('dbt_unique_key_') -%}
        {%- do added.append(column) -%}
    {%- endfor -%}
    {{ return(dbt.spark__create_columns(relation, added)) }}
{%- endmacro %}
