{#- The columns named are a key, and nothing is lost or multiplied on the way to the daily facts: what they add up to is
    what was loaded, as int_partner_activity_checksums (`loaded`) has summed it, of the partners whose facts this build has made.
    Both in one reading, which is what takes long. Returns the partners for whom it is not so: how many rows one key has,
    and how much more the facts have than was loaded. Of a key with one row the least is the sum, and takes less room. -#}
{% test reconciles_with(model, columns, loaded) %}
    with made as (
        select *
        from {{ loaded }}
        where is_changed
    ),

    facts as (
        select
            {{ columns | join(', ') }},
            count(*) as occurrences,
            min(clicks) as clicks,
            min(actions) as actions,
            min(revenue) as revenue
        from {{ model }} as all_rows
        where {{ exists_for_partner('made', 'all_rows') }}
        group by {{ columns | join(', ') }}
    ),

    both_sides as (
        select program_id, partner_id, occurrences, clicks, actions, revenue
        from facts

        union all

        select program_id, partner_id, 0 as occurrences, -clicks, -actions, -revenue
        from made
    )

    select
        program_id,
        partner_id,
        max(occurrences) as occurrences,
        sum(clicks) as clicks,
        sum(actions) as actions,
        sum(revenue) as revenue
    from both_sides
    group by program_id, partner_id
    having max(occurrences) > 1 or sum(clicks) <> 0 or sum(actions) <> 0 or sum(revenue) <> 0
{% endtest %}
