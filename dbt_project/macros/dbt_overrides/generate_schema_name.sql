{#- A model's schema is the name it asks for (staging, intermediate, marts, segments), on every target: the
    contract names `marts`, and other people's tools hold on to it. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}
