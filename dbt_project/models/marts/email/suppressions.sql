-- Events of our own deliveries, copies included. Events of other senders' emails suppress nothing.
with events as (
    select * from {{ ref('int_email_events') }}
    where delivery_id is not null and email is not null and not is_test
),

requests as (
    select * from {{ ref('stg_unsubscribe_requests') }}
),

deliveries as (
    select * from {{ ref('stg_sent_emails') }}
),

unsubscribes as (
    select events.event_id, deliveries.program_id
    from events
    inner join requests on events.payload_id = requests.payload_id
    inner join deliveries on events.delivery_id = deliveries.delivery_id
    where events.provider = 'partnerflow' and requests.scope = 'program'
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

-- An unsubscribe by our own page is from one program or from all; everything else is about the address.
scoped as (
    select
        reasons.*,
        case
            when reasons.reason = 'unsubscribed' and unsubscribes.program_id is not null
                then 'program:' || unsubscribes.program_id
            else 'all'
        end as scope
    from reasons
    left join unsubscribes on reasons.event_id = unsubscribes.event_id
),

ranked as (
    select *, row_number() over (partition by email, scope order by occurred_at, event_id, reason) as position
    from scoped
),

suppressions as (
    select email, scope, reason, occurred_at as suppressed_at, event_id
    from ranked
    where position = 1
)

select * from suppressions
