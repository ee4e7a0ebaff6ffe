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

{#- Only texts are checked. To check values of other types they would be written as text first, which takes long.
    PostgreSQL reads more texts as dates than other engines do: `yesterday`, and `03/06/2026` by its setting DateStyle.
    A date starts with the year here, too. -#}
{% macro postgres__try_cast(value, type) -%}
    {%- set text = 'cast(' ~ value ~ ' as text)' -%}
    case
        when pg_typeof({{ value }}) not in ('text'::regtype, 'character varying'::regtype)
            or (
                pg_input_is_valid({{ text }}, '{{ type }}')
                {{ 'and ' ~ matches(text, '^\\s*-?([0-9]{4,}-|infinity)') if type == 'date' or type.startswith('timestamp') }}
            )
            then cast({{ value }} as {{ type }})
    end
{%- endmacro %}

{#- TRY_CAST reads texts only. The text of a timestamp lacks its microseconds, so a timestamp is used as it is. -#}
{% macro snowflake__try_cast(value, type) -%}
    {%- set read = 'try_cast(cast(' ~ value ~ ' as varchar) as ' ~ type ~ ')' -%}
    {%- set is_timestamp = type | lower == dbt.type_timestamp() | lower -%}
    {{ 'coalesce(as_timestamp_ntz(to_variant(' ~ value ~ ')), ' ~ read ~ ')' if is_timestamp else read }}
{%- endmacro %}

{% macro bigquery__try_cast(value, type) -%}
    safe_cast({{ value }} as {{ type }})
{%- endmacro %}

{% macro redshift__try_cast(value, type) -%}
    try_cast({{ value }} as {{ type }})
{%- endmacro %}

{% macro trino__try_cast(value, type) -%}
    try_cast({{ value }} as {{ type }})
{%- endmacro %}
