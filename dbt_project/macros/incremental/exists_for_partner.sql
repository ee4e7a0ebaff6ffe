{#- Whether `partners`, a relation of programs and partners, has the partner of a row of `rows`. -#}
{% macro exists_for_partner(partners, rows) -%}
    exists (
        select 1
        from {{ partners }} as partners
        where partners.program_id = {{ rows }}.program_id and partners.partner_id = {{ rows }}.partner_id
    )
{%- endmacro %}
