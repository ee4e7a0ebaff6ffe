{#- The columns are a key: unique together, and none of them null. Returns the keys that are not. With `of_partners`, a
    relation of programs and partners, only the rows of these partners are tested, and rows that lack a part of the key:
    so an hour does not read all rows again. -#}
{% test unique_combination_of_columns(model, combination_of_columns, of_partners=none) %}
    {% set key = combination_of_columns | join(', ') %}
    {% set incomplete = combination_of_columns | join(' is null or ') ~ ' is null' %}
    with tested as (
        {% if of_partners %}
            select all_rows.*
            from {{ model }} as all_rows
            where {{ exists_for_partner(of_partners, 'all_rows') }}
            union all
            select * from {{ model }} where {{ incomplete }}
        {% else %}
            select * from {{ model }}
        {% endif %}
    )

    select {{ key }}, count(*) as occurrences
    from tested
    group by {{ key }}
    having count(*) > 1 or {{ incomplete }}
{% endtest %}
