{#- The columns named are a key: together unique, and none of them null. Returns the keys that are not. With
    `of_partners`, a relation of programs and partners, only their rows are looked at. -#}
{% test unique_key(model, columns, of_partners=none) %}
    select {{ columns | join(', ') }}, count(*) as occurrences
    from {{ model }} as tested
    {% if of_partners %}
    where
        {% for column in columns %} {{ column }} is null or {% endfor %}
        exists (
            select 1
            from {{ of_partners }} as partners
            where partners.program_id = tested.program_id and partners.partner_id = tested.partner_id
        )
    {% endif %}
    group by {{ columns | join(', ') }}
    having count(*) > 1 {% for column in columns %} or {{ column }} is null {% endfor %}
{% endtest %}
