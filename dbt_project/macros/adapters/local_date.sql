{#- The calendar date of a UTC timestamp in an IANA time zone. A timestamp becomes a date here, once; from then on
    days are counted as calendar dates, never as multiples of 24 hours (shared rule: semantics, "Dates"). -#}
{% macro local_date(utc_timestamp, timezone) -%}
    {{ return(adapter.dispatch('local_date')(utc_timestamp, timezone)) }}
{%- endmacro %}

{% macro default__local_date(utc_timestamp, timezone) -%}
    cast(timezone({{ timezone }}, timezone('UTC', {{ utc_timestamp }})) as date)
{%- endmacro %}

{% macro spark__local_date(utc_timestamp, timezone) -%}
    to_date(from_utc_timestamp({{ utc_timestamp }}, {{ timezone }}))
{%- endmacro %}
