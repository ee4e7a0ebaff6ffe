{#- The calendar date of a UTC timestamp in an IANA time zone. All timestamps become dates here; days are then
    counted as calendar dates, never as multiples of 24 hours (docs/segments.md, "Dates"). -#}
{% macro local_date(utc_timestamp, timezone) -%}
    {{ return(adapter.dispatch('local_date')(utc_timestamp, timezone)) }}
{%- endmacro %}

{% macro default__local_date(utc_timestamp, timezone) -%}
    {{ missing_implementation('local_date') }}
{%- endmacro %}

{% macro duckdb__local_date(utc_timestamp, timezone) -%}
    cast(timezone({{ timezone }}, timezone('UTC', {{ utc_timestamp }})) as date)
{%- endmacro %}

{% macro postgres__local_date(utc_timestamp, timezone) -%}
    {{ return(duckdb__local_date(utc_timestamp, timezone)) }}
{%- endmacro %}

{% macro spark__local_date(utc_timestamp, timezone) -%}
    to_date(from_utc_timestamp({{ utc_timestamp }}, {{ timezone }}))
{%- endmacro %}

{% macro snowflake__local_date(utc_timestamp, timezone) -%}
    to_date(convert_timezone('UTC', {{ timezone }}, {{ utc_timestamp }}))
{%- endmacro %}

{% macro redshift__local_date(utc_timestamp, timezone) -%}
    cast(convert_timezone('UTC', {{ timezone }}, {{ utc_timestamp }}) as date)
{%- endmacro %}

{% macro bigquery__local_date(utc_timestamp, timezone) -%}
    date({{ utc_timestamp }}, {{ timezone }})
{%- endmacro %}

{% macro trino__local_date(utc_timestamp, timezone) -%}
    cast(at_timezone(with_timezone({{ utc_timestamp }}, 'UTC'), {{ timezone }}) as date)
{%- endmacro %}
