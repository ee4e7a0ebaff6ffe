{#- An id as text, whatever type the loader gave it. An id in a column of floating numbers, or a text written from
    one, is the whole number: 1.0 and "1.0" are 1, and 1e+06 is 1000000. From 2^53 on a floating number may have lost
    digits, so the id is unknown: null, like an empty text and NaN. A text such as 12e5, without a point or a plus, is
    left as it is: no engine writes a number like that. The same rule in Python is flows/warehouse/ids.py;
    tests/warehouse/test_ids.py compares the two. -#}
{% macro id_text(id) -%}
    {%- set text = 'cast(' ~ id ~ ' as ' ~ dbt.type_string() ~ ')' -%}
    {%- set number = 'cast(' ~ text ~ ' as ' ~ type_double() ~ ')' -%}
    case
        when {{ text }} in ('', 'nan', 'NaN') then null
        when not ({{ text }} like '%.%' or {{ text }} like '%+%') then {{ text }}
        when not {{ matches(text, '^-?[0-9]{1,40}([.][0-9]*)?([eE][+]?[0-9]{1,2})?$') }} then {{ text }}
        when abs({{ number }}) >= 9007199254740992 then null
        when {{ number }} = floor({{ number }})
            then cast(cast({{ number }} as {{ dbt.type_bigint() }}) as {{ dbt.type_string() }})
        else {{ text }}
    end
{%- endmacro %}
