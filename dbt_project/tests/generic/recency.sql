{#- Every program that is evaluated has a row of at most `interval` days before its local date. Returns the programs
    that have none: missing rows must not be mistaken for partners without activity. -#}
{% test recency(model, column_name, interval, evaluations) %}
    with newest as (
        select program_id, max({{ column_name }}) as newest_date
        from {{ model }}
        group by program_id
    )

    select evaluations.program_id, newest.newest_date
    from {{ evaluations }} as evaluations
    left join newest on evaluations.program_id = newest.program_id
    where
        newest.newest_date is null
        or {{ days_between('newest.newest_date', 'evaluations.local_date') }} > {{ interval }}
{% endtest %}
