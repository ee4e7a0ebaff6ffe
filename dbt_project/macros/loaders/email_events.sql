{#- Conversions that the staging models of several email providers share. -#}

{#- An ISO 8601 text as a UTC timestamp without time zone; null when it is not a valid timestamp. -#}
{% macro utc_from_iso(text) -%}
    {{ return(adapter.dispatch('utc_from_iso')(text)) }}
{%- endmacro %}

{% macro default__utc_from_iso(text) -%}
    {{ missing_implementation('utc_from_iso') }}
{%- endmacro %}

{% macro duckdb__utc_from_iso(text) -%}
    timezone('UTC', try_cast({{ text }} as timestamp with time zone))
{%- endmacro %}

{% macro postgres__utc_from_iso(text) -%}
    timezone('UTC', {{ try_cast(text, 'timestamp with time zone') }})
{%- endmacro %}

{#- Spark's timestamps are instants, and its sessions use UTC. -#}
{% macro spark__utc_from_iso(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}

{% macro snowflake__utc_from_iso(text) -%}
    cast(convert_timezone('UTC', try_to_timestamp_tz({{ text }})) as timestamp_ntz)
{%- endmacro %}

{% macro bigquery__utc_from_iso(text) -%}
    safe_cast({{ text }} as timestamp)
{%- endmacro %}

{% macro redshift__utc_from_iso(text) -%}
    cast(try_cast({{ text }} as timestamptz) at time zone 'UTC' as timestamp)
{%- endmacro %}

{% macro trino__utc_from_iso(text) -%}
    cast(try(from_iso8601_timestamp({{ text }})) at time zone 'UTC' as timestamp)
{%- endmacro %}

{#- A text of seconds since 1970 as a UTC timestamp without time zone; null when it is not a number, or after 2100. -#}
{% macro utc_from_seconds(text) -%}
    {{ return(adapter.dispatch('utc_from_seconds')(text)) }}
{%- endmacro %}

{% macro default__utc_from_seconds(text) -%}
    {{ missing_implementation('utc_from_seconds') }}
{%- endmacro %}

{% macro duckdb__utc_from_seconds(text) -%}
    case when try_cast({{ text }} as double) between 0 and 4102444800
        then make_timestamp(cast(try_cast({{ text }} as double) * 1000000 as bigint))
    end
{%- endmacro %}

{% macro postgres__utc_from_seconds(text) -%}
    {%- set seconds -%}
        cast(case when pg_input_is_valid({{ text }}, 'double precision') then {{ text }} end as double precision)
    {%- endset -%}
    timezone('UTC', to_timestamp(case when {{ seconds }} between 0 and 4102444800 then {{ seconds }} end))
{%- endmacro %}

{% macro spark__utc_from_seconds(text) -%}
    case when try_cast({{ text }} as double) between 0 and 4102444800
        then timestamp_micros(cast(try_cast({{ text }} as double) * 1000000 as bigint))
    end
{%- endmacro %}

{% macro snowflake__utc_from_seconds(text) -%}
    case when try_to_double({{ text }}) between 0 and 4102444800
        then to_timestamp_ntz(cast(try_to_double({{ text }}) * 1000000 as number(38, 0)), 6)
    end
{%- endmacro %}

{% macro bigquery__utc_from_seconds(text) -%}
    case when safe_cast({{ text }} as float64) between 0 and 4102444800
        then timestamp_micros(cast(safe_cast({{ text }} as float64) * 1000000 as int64))
    end
{%- endmacro %}

{% macro redshift__utc_from_seconds(text) -%}
    case when try_cast({{ text }} as double precision) between 0 and 4102444800
        then timestamp 'epoch' + try_cast({{ text }} as double precision) * interval '1 second'
    end
{%- endmacro %}

{% macro trino__utc_from_seconds(text) -%}
    case when try_cast({{ text }} as double) between 0 and 4102444800
        then cast(from_unixtime(try_cast({{ text }} as double)) at time zone 'UTC' as timestamp)
    end
{%- endmacro %}

{#- The address in a text such as `Ann <Ann@Partner.example>`, in lower case. -#}
{% macro bare_address(text) -%}
    {%- set within = replace_matches('lower(' ~ text ~ ')', '^.*<([^<>]*)>.*$', '\\1') -%}
    {{ replace_matches(within, '^[\\s"\'<]+|[\\s"\'>.]+$', '') }}
{%- endmacro %}

{#- The event type of a feedback report (RFC 5965). `not-spam` (RFC 6430) and `auth-failure` (RFC 6591) are not
    complaints; a report without a type, as SES passes some on, is one. -#}
{% macro feedback_event_type(feedback_type) -%}
    case
        when coalesce(nullif(trim(lower({{ feedback_type }})), ''), 'abuse') in ('abuse', 'fraud', 'virus', 'other')
            then 'complained'
        when trim(lower({{ feedback_type }})) in ('opt-out', 'opt-out-list') then 'unsubscribed'
        else 'other'
    end
{%- endmacro %}

{#- Whether a user agent is a bot that opens every email (privacy proxies, security scanners). GoogleImageProxy and
    YahooMailProxy load images when a person opens the email, so they are not bots. -#}
{% macro is_bot_user_agent(user_agent) -%}
    {%- set patterns = ['bot', 'barracuda', 'mimecast', 'proofpoint', 'symantec', 'scanner', 'python-', 'curl/'] -%}
    (
        coalesce({{ user_agent }}, '') = 'Mozilla/5.0'
        {% for pattern in patterns %}
            or lower(coalesce({{ user_agent }}, '')) like '%{{ pattern }}%'
        {% endfor %}
    )
{%- endmacro %}
