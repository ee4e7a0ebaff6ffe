{#- An incremental table replaces the rows of changed partners: it deletes them, and those of partners that have no rows
    left, and inserts their new rows, and no reader sees a state in between. dbt's own delete+insert deletes the keys
    of new rows only, and would keep the old rows of a partner that has no new ones. How an engine does it is here:
    by `append` after a pre-hook that deletes, in one transaction; or by `merge`, in one statement. -#}
{% macro replacement_strategy() -%}
    {{ return(adapter.dispatch('replacement_strategy')()) }}
{%- endmacro %}

{% macro default__replacement_strategy() -%}
    {{ missing_implementation('replacement_strategy') }}
{%- endmacro %}

{% macro duckdb__replacement_strategy() -%}
    {{ return('append') }}
{%- endmacro %}

{% macro postgres__replacement_strategy() -%}
    {{ return('append') }}
{%- endmacro %}

{% macro redshift__replacement_strategy() -%}
    {{ return('append') }}
{%- endmacro %}

{% macro spark__replacement_strategy() -%}
    {{ return('merge') }}
{%- endmacro %}

{% macro snowflake__replacement_strategy() -%}
    {{ return('merge') }}
{%- endmacro %}

{% macro bigquery__replacement_strategy() -%}
    {{ return('merge') }}
{%- endmacro %}

{% macro trino__replacement_strategy() -%}
    {{ return('merge') }}
{%- endmacro %}

{#- The pre-hook: delete the rows of changed partners. Does nothing in a first build or a full refresh, nor where
    `merge` deletes them. `checksums` is int_partner_activity_checksums, which lacks the partners without rows. -#}
{% macro delete_changed_partners(checksums) -%}
    {%- if is_incremental() and replacement_strategy() == 'append' -%}
        delete from {{ this }}
        where not {{ exists_for_partner('(select * from ' ~ checksums ~ ' where not is_changed)', this.identifier) }}
    {%- endif -%}
{%- endmacro %}
