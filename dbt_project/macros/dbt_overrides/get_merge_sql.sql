{#- Overrides dbt-spark's merge for an incremental model without a `unique_key`: dbt-spark's would only append. Here it
    replaces the rows of changed partners (macro replacement_strategy). An Iceberg table has no transaction of several
    statements: deleted by one and appended by the next, the partners would be missing between two commits.

    The merged rows are the new ones, which match nothing, and one per partner whose rows are deleted. -#}
{% macro spark__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {%- if unique_key -%}
        {{ return(dbt.spark__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates)) }}
    {%- endif -%}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | list -%}
    {%- set unchanged = '(select * from ' ~ ref('int_partner_activity_checksums') ~ ' where not is_changed)' -%}
    merge into {{ target }} as kept
    using (
        select
            {{ columns | join(', ') }},
            cast(null as string) as deleted_program_id,
            cast(null as string) as deleted_partner_id
        from {{ source }}

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
