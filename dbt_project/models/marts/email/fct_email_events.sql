with events as (
    select * from {{ ref('int_email_events') }}
),

deliveries as (
    select * from {{ ref('stg_sent_emails') }}
),

fct_email_events as (
    select
        events.event_id,
        events.delivery_id,
        deliveries.workflow_id,
        deliveries.program_id,
        deliveries.partner_id,
        events.email,
        events.provider,
        events.event_type,
        events.bounce_type,
        events.is_bot,
        events.occurred_at,
        events.received_at,
        events.reason,
        events.url
    from events
    inner join deliveries on events.delivery_id = deliveries.delivery_id
    where events.is_counted
)

select * from fct_email_events
