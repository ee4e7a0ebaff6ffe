{#- The model has no row. Returns its rows. -#}
{% test is_empty(model) %}
    select * from {{ model }}
{% endtest %}
