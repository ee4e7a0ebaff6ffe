{#- Whether the relation `partners` contains the program and partner of a row; `rows` is the alias of the row's
    table. -#}
{% macro exists_for_partner(partners, rows) -%}
    exists (
        select 1
        from {{ partners }} as partners
        where partners.program_id = {{ rows }}.program_id and partners.partner_id = {{ rows }}.partner_id
    )
{%- endmacro %}
