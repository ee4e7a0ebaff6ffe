{#- The name of the first of these columns whose value cannot be read as its type, or null. `columns` maps names to
    types. A blank text is a missing value. -#}
{% macro unreadable_column(columns) -%}
    {%- set cases = [] -%}
    {%- for column, type in columns.items() -%}
        {%- set is_blank = 'trim(cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ")) = ''" -%}
        {%- do cases.append(
            'when ' ~ try_cast(column, type) ~ ' is null and ' ~ column ~ ' is not null and not ' ~ is_blank
            ~ " then '" ~ column ~ "'"
        ) -%}
    {%- endfor -%}
    case {{ cases | join(' ') }} end
{%- endmacro %}
