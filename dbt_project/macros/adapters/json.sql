{#- How models read JSON on each engine: payloads of email providers, and what loaders leave nested (JSON, a struct
    or list, or the text of one). A model names keys and never writes an engine's own operators. -#}

{#- The text as JSON, or null when it is not valid JSON: an invalid payload never fails a build. -#}
{% macro try_parse_json(text) -%}
    {{ return(adapter.dispatch('try_parse_json')(text)) }}
{%- endmacro %}

{% macro default__try_parse_json(text) -%}
    case when json_valid({{ text }}) then cast({{ text }} as json) end
{%- endmacro %}

{#- Checked as jsonb: json accepts escapes such as \u0000, which PostgreSQL cannot read as text later. -#}
{% macro postgres__try_parse_json(text) -%}
    cast(case when pg_input_is_valid({{ text }}, 'jsonb') then {{ text }} end as json)
{%- endmacro %}

{#- The value at a path of keys, as text; null where it is missing. A number in `keys` is a position in an array. -#}
{% macro json_text(json, keys) -%}
    {{ return(adapter.dispatch('json_text')(json, keys)) }}
{%- endmacro %}

{% macro default__json_text(json, keys) -%}
    json_extract_string(cast({{ json }} as json), '{{ json_path(keys) }}')
{%- endmacro %}

{% macro postgres__json_text(json, keys) -%}
    (cast({{ json }} as json) #>> '{{ "{" ~ keys | join(",") ~ "}" }}')
{%- endmacro %}

{% macro spark__json_text(json, keys) -%}
    get_json_object({{ json }}, '{{ json_path(keys, quote="") }}')
{%- endmacro %}

{#- The value at a path of keys, as JSON; null where it is missing. -#}
{% macro json_value(json, keys) -%}
    {{ return(adapter.dispatch('json_value')(json, keys)) }}
{%- endmacro %}

{% macro default__json_value(json, keys) -%}
    json_extract(cast({{ json }} as json), '{{ json_path(keys) }}')
{%- endmacro %}

{% macro postgres__json_value(json, keys) -%}
    (cast({{ json }} as json) #> '{{ "{" ~ keys | join(",") ~ "}" }}')
{%- endmacro %}

{#- One row per element of an array, for a select list. A value that is not an array has no rows; with `wrap_value`,
    it is the only element. -#}
{% macro unnest_json_array(json, wrap_value=false) -%}
    {{ return(adapter.dispatch('unnest_json_array')(json, wrap_value)) }}
{%- endmacro %}

{% macro default__unnest_json_array(json, wrap_value) -%}
    {%- set value = 'cast(' ~ json ~ ' as json)' -%}
    {%- set otherwise = '[' ~ value ~ ']' if wrap_value else 'null' -%}
    unnest(case when json_type({{ value }}) = 'ARRAY' then cast({{ value }} as json []) else {{ otherwise }} end)
{%- endmacro %}

{% macro postgres__unnest_json_array(json, wrap_value) -%}
    {%- set value = 'cast(' ~ json ~ ' as json)' -%}
    {%- set otherwise = 'json_build_array(' ~ value ~ ')' if wrap_value else 'null' -%}
    json_array_elements(case when json_typeof({{ value }}) = 'array' then {{ value }} else {{ otherwise }} end)
{%- endmacro %}

{#- No model for Spark wraps a value. -#}
{% macro spark__unnest_json_array(json, wrap_value) -%}
    explode(from_json({{ json }}, 'array<string>'))
{%- endmacro %}

{#- The JSON path of a list of keys. DuckDB needs quotes around keys such as `event-data`; Spark does not know them. -#}
{% macro json_path(keys, quote='"') -%}
    {%- set steps = [] -%}
    {%- for key in keys -%}
        {%- do steps.append('[' ~ key ~ ']' if key is number else '.' ~ quote ~ key ~ quote) -%}
    {%- endfor -%}
    {{ return('$' ~ steps | join('')) }}
{%- endmacro %}

{#- A JSON object, as text, of columns of a row: the names of the columns are its keys, and its values are text or null.
    Rows that are equal in these columns have the same text. -#}
{% macro json_object(columns) -%}
    {{ return(adapter.dispatch('json_object')(columns)) }}
{%- endmacro %}

{% macro default__json_object(columns) -%}
    cast(json_object(
        {%- for column in columns %}'{{ column }}', cast({{ column }} as varchar){{ ', ' if not loop.last }}{% endfor -%}
    ) as varchar)
{%- endmacro %}

{% macro postgres__json_object(columns) -%}
    cast(json_build_object(
        {%- for column in columns %}'{{ column }}', cast({{ column }} as text){{ ', ' if not loop.last }}{% endfor -%}
    ) as text)
{%- endmacro %}

{% macro spark__json_object(columns) -%}
    to_json(named_struct(
        {%- for column in columns %}'{{ column }}', cast({{ column }} as string){{ ', ' if not loop.last }}{% endfor -%}
    ))
{%- endmacro %}
