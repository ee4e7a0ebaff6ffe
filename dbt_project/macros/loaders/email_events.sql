{#- What the providers' payloads have in common. -#}

{#- An ISO timestamp, as UTC without a zone; null where it is none. -#}
{% macro utc_from_iso(text) -%}
    {{ return(adapter.dispatch('utc_from_iso')(text)) }}
{%- endmacro %}

{% macro default__utc_from_iso(text) -%}
    timezone('UTC', try_cast({{ text }} as timestamp with time zone))
{%- endmacro %}

{% macro postgres__utc_from_iso(text) -%}
    timezone('UTC', cast(case when pg_input_is_valid({{ text }}, 'timestamptz') then {{ text }} end as timestamptz))
{%- endmacro %}

{#- Seconds since 1970, as UTC without a zone; null where they are none, or lie after the year 2100. -#}
{% macro utc_from_seconds(text) -%}
    {{ return(adapter.dispatch('utc_from_seconds')(text)) }}
{%- endmacro %}

{% macro default__utc_from_seconds(text) -%}
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

{#- hard: the address is dead, and is never written to again. Everything else is soft: temporary failures, a full
    mailbox (5.2.2), and the policy of a server (5.7.x), which is about the sender and not about the address. -#}
{% macro bounce_type(is_permanent, status) -%}
    case
        when not coalesce({{ is_permanent }}, false) then 'soft'
        when {{ status }} like '4.%' or {{ status }} like '5.7.%' or {{ status }} = '5.2.2' then 'soft'
        else 'hard'
    end
{%- endmacro %}

{#- Whether a user agent is a machine that opens every email (mail privacy proxies, scanners), rather than a person.
    GoogleImageProxy and YahooMailProxy fetch when a person looks, and are people. -#}
{% macro is_bot_user_agent(user_agent) -%}
    {%- set words = ['bot', 'barracuda', 'mimecast', 'proofpoint', 'symantec', 'scanner', 'python-', 'curl/'] -%}
    (
        coalesce({{ user_agent }}, '') = 'Mozilla/5.0'
        {% for word in words %}
            or lower(coalesce({{ user_agent }}, '')) like '%{{ word }}%'
        {% endfor %}
    )
{%- endmacro %}
