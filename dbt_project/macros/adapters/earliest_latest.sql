{#- The earlier of two timestamps; if one is null, the other. `least` ignores nulls on some engines only. -#}
{% macro earliest(first, second) -%}
    case when {{ first }} is null or {{ second }} < {{ first }} then {{ second }} else {{ first }} end
{%- endmacro %}

{#- The later of two timestamps; if one is null, the other. -#}
{% macro latest(first, second) -%}
    case when {{ first }} is null or {{ second }} > {{ first }} then {{ second }} else {{ first }} end
{%- endmacro %}
