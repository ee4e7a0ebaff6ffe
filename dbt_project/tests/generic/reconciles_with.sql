{#- The columns are a key, and nothing is lost or multiplied on the way to the daily facts: clicks, actions and revenue
    of each partner add up to what int_partner_activity_checksums (`compare_model`) counted in the loaded rows, without
    what the duplicates have that is not counted. Looks at the
    partners whose rows this build computed or deleted, and checks the key and the sums in one pass, which is what takes
    long. Returns the partners that fail, with the most rows of one key and by how much the facts exceed the loaded rows.
    (`min`, because of a key with one row it is the sum, and takes less memory.) -#}
{% test reconciles_with(model, combination_of_columns, compare_model, duplicate_clicks, duplicate_actions) %}
    with unchanged as (
        select *
        from {{ compare_model }}
        where not is_changed
    ),

    facts as (
        select
            {{ combination_of_columns | join(', ') }},
            count(*) as occurrences,
            min(clicks) as clicks,
            min(actions) as actions,
            min(revenue) as revenue
        from {{ model }} as all_rows
        where not {{ exists_for_partner('unchanged', 'all_rows') }}
        group by {{ combination_of_columns | join(', ') }}
    ),

    both_sides as (
        select program_id, partner_id, occurrences, clicks, actions, revenue
        from facts

        union all

        select program_id, partner_id, 0 as occurrences, -clicks, -actions, -revenue
        from {{ compare_model }}
        where is_changed

        union all

        select program_id, partner_id, 0, uncounted_clicks, 0, 0
        from {{ duplicate_clicks }} as all_rows
        where not {{ exists_for_partner('unchanged', 'all_rows') }}

        union all

        select program_id, partner_id, 0, 0, uncounted_actions, uncounted_revenue
        from {{ duplicate_actions }} as all_rows
        where not {{ exists_for_partner('unchanged', 'all_rows') }}
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
