{#- The type of amounts of money: 20 digits before the point and 8 after it. BigQuery accepts no parameters of a type in
    a cast; its type has 29 digits before the point and 9 after it. -#}
{% macro type_amount() -%}
    {{ return(adapter.dispatch('type_amount')()) }}
{%- endmacro %}

{% macro default__type_amount() -%}
    decimal(28, 8)
{%- endmacro %}

{% macro bigquery__type_amount() -%}
    numeric
{%- endmacro %}
