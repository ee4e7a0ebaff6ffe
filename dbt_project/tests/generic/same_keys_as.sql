{#- The model has one row for each row of another: none is lost, and no join has multiplied any. Returns the keys for
    which that is not so. -#}
{% test same_keys_as(model, of, columns) %}
    select {{ columns | join(', ') }}, sum(is_row) as rows_too_many
    from (
        select {{ columns | join(', ') }}, 1 as is_row from {{ model }}
        union all
        select {{ columns | join(', ') }}, -1 as is_row from {{ of }}
    ) as both_sides
    group by {{ columns | join(', ') }}
    having sum(is_row) <> 0
{% endtest %}
