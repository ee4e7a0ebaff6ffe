with places as (
    select * from {{ ref('stg_unreadable_payloads') }}
),

providers as (
    select * from {{ ref('email_event_ingestion_summary') }}
),

-- A folder with a misspelt name, or a provider that has no model yet.
unread_providers as (
    select
        provider || '/' as file,
        'whole folder' as lines,
        provider,
        'no model reads the events of this provider' as reason,
        last_received_at as read_at
    from providers
    where
        events = 0
        and payloads > invalid_payloads
        and provider not in ('bounce', 'mailgun', 'partnerflow', 'postmark', 'sendgrid', 'ses')
),

unreadable_payloads as (
    select
        file,
        lines,
        provider,
        reason,
        read_at
    from places
    union all
    select
        file,
        lines,
        provider,
        reason,
        read_at
    from unread_providers
)

select * from unreadable_payloads
