{#- Whether a row of the relation `rows` belongs to one of `partners`, a relation of programs and partners. -#}
{% macro exists_for_partner(partners, rows) -%}
    exists (
        select 1
        from {{ partners }} as partners
        where partners.program_id = {{ rows }}.program_id and partners.partner_id = {{ rows }}.partner_id
    )
{%- endmacro %}
