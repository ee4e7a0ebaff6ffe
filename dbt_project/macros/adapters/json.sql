{#- What is read out of JSON text, on each engine; models name keys and never write an engine's own operators. -#}

{#- The text as JSON, null where it is none: no payload can fail a build. -#}
{% macro try_parse_json(text) -%}
    {{ return(adapter.dispatch('try_parse_json')(text)) }}
{%- endmacro %}

{% macro default__try_parse_json(text) -%}
    case when json_valid({{ text }}) then cast({{ text }} as json) end
{%- endmacro %}

{#- What jsonb takes can be read as text, too: json takes escapes that no text can hold. -#}
{% macro postgres__try_parse_json(text) -%}
    cast(case when pg_input_is_valid({{ text }}, 'jsonb') then {{ text }} end as json)
{%- endmacro %}

{#- The value under a list of keys (a number is a position in an array), as text; null where there is none. -#}
{% macro json_text(json, keys) -%}
    {{ return(adapter.dispatch('json_text')(json, keys)) }}
{%- endmacro %}

{% macro default__json_text(json, keys) -%}
    json_extract_string({{ json }}, '{{ json_path(keys) }}')
{%- endmacro %}

{% macro postgres__json_text(json, keys) -%}
    {{ json }} #>> '{{ "{" ~ keys | join(",") ~ "}" }}'
{%- endmacro %}

{#- The same, as JSON. -#}
{% macro json_value(json, keys) -%}
    {{ return(adapter.dispatch('json_value')(json, keys)) }}
{%- endmacro %}

{% macro default__json_value(json, keys) -%}
    json_extract({{ json }}, '{{ json_path(keys) }}')
{%- endmacro %}

{% macro postgres__json_value(json, keys) -%}
    {{ json }} #> '{{ "{" ~ keys | join(",") ~ "}" }}'
{%- endmacro %}

{#- A row for each element of an array; what is no array is its own one element. -#}
{% macro unnest_json(json) -%}
    {{ return(adapter.dispatch('unnest_json')(json)) }}
{%- endmacro %}

{% macro default__unnest_json(json) -%}
    unnest(case when json_type({{ json }}) = 'ARRAY' then cast({{ json }} as json[]) else [{{ json }}] end)
{%- endmacro %}

{% macro postgres__unnest_json(json) -%}
    json_array_elements(
        case when json_typeof({{ json }}) = 'array' then {{ json }} else json_build_array({{ json }}) end
    )
{%- endmacro %}

{#- DuckDB's path to a list of keys. -#}
{% macro json_path(keys) -%}
    {%- set steps = [] -%}
    {%- for key in keys -%}
        {%- do steps.append('[' ~ key ~ ']' if key is number else '."' ~ key ~ '"') -%}
    {%- endfor -%}
    {{ return('$' ~ steps | join('')) }}
{%- endmacro %}
