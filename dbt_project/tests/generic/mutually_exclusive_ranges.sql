{#- A partner is in one stage at a time: each row holds until the next one begins. Returns the rows that do not. -#}
{% test mutually_exclusive_ranges(model) %}
    with following as (
        select
            program_id,
            partner_id,
            valid_from,
            valid_to,
            lead(valid_from) over (
                partition by program_id, partner_id
                order by valid_from
            ) as next_from
        from {{ model }}
    )

    select program_id, partner_id, valid_from, valid_to, next_from
    from following
    where
        valid_to <= valid_from
        or coalesce(valid_to, timestamp '9999-01-01 00:00:00') <> coalesce(next_from, timestamp '9999-01-01 00:00:00')
{% endtest %}
