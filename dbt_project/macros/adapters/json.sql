{#- How models read JSON on each engine: payloads of email providers, and what loaders leave nested (JSON, a struct
    or list, or the text of one). A model names keys and never writes an engine's own operators. -#}

{#- The text as JSON, or null when it is not valid JSON: an invalid payload never fails a build. -#}
{% macro try_parse_json(text) -%}
    {{ return(adapter.dispatch('try_parse_json')(text)) }}
{%- endmacro %}

{% macro default__try_parse_json(text) -%}
    {{ missing_implementation('try_parse_json') }}
{%- endmacro %}

{% macro duckdb__try_parse_json(text) -%}
    case when json_valid({{ text }}) then cast({{ text }} as json) end
{%- endmacro %}

{#- Checked as jsonb: json accepts escapes such as \u0000, which PostgreSQL cannot read as text later. -#}
{% macro postgres__try_parse_json(text) -%}
    cast(case when pg_input_is_valid({{ text }}, 'jsonb') then {{ text }} end as json)
{%- endmacro %}

{#- Spark has no JSON type: JSON is its text there. Its parser ignores what follows a value, so the text is read as the
    only element of an array. -#}
{% macro spark__try_parse_json(text) -%}
    case when size(from_json('[' || {{ text }} || ']', 'array<string>')) = 1 then {{ text }} end
{%- endmacro %}

{#- The value at a path of keys, as text; null where it is missing. A number in `keys` is a position in an array. -#}
{% macro json_text(json, keys) -%}
    {{ return(adapter.dispatch('json_text')(json, keys)) }}
{%- endmacro %}

{% macro default__json_text(json, keys) -%}
    {{ missing_implementation('json_text') }}
{%- endmacro %}

{% macro duckdb__json_text(json, keys) -%}
    json_extract_string(cast({{ json }} as json), '{{ json_path(keys) }}')
{%- endmacro %}

{% macro postgres__json_text(json, keys) -%}
    (cast({{ json }} as json) #>> '{{ "{" ~ keys | join(",") ~ "}" }}')
{%- endmacro %}

{#- An element that is a string has no quotes there, so it is its own text. -#}
{% macro spark__json_text(json, keys) -%}
    {{ "get_json_object(" ~ json ~ ", '" ~ json_path(keys, quote="") ~ "')" if keys else json }}
{%- endmacro %}

{#- The value at a path of keys, as JSON; null where it is missing. -#}
{% macro json_value(json, keys) -%}
    {{ return(adapter.dispatch('json_value')(json, keys)) }}
{%- endmacro %}

{% macro default__json_value(json, keys) -%}
    {{ missing_implementation('json_value') }}
{%- endmacro %}

{% macro duckdb__json_value(json, keys) -%}
    json_extract(cast({{ json }} as json), '{{ json_path(keys) }}')
{%- endmacro %}

{% macro postgres__json_value(json, keys) -%}
    (cast({{ json }} as json) #> '{{ "{" ~ keys | join(",") ~ "}" }}')
{%- endmacro %}

{% macro spark__json_value(json, keys) -%}
    {{ return(spark__json_text(json, keys)) }}
{%- endmacro %}

{#- One row per element of an array, for a select list. A value that is not an array has no rows; with `wrap_value`,
    it is the only element. -#}
{% macro unnest_json_array(json, wrap_value=false) -%}
    {{ return(adapter.dispatch('unnest_json_array')(json, wrap_value)) }}
{%- endmacro %}

{% macro default__unnest_json_array(json, wrap_value) -%}
    {{ missing_implementation('unnest_json_array') }}
{%- endmacro %}

{% macro duckdb__unnest_json_array(json, wrap_value) -%}
    {%- set value = 'cast(' ~ json ~ ' as json)' -%}
    {%- set otherwise = '[' ~ value ~ ']' if wrap_value else 'null' -%}
    unnest(case when json_type({{ value }}) = 'ARRAY' then cast({{ value }} as json []) else {{ otherwise }} end)
{%- endmacro %}

{% macro postgres__unnest_json_array(json, wrap_value) -%}
    {%- set value = 'cast(' ~ json ~ ' as json)' -%}
    {%- set otherwise = 'json_build_array(' ~ value ~ ')' if wrap_value else 'null' -%}
    json_array_elements(case when json_typeof({{ value }}) = 'array' then {{ value }} else {{ otherwise }} end)
{%- endmacro %}

{% macro spark__unnest_json_array(json, wrap_value) -%}
    explode(
        case
            when {{ matches(json, '^\\s*\\[') }} then from_json({{ json }}, 'array<string>')
            {{ 'else array(' ~ json ~ ')' if wrap_value }}
        end
    )
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
    {%- set pairs = [] -%}
    {%- for column in columns -%}
        {%- do pairs.append("'" ~ column ~ "', cast(" ~ column ~ " as " ~ dbt.type_string() ~ ")") -%}
    {%- endfor -%}
    {{ return(adapter.dispatch('json_object')(pairs | join(', '))) }}
{%- endmacro %}

{% macro default__json_object(pairs) -%}
    {{ missing_implementation('json_object') }}
{%- endmacro %}

{% macro duckdb__json_object(pairs) -%}
    cast(json_object({{ pairs }}) as varchar)
{%- endmacro %}

{% macro postgres__json_object(pairs) -%}
    cast(json_build_object({{ pairs }}) as text)
{%- endmacro %}

{% macro spark__json_object(pairs) -%}
    to_json(named_struct({{ pairs }}), map('ignoreNullFields', 'false'))
{%- endmacro %}
