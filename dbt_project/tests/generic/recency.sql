{#- Every program that is evaluated has rows of the last days before its date. Returns the programs that have none: what
    is missing must never look like nothing. -#}
{% test recency(model, column_name, evaluations, days) %}
    with newest as (
        select program_id, max({{ column_name }}) as newest_date
        from {{ model }}
        group by program_id
    )

    select evaluations.program_id, newest.newest_date
    from {{ evaluations }} as evaluations
    left join newest on evaluations.program_id = newest.program_id
    where newest.newest_date is null or {{ days_between('newest.newest_date', 'evaluations.local_date') }} > {{ days }}
{% endtest %}
