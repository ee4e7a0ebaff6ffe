{#- The columns named are a key: together unique, and none of them null. Returns the keys that are not. With
    `of_partners`, a relation of programs and partners, only their rows are looked at, and those that lack a part of the
    key. -#}
{% test unique_key(model, columns, of_partners=none) %}
    with tested as (
        select *
        from {{ model }} as all_rows
        {% if of_partners %}
        where {{ is_of(of_partners, 'all_rows') }}

        union all

        select *
        from {{ model }}
        where {{ columns | join(' is null or ') }} is null
        {% endif %}
    )

    select {{ columns | join(', ') }}, count(*) as occurrences
    from tested
    group by {{ columns | join(', ') }}
    having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% endtest %}
