{#- The model has one row per row of another: no join lost or multiplied any. Returns the keys that one of them has more
    often, and how much more often the model has them. -#}
{% test same_keys_as(model, compare_model, compare_columns) %}
    select {{ compare_columns | join(', ') }}, sum(is_row) as surplus_rows
    from (
        select {{ compare_columns | join(', ') }}, 1 as is_row from {{ model }}
        union all
        select {{ compare_columns | join(', ') }}, -1 as is_row from {{ compare_model }}
    ) as both_sides
    group by {{ compare_columns | join(', ') }}
    having sum(is_row) <> 0
{% endtest %}
