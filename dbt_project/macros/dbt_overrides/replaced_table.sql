{#- DuckDB replaces a table in one statement, inside a transaction. dbt's own way there, for every engine alike, is to
    build beside it, rename it and the new one, and drop it, with a look at the catalog for keys and indexes of others
    before each; that took longer than most of the models here do. What is a contract stays one. -#}
{% materialization table, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none and not existing.is_table -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {{ replace_table(target_relation, sql) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{% macro replace_table(relation, sql) -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
        create or replace table {{ relation }} {{ get_table_columns_and_constraints() }};
        insert into {{ relation }} {{ get_column_names() }} {{ get_select_subquery(sql) }};
    {%- else -%}
        create or replace table {{ relation }} as ({{ sql }});
    {%- endif -%}
{%- endmacro %}
