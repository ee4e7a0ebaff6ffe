{{
    config(
        materialized='incremental' if replacement_strategy() == 'append' else 'table',
        incremental_strategy='append',
        on_schema_change='fail',
        pre_hook="{{ keep_staged_payloads(ref('stg_email_payloads')) }}",
    )
}}

-- depends_on: {{ ref('stg_email_payloads') }}

with events as (
    select * from {{ ref('stg_sendgrid_events') }}
    union all
    select * from {{ ref('stg_ses_events') }}
    union all
    select * from {{ ref('stg_postmark_events') }}
    union all
    select * from {{ ref('stg_mailgun_events') }}
    union all
    select * from {{ ref('stg_bounce_messages') }}
),

-- Ids and addresses are cleaned here, once for each event: int_email_events reads all events in each build.
int_provider_events as (
    select
        payload_id,
        provider,
        provider_event_id,
        event_type,
        bounce_type,
        is_provider_suppressed,
        is_bot,
        lower(trim(delivery_id)) as delivery_id,
        trim(replace(replace(message_id, '<', ''), '>', '')) as message_id,
        {{ bare_address('email') }} as email,
        occurred_at,
        received_at,
        reason,
        url,
        is_test
    from events
)

select * from int_provider_events
