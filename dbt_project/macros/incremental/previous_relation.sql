{#- A table as an earlier build has left it, for a model that compares with it what is loaded now; none where there is
    no such table yet, and in a full refresh. Only for what a ref() would make a circle of. -#}
{% macro previous_relation(schema, name) -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {{ return(load_relation(api.Relation.create(database=target.database, schema=schema, identifier=name))) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
