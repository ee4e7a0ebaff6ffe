{#- A number a date, 0 to 1,000,036, and another one for each date (cubes modulo a prime that leaves 2 when divided by
    3): in a sum weighted by it, a row that has moved to another date shows. -#}
{% macro date_checksum_weight(date) -%}
    {%- set days = "cast(" ~ days_between("cast('2000-01-01' as date)", date) ~ " as " ~ dbt.type_bigint() ~ ")" -%}
    cast(({{ days }} * {{ days }} * {{ days }}) % 1000037 as decimal(9, 0))
{%- endmacro %}
