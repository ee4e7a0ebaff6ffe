with deliveries as (
    select * from {{ ref('stg_sent_emails') }}
    where email is not null
),

copies as (
    select * from {{ ref('stg_copy_addresses') }}
),

events as (
    select * from {{ ref('int_provider_events') }}
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
        coalesce(by_id.email, by_message.email) as ledger_email,
        ranked.email as event_email
    from ranked
    left join deliveries as by_id on ranked.delivery_id = by_id.delivery_id
    left join deliveries as by_message on ranked.message_id = by_message.message_id
    where ranked.position = 1
),

-- An event of a delivery is about its recipient, however a server or a provider spells the address: in another form,
-- rewritten, redacted, or as that of the mailbox it is forwarded to. Only the addresses of copies (cc, bcc) are others.
addressed as (
    select
        linked.*,
        copies.email as copy_email,
        coalesce(copies.email <> linked.ledger_email, false) as is_of_copy,
        linked.is_test or coalesce(linked.delivery_id like 'test-%', false) as is_of_test
    from linked
    left join copies on linked.event_email = copies.spelling
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
        case when is_of_copy then copy_email when linked_id is null then event_email else ledger_email end as email,
        linked_id is not null and not is_of_copy and event_type <> 'other' and not is_of_test as is_counted,
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
