{#- The values of a key as one text, such as `1000, 21005016`; `null` where one is missing. -#}
{% macro row_key(columns) -%}
    {%- for column in columns -%}
        coalesce(cast({{ column }} as {{ dbt.type_string() }}), 'null'){{ " || ', ' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
