{#- What loaders leave nested: JSON, a struct or list, or the text of one. -#}

{#- One row an item of an array; stands alone in a select list. Without an array there is no row. -#}
{% macro items_of(array) -%}
    {{ return(adapter.dispatch('items_of')(array)) }}
{%- endmacro %}

{% macro duckdb__items_of(array) -%}
    unnest(case when json_type(cast({{ array }} as json)) = 'ARRAY' then cast(cast({{ array }} as json) as json []) end)
{%- endmacro %}

{% macro postgres__items_of(array) -%}
    jsonb_array_elements(
        case when jsonb_typeof(cast({{ array }} as jsonb)) = 'array' then cast({{ array }} as jsonb) end
    )
{%- endmacro %}

{% macro spark__items_of(array) -%}
    explode(from_json({{ array }}, 'array<string>'))
{%- endmacro %}

{#- A field of an object, as text; null where it is missing. -#}
{% macro field_of(object, field) -%}
    {{ return(adapter.dispatch('field_of')(object, field)) }}
{%- endmacro %}

{% macro duckdb__field_of(object, field) -%}
    json_extract_string(cast({{ object }} as json), '$.{{ field }}')
{%- endmacro %}

{% macro postgres__field_of(object, field) -%}
    (cast({{ object }} as jsonb) ->> '{{ field }}')
{%- endmacro %}

{% macro spark__field_of(object, field) -%}
    get_json_object({{ object }}, '$.{{ field }}')
{%- endmacro %}
