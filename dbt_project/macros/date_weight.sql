{#- A number a date, 0 to 1,000,002, that looks random from one date to the next: in a sum weighted by it, a row that
    has moved to another date shows. -#}
{% macro date_weight(date) -%}
    {%- set days = "cast(" ~ days_between("cast('2000-01-01' as date)", date) ~ " as " ~ dbt.type_bigint() ~ ")" -%}
    cast(({{ days }} * {{ days }} * {{ days }}) % 1000003 as decimal(9, 0))
{%- endmacro %}
