with payloads as (
    select * from {{ ref('stg_email_payloads') }}
    where provider = 'mailgun' and payload is not null
),

-- A webhook wraps the event; the events API lists it as it is.
events as (
    select
        payload_id,
        provider,
        received_at,
        coalesce({{ json_value('payload', ['event-data']) }}, payload) as event
    from payloads
),

read_once as (
    select
        *,
        {{ json_text('event', ['event']) }} as said,
        {{ json_text('event', ['severity']) }} as severity,
        {{ json_text('event', ['reason']) }} as reason,
        {{ json_text('event', ['timestamp']) }} as seconds
    from events
),

-- An id is unique within a day only; with its time it is for ever.
stg_mailgun_events as (
    select
        payload_id,
        provider,
        coalesce({{ json_text('event', ['id']) }}, {{ dbt.hash('event') }}) || '@' || coalesce(seconds, '')
            as provider_event_id,
        case said
            when 'accepted' then 'sent'
            when 'delivered' then 'delivered'
            when 'rejected' then 'rejected'
            when 'failed'
                then case
                    when reason like 'suppress-%' then 'rejected'
                    when severity = 'permanent' then 'bounced'
                    else 'deferred'
                end
            when 'opened' then 'opened'
            when 'clicked' then 'clicked'
            when 'complained' then 'complained'
            when 'unsubscribed' then 'unsubscribed'
            else 'other'
        end as event_type,
        case
            when said = 'failed' and severity = 'permanent' and coalesce(reason, '') not like 'suppress-%'
                then {{ bounce_type('true', json_text('event', ['delivery-status', 'enhanced-code'])) }}
        end as bounce_type,
        coalesce({{ json_text('event', ['client-info', 'bot']) }}, '') <> ''
        or {{ is_bot_user_agent(json_text('event', ['client-info', 'user-agent'])) }} as is_bot,
        {{ json_text('event', ['user-variables', 'delivery_id']) }} as delivery_id,
        {{ json_text('event', ['message', 'headers', 'message-id']) }} as message_id,
        {{ json_text('event', ['recipient']) }} as email,
        {{ utc_from_seconds('seconds') }} as occurred_at,
        received_at,
        coalesce(nullif({{ json_text('event', ['delivery-status', 'message']) }}, ''), reason) as reason,
        {{ json_text('event', ['url']) }} as url,
        coalesce({{ json_text('event', ['user-variables', 'test']) }} = 'true', false)
        or coalesce({{ json_text('event', ['flags', 'is-test-mode']) }} = 'true', false) as is_test
    from read_once
)

select * from stg_mailgun_events
