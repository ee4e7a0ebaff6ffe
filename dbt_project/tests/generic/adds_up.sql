{#- Nothing is lost or multiplied on the way to the daily facts: totals per program equal those of the loaded rows,
    of `of_partners` (a relation of programs and partners) alone. Returns the programs for which they do not. -#}
{% test adds_up(model, clicks, actions, programs, of_partners) %}
    with changed_actions as (
        select *
        from {{ actions }} as actions
        where {{ is_of(of_partners, 'actions') }}
    ),

    both_sides as (
        select program_id, clicks, actions, revenue
        from {{ model }} as facts
        where {{ is_of(of_partners, 'facts') }}

        union all

        select program_id, -clicks, 0, 0
        from {{ clicks }} as clicks
        where {{ is_of(of_partners, 'clicks') }}

        union all

        select
            changed_actions.program_id,
            0,
            -1,
            case when changed_actions.currency = programs.currency then -coalesce(changed_actions.amount, 0) else 0 end
        from changed_actions
        inner join {{ programs }} as programs on changed_actions.program_id = programs.program_id
        where changed_actions.state <> 'REVERSED'
    )

    select program_id, sum(clicks) as clicks, sum(actions) as actions, sum(revenue) as revenue
    from both_sides
    group by program_id
    having sum(clicks) <> 0 or sum(actions) <> 0 or sum(revenue) <> 0
{% endtest %}
