with deliveries as (
    select * from {{ ref('stg_sent_emails') }}
    where email is not null and state <> 'held_out'
),

outcomes as (
    select * from {{ ref('int_email_outcomes') }}
),

fct_email_deliveries as (
    select
        deliveries.delivery_id,
        deliveries.workflow_id,
        deliveries.program_id,
        deliveries.partner_id,
        deliveries.email,
        deliveries.state,
        deliveries.run_id,
        deliveries.as_of,
        coalesce(deliveries.sent_at, case when outcomes.inferred_state = 'sent' then outcomes.first_event_at end)
            as sent_at,
        deliveries.state = 'sent' or coalesce(outcomes.inferred_state = 'sent' or outcomes.is_bounced, false)
            as is_sent,
        coalesce(outcomes.is_delivered, false) as is_delivered,
        coalesce(outcomes.is_opened, false) as is_opened,
        coalesce(outcomes.is_bot_opened, false) as is_bot_opened,
        coalesce(outcomes.is_clicked, false) as is_clicked,
        coalesce(outcomes.is_bounced, false) as is_bounced,
        coalesce(outcomes.is_hard_bounced, false) as is_hard_bounced,
        coalesce(outcomes.is_complained, false) as is_complained,
        coalesce(outcomes.is_unsubscribed, false) as is_unsubscribed,
        coalesce(outcomes.events, 0) as events,
        outcomes.inferred_state,
        coalesce(deliveries.reason, outcomes.failure) as reason,
        outcomes.last_event_at
    from deliveries
    left join outcomes on deliveries.delivery_id = outcomes.delivery_id
)

select * from fct_email_deliveries
