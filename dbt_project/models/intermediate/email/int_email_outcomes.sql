with events as (
    select * from {{ ref('int_email_events') }}
    where is_counted
),

counted as (
    select
        delivery_id,
        count(*) as events,
        max(case when event_type = 'delivered' then 1 else 0 end) as delivered,
        max(case when event_type in ('opened', 'clicked', 'complained', 'unsubscribed') then 1 else 0 end) as reached,
        max(case when event_type = 'opened' and not is_bot then 1 else 0 end) as opened,
        max(case when event_type = 'opened' and is_bot then 1 else 0 end) as bot_opened,
        max(case when event_type = 'clicked' and not is_bot then 1 else 0 end) as clicked,
        max(case when event_type = 'bounced' then 1 else 0 end) as bounced,
        max(case when bounce_type = 'hard' then 1 else 0 end) as hard_bounced,
        max(case when event_type = 'complained' then 1 else 0 end) as complained,
        max(case when event_type = 'unsubscribed' then 1 else 0 end) as unsubscribed,
        max(case when event_type = 'rejected' then 1 else 0 end) as rejected,
        max(case when event_type in ('sent', 'deferred') then 1 else 0 end) as accepted,
        max(case when event_type in ('bounced', 'rejected') then reason end) as failure,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at
    from events
    group by delivery_id
),

-- A bounce that follows a delivery wins; an opened email was delivered, even when no delivery was reported.
int_email_outcomes as (
    select
        delivery_id,
        events,
        bounced = 0 and rejected = 0 and (delivered = 1 or reached = 1) as is_delivered,
        opened = 1 as is_opened,
        bot_opened = 1 as is_bot_opened,
        clicked = 1 as is_clicked,
        bounced = 1 as is_bounced,
        hard_bounced = 1 as is_hard_bounced,
        complained = 1 as is_complained,
        unsubscribed = 1 as is_unsubscribed,
        case
            when delivered = 1 or reached = 1 then 'sent'
            when bounced = 1 or rejected = 1 then 'failed'
            when accepted = 1 then 'sent'
        end as inferred_state,
        failure,
        first_event_at,
        last_event_at
    from counted
)

select * from int_email_outcomes
