-- Events of our own deliveries, copies included. Events of other senders' emails suppress nothing.
with events as (
    select * from {{ ref('int_email_events') }}
    where delivery_id is not null and email is not null and not is_test
),

soft_bounces as (
    select
        email, event_id, occurred_at, min(occurred_at) over (
            partition by email order by occurred_at, event_id rows between 2 preceding and 2 preceding
        ) as second_before
    from events
    where event_type = 'bounced' and bounce_type = 'soft'
),

reasons as (
    select email, 'hard bounce' as reason, event_id, occurred_at from events
    where event_type = 'bounced' and bounce_type = 'hard'
    union all
    select email, 'complaint' as reason, event_id, occurred_at from events
    where event_type = 'complained'
    union all
    select email, 'unsubscribed' as reason, event_id, occurred_at from events
    where event_type = 'unsubscribed'
    union all
    select email, 'suppressed by the provider' as reason, event_id, occurred_at from events
    where is_provider_suppressed
    union all
    select email, 'three soft bounces in 30 days' as reason, event_id, occurred_at from soft_bounces
    where {{ days_between('cast(second_before as date)', 'cast(occurred_at as date)') }} <= 30
),

ranked as (
    select *, row_number() over (partition by email order by occurred_at, event_id, reason) as position
    from reasons
),

suppressions as (
    select email, 'all' as scope, reason, occurred_at as suppressed_at, event_id
    from ranked
    where position = 1
)

select * from suppressions
