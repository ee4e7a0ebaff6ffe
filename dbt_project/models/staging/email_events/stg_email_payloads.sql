-- To parse JSON is most of the work on events, so this is a table. Where an engine replaces rows in a transaction, it
-- knows the payloads of the former build and parses only new ones: their rows are in int_provider_events. Our own
-- unsubscribe links are parsed in each build, since a later one can undo another.
{{ config(materialized='table') }}

{% set keeps = replacement_strategy() == 'append' and previous_build_is_valid() %}
{% set previous = load_relation(this) if keeps else none %}

with source as (
    select * from {{ source('raw', 'email_events') }}
),

payloads as (
    select
        cast(event_id as {{ dbt.type_string() }}) as payload_id,
        lower(cast(provider as {{ dbt.type_string() }})) as provider,
        cast(received_at as {{ dbt.type_timestamp() }}) as received_at,
        payload as said
    from source
),

{% if previous %}
known as (
    select distinct payload_id, is_readable from {{ previous }}
),
{% endif %}

stg_email_payloads as (
    {% if previous %}
    select
        payloads.payload_id,
        payloads.provider,
        payloads.received_at,
        case
            when known.payload_id is null or payloads.provider = 'partnerflow' then {{ try_parse_json('said') }}
        end as payload,
        case
            when known.payload_id is null then {{ try_parse_json('said') }} is not null
            else known.is_readable
        end as is_readable
    from payloads
    left join known on payloads.payload_id = known.payload_id
    {% else %}
    select
        payload_id,
        provider,
        received_at,
        {{ try_parse_json('said') }} as payload,
        {{ try_parse_json('said') }} is not null as is_readable
    from payloads
    {% endif %}
)

select * from stg_email_payloads
