{#- Overrides dbt's schema names: dbt puts the schema of the target before a configured one (`marts_staging`). Here
    the configured name is used as it is (staging, intermediate, marts, segments) on every target, because the
    contract promises `marts` to BI tools and other readers. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}
