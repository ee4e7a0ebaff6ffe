{#- Override dbt's merge for an incremental model without a `unique_key`: dbt's would only append. Here it replaces the
    rows of changed partners (macro replacement_strategy) where an engine has no transaction of several statements, or dbt
    does not use one: deleted by one statement and appended by the next, the partners would be missing in between. -#}
{% macro spark__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {{ dbt.spark__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) if unique_key
        else merge_changed_partners(target, source) }}
{%- endmacro %}

{% macro databricks__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {{ dbt.databricks__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) if unique_key
        else merge_changed_partners(target, source) }}
{%- endmacro %}

{% macro snowflake__get_merge_sql(target, source_sql, unique_key, dest_columns, incremental_predicates) -%}
    {{ dbt.snowflake__get_merge_sql(target, source_sql, unique_key, dest_columns, incremental_predicates) if unique_key
        else merge_changed_partners(target, source_sql) }}
{%- endmacro %}

{% macro bigquery__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {{ dbt.default__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) if unique_key
        else merge_changed_partners(target, source) }}
{%- endmacro %}

{% macro trino__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {{ dbt.trino__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) if unique_key
        else merge_changed_partners(target, source) }}
{%- endmacro %}

{#- One statement that replaces the rows of changed partners: it merges the new rows, which match nothing, and one row
    per partner whose rows are deleted. -#}
{% macro merge_changed_partners(target, source) -%}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | list -%}
    {%- set unchanged = '(select * from ' ~ ref('int_partner_activity_checksums') ~ ' where not is_changed)' -%}
    merge into {{ target }} as kept
    using (
        select
            {{ columns | join(', ') }},
            cast(null as {{ dbt.type_string() }}) as deleted_program_id,
            cast(null as {{ dbt.type_string() }}) as deleted_partner_id
        from {{ source }} as new_rows

        union all

        select
            {% for column in columns %}null as {{ column }}, {% endfor %}
            present.program_id as deleted_program_id,
            present.partner_id as deleted_partner_id
        from (select distinct program_id, partner_id from {{ target }}) as present
        where not {{ exists_for_partner(unchanged, 'present') }}
    ) as replacement
        on
            kept.program_id = replacement.deleted_program_id
            and kept.partner_id = replacement.deleted_partner_id
    when matched then delete
    when not matched then insert ({{ columns | join(', ') }})
    values ({% for column in columns %}replacement.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
