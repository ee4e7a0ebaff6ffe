{#- Delete the rows of changed partners, as the pre-hook of an incremental table: the build inserts their new rows
    in the same transaction. `checksums` is int_partner_activity_checksums; partners that it does not contain have
    no rows left, so their old ones are deleted too. dbt's own delete+insert deletes the keys of new rows only, and
    would keep the old rows of a partner that has no new ones. Does nothing in a first build or a full refresh. -#}
{% macro delete_changed_partners(checksums) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as kept
        where not {{ exists_for_partner('(select * from ' ~ checksums ~ ' where not is_changed)', 'kept') }}
    {%- endif -%}
{%- endmacro %}
