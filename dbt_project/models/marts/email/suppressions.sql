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

-- From then on an event suppresses the address in the scope again, but none before it.
lifts as (
    select email, scope, suppressed_at as lifted_at
    from {{ ref('stg_suppressions') }}
    where scope like 'lifted:%'
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
        events.email, events.event_id, events.occurred_at, min(events.occurred_at) over (
            partition by events.email
            order by events.occurred_at, events.event_id rows between 2 preceding and 2 preceding
        ) as second_before
    from events
    left join lifts on events.email = lifts.email and lifts.scope = 'lifted:all'
    where
        events.event_type = 'bounced'
        and events.bounce_type = 'soft'
        and (lifts.lifted_at is null or events.occurred_at > lifts.lifted_at)
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
    select
        scoped.*,
        row_number() over (
            partition by scoped.email, scoped.scope order by scoped.occurred_at, scoped.event_id, scoped.reason
        ) as position
    from scoped
    left join lifts on scoped.email = lifts.email and 'lifted:' || scoped.scope = lifts.scope
    where lifts.lifted_at is null or scoped.occurred_at > lifts.lifted_at
),

suppressions as (
    select email, scope, reason, occurred_at as suppressed_at, event_id
    from ranked
    where position = 1
)

select * from suppressions
