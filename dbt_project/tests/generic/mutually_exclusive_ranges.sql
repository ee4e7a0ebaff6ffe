{#- The ranges of each partner follow each other without gap or overlap, and only the last one is open: a partner is in
    one relationship stage at a time. Returns the ranges that do not end when the next one begins. -#}
{% test mutually_exclusive_ranges(model, lower_bound_column, upper_bound_column, partition_by) %}
    with following as (
        select
            {{ partition_by | join(', ') }},
            {{ lower_bound_column }} as lower_bound,
            {{ upper_bound_column }} as upper_bound,
            lead({{ lower_bound_column }}) over (
                partition by {{ partition_by | join(', ') }}
                order by {{ lower_bound_column }}
            ) as next_lower_bound
        from {{ model }}
    )

    select *
    from following
    where
        upper_bound <= lower_bound
        or coalesce(upper_bound, timestamp '9999-01-01 00:00:00')
        <> coalesce(next_lower_bound, timestamp '9999-01-01 00:00:00')
{% endtest %}
