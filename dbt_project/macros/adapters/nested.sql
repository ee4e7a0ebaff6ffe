{#- What loaders leave nested: JSON, a struct or list, or the text of one. -#}

{#- One row an item of an array; stands alone in a select list. Without an array there is no row. -#}
{% macro unnest_json_array(array) -%}
    {{ return(adapter.dispatch('unnest_json_array')(array)) }}
{%- endmacro %}

{% macro duckdb__unnest_json_array(array) -%}
    unnest(case when json_type(cast({{ array }} as json)) = 'ARRAY' then cast(cast({{ array }} as json) as json []) end)
{%- endmacro %}

{% macro postgres__unnest_json_array(array) -%}
    jsonb_array_elements(
        case when jsonb_typeof(cast({{ array }} as jsonb)) = 'array' then cast({{ array }} as jsonb) end
    )
{%- endmacro %}

{% macro spark__unnest_json_array(array) -%}
    explode(from_json({{ array }}, 'array<string>'))
{%- endmacro %}

{#- A field of an object, as text; null where it is missing. -#}
{% macro json_field(object, field) -%}
    {{ return(adapter.dispatch('json_field')(object, field)) }}
{%- endmacro %}

{% macro duckdb__json_field(object, field) -%}
    json_extract_string(cast({{ object }} as json), '$.{{ field }}')
{%- endmacro %}

{% macro postgres__json_field(object, field) -%}
    (cast({{ object }} as jsonb) ->> '{{ field }}')
{%- endmacro %}

{% macro spark__json_field(object, field) -%}
    get_json_object({{ object }}, '$.{{ field }}')
{%- endmacro %}
