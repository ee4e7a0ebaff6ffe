{#- Why a row whose key other rows have too is set aside: all of them when they differ, and all but one when they are
    equal. Null for that one, which is the first by `order_by`. The rows must have the column `loaded_row`. -#}
{% macro repetition(key, order_by='loaded_row') -%}
    {%- set rows_of_key = 'over (partition by ' ~ key | join(', ') -%}
    case
        when min(loaded_row) {{ rows_of_key }}) <> max(loaded_row) {{ rows_of_key }})
            then 'another row has the same key and other values'
        when row_number() {{ rows_of_key }} order by {{ order_by }}) > 1
            then 'a copy of another row'
    end
{%- endmacro %}
