{#- Nothing is lost or multiplied on the way to the daily facts: totals per program equal those of the loaded rows,
    of `of_partners` (a relation of programs and partners) alone. Returns the programs for which they do not. -#}
{% test adds_up(model, clicks, actions, programs, of_partners) %}
    with both_sides as (
        select program_id, partner_id, clicks, actions, revenue from {{ model }}

        union all

        select clicks.program_id, clicks.partner_id, -clicks.clicks, 0, 0
        from {{ clicks }} as clicks

        union all

        select
            actions.program_id,
            actions.partner_id,
            0,
            -1,
            case when actions.currency = programs.currency then -coalesce(actions.amount, 0) else 0 end
        from {{ actions }} as actions
        inner join {{ programs }} as programs on actions.program_id = programs.program_id
        where actions.state <> 'REVERSED'
    )

    select program_id, sum(clicks) as clicks, sum(actions) as actions, sum(revenue) as revenue
    from both_sides
    where exists (
        select 1
        from {{ of_partners }} as partners
        where partners.program_id = both_sides.program_id and partners.partner_id = both_sides.partner_id
    )
    group by program_id
    having sum(clicks) <> 0 or sum(actions) <> 0 or sum(revenue) <> 0
{% endtest %}
