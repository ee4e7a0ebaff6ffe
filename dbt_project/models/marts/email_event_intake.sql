with payloads as (
    select
        provider,
        count(*) as payloads,
        sum(case when payload is null then 1 else 0 end) as unreadable,
        min(received_at) as first_received_at,
        max(received_at) as last_received_at
    from {{ ref('stg_email_payloads') }}
    group by provider
),

events as (
    select
        provider,
        sum(times_seen) as events,
        sum(times_seen - 1) as repeated,
        sum(case when event_type = 'other' then 1 else 0 end) as other,
        sum(case when is_test then 1 else 0 end) as test,
        sum(case when delivery_id is null then 1 else 0 end) as not_ours
    from {{ ref('int_email_events') }}
    group by provider
),

email_event_intake as (
    select
        payloads.provider,
        cast(payloads.payloads as bigint) as payloads,
        cast(payloads.unreadable as bigint) as unreadable,
        cast(coalesce(events.events, 0) as bigint) as events,
        cast(coalesce(events.repeated, 0) as bigint) as repeated,
        cast(coalesce(events.other, 0) as bigint) as other,
        cast(coalesce(events.test, 0) as bigint) as test,
        cast(coalesce(events.not_ours, 0) as bigint) as not_ours,
        payloads.first_received_at,
        payloads.last_received_at
    from payloads
    left join events on payloads.provider = events.provider
)

select * from email_event_intake
