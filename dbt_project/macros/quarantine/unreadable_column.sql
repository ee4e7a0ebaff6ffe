{#- The name of the first of these columns whose value cannot be read as its type, or null. `columns` maps names to types.
    A blank text is a missing value. -#}
{% macro unreadable_column(columns) -%}
    case
        {%- for column, type in columns.items() %}
        when
            {{ try_cast(column, type) }} is null
            and {{ column }} is not null
            and trim(cast({{ column }} as {{ dbt.type_string() }})) <> ''
            then '{{ column }}'
        {%- endfor %}
    end
{%- endmacro %}
