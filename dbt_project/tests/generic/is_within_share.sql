{#- Of the rows that these parts of the marts depend on (`concerns`), no program has more set aside than allowed (var
    `set_aside_share`). Returns the programs that have, each with what was found. -#}
{% test is_within_share(model, concerns) %}
    select program_id, finding
    from {{ model }}
    where is_too_large and concerns in ('{{ concerns | join("', '") }}')
{% endtest %}
