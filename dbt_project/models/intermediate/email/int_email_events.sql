with deliveries as (
    select * from {{ ref('stg_sent_emails') }}
    where email is not null
),

events as (
    select * from {{ ref('stg_sendgrid_events') }}
    union all
    select * from {{ ref('stg_ses_events') }}
    union all
    select * from {{ ref('stg_postmark_events') }}
    union all
    select * from {{ ref('stg_mailgun_events') }}
    union all
    select * from {{ ref('stg_bounce_messages') }}
    union all
    select * from {{ ref('stg_unsubscribes') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by provider, provider_event_id order by received_at, payload_id
        ) as position,
        count(*) over (partition by provider, provider_event_id) as occurrences
    from events
),

-- By our own id where the provider carries it, else by the Message-ID.
linked as (
    select
        ranked.*,
        coalesce(by_id.delivery_id, by_message.delivery_id) as linked_id,
        lower(trim(coalesce(by_id.email, by_message.email))) as ledger_email,
        lower(trim(ranked.email)) as event_email
    from ranked
    left join deliveries as by_id on ranked.delivery_id = by_id.delivery_id
    left join deliveries as by_message on trim(ranked.message_id, '<> ') = by_message.message_id
    where ranked.position = 1
),

-- A copy (cc, bcc) has the delivery's id and another address. A provider may write a domain in its IDNA form.
addressed as (
    select
        *,
        case
            when event_email is null then ledger_email
            when event_email like '%@%xn--%' and split_part(event_email, '@', 1) = split_part(ledger_email, '@', 1)
                then ledger_email
            else event_email
        end as email_key,
        is_test or coalesce(delivery_id like 'test-%', false) as is_of_test
    from linked
),

int_email_events as (
    select
        provider || ':' || provider_event_id as event_id,
        provider,
        event_type,
        bounce_type,
        is_provider_suppressed,
        is_bot,
        linked_id as delivery_id,
        email_key as email,
        coalesce(email_key = ledger_email, false) and event_type <> 'other' and not is_of_test as is_counted,
        case when occurred_at is null or occurred_at > received_at then received_at else occurred_at end as occurred_at,
        received_at,
        reason,
        url,
        is_of_test as is_test,
        occurrences,
        payload_id
    from addressed
)

select * from int_email_events
