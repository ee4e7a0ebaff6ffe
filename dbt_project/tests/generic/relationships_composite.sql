{#- Every row belongs to a partner of its program. Returns the partners that are not known. -#}
{% test relationships_composite(model, partners) %}
    select rows_tested.program_id, rows_tested.partner_id, count(*) as occurrences
    from {{ model }} as rows_tested
    left join {{ partners }} as partners
        on
            rows_tested.program_id = partners.program_id
            and rows_tested.partner_id = partners.partner_id
    where partners.partner_id is null
    group by rows_tested.program_id, rows_tested.partner_id
{% endtest %}
