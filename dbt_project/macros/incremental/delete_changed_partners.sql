{#- The pre-hook of an incremental table that keeps the rows of unchanged partners: delete all others, in the
    transaction that inserts those of the changed ones. `checksums` is int_partner_activity_checksums; a partner that it does not
    have any more has no rows. dbt's own delete+insert deletes the keys of the new rows only, and so would keep the old
    rows of a partner that has no new ones. Nothing in a first build and in a full refresh. -#}
{% macro delete_changed_partners(checksums) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as kept
        where not {{ exists_for_partner('(select * from ' ~ checksums ~ ' where not is_changed)', 'kept') }}
    {%- endif -%}
{%- endmacro %}
