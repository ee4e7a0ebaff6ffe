with received as (
    select
        provider,
        received_at,
        case when is_readable then 0 else 1 end as is_invalid
    from {{ ref('stg_email_payloads') }}
    union all
    select
        provider,
        read_at as received_at,
        1 as is_invalid
    from {{ ref('stg_unreadable_payloads') }}
),

payloads as (
    select
        provider,
        count(*) as payloads,
        sum(is_invalid) as invalid_payloads,
        min(received_at) as first_received_at,
        max(received_at) as last_received_at
    from received
    group by provider
),

events as (
    select
        provider,
        sum(occurrences) as events,
        sum(occurrences - 1) as duplicate_events,
        sum(case when event_type = 'other' then 1 else 0 end) as ignored_events,
        sum(case when is_test then 1 else 0 end) as test_events,
        sum(case when delivery_id is null then 1 else 0 end) as unmatched_events
    from {{ ref('int_email_events') }}
    group by provider
),

email_event_ingestion_summary as (
    select
        payloads.provider,
        cast(payloads.payloads as bigint) as payloads,
        cast(payloads.invalid_payloads as bigint) as invalid_payloads,
        cast(coalesce(events.events, 0) as bigint) as events,
        cast(coalesce(events.duplicate_events, 0) as bigint) as duplicate_events,
        cast(coalesce(events.ignored_events, 0) as bigint) as ignored_events,
        cast(coalesce(events.test_events, 0) as bigint) as test_events,
        cast(coalesce(events.unmatched_events, 0) as bigint) as unmatched_events,
        payloads.first_received_at,
        payloads.last_received_at
    from payloads
    left join events on payloads.provider = events.provider
)

select * from email_event_ingestion_summary
