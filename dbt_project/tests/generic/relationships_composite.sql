{#- dbt's `relationships` for a key of several columns: every row has its parent in `to`, by the columns of the same
    names. Returns the keys without a parent. -#}
{% test relationships_composite(model, to, columns) %}
    select
        {% for column in columns %}
            children.{{ column }},
        {% endfor %}
        count(*) as occurrences
    from {{ model }} as children
    left join {{ to }} as parents
        on
            {% for column in columns %}
                {{ 'and ' if not loop.first }}children.{{ column }} = parents.{{ column }}
            {% endfor %}
    where parents.{{ columns[-1] }} is null
    group by {% for column in columns %}children.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
{% endtest %}
