{#- Nothing is lost or multiplied on the way to the daily facts: totals per program equal those of the loaded rows,
    which int_loaded_activity (`loaded`) has summed, of the partners whose facts this build has made. Returns the
    programs for which they do not. -#}
{% test adds_up(model, loaded) %}
    with made as (
        select *
        from {{ loaded }}
        where is_changed
    ),

    both_sides as (
        select program_id, clicks, actions, revenue
        from {{ model }} as facts
        where {{ is_of('made', 'facts') }}

        union all

        select program_id, -clicks, -actions, -revenue
        from made
    )

    select program_id, sum(clicks) as clicks, sum(actions) as actions, sum(revenue) as revenue
    from both_sides
    group by program_id
    having sum(clicks) <> 0 or sum(actions) <> 0 or sum(revenue) <> 0
{% endtest %}
