{#- The pre-hook of a table that is kept from build to build: the rows of the partners that this build computes anew are
    deleted, in the transaction that writes them anew. Nothing in a first build and in a full refresh. -#}
{% macro delete_changed_partners(partners) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as held where {{ exists_for_partner(partners, 'held') }}
    {%- endif -%}
{%- endmacro %}
