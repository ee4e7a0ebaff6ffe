{#- The value as another type, or null where it cannot be read as that type: one bad value never fails a build. -#}
{% macro try_cast(value, type) -%}
    {{ return(adapter.dispatch('try_cast')(value, type)) }}
{%- endmacro %}

{% macro default__try_cast(value, type) -%}
    {{ missing_implementation('try_cast') }}
{%- endmacro %}

{% macro duckdb__try_cast(value, type) -%}
    try_cast({{ value }} as {{ type }})
{%- endmacro %}

{% macro spark__try_cast(value, type) -%}
    try_cast({{ value }} as {{ type }})
{%- endmacro %}

{#- Only texts are checked. To check values of other types they would be written as text first, which takes long. -#}
{% macro postgres__try_cast(value, type) -%}
    case
        when pg_typeof({{ value }}) not in ('text'::regtype, 'character varying'::regtype)
            or pg_input_is_valid(cast({{ value }} as text), '{{ type }}')
            then cast({{ value }} as {{ type }})
    end
{%- endmacro %}
