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
        coalesce({{ json_value('payload', ['event-data']) }}, {{ json_value('payload', []) }}) as event
    from payloads
),

read_once as (
    select
        *,
        {{ json_text('event', ['event']) }} as said,
        {{ json_text('event', ['severity']) }} as severity,
        {{ json_text('event', ['reason']) }} as reason,
        {{ json_text('event', ['delivery-status', 'code']) }} as code,
        {{ json_text('event', ['timestamp']) }} as seconds
    from events
),

-- 605 to 607 are Mailgun's own codes for addresses on its lists of bounces, unsubscribes and complaints.
classified as (
    select
        *,
        said = 'failed' and (coalesce(reason, '') like 'suppress-%' or coalesce(code, '') in ('605', '606', '607'))
            as is_suppressed
    from read_once
),

-- An id is unique within a day only; with its time it is for ever, as a timestamp: engines write a floating number in
-- different ways. Severity permanent means that Mailgun has given up.
stg_mailgun_events as (
    select
        payload_id,
        provider,
        coalesce({{ json_text('event', ['id']) }}, {{ dbt.hash('event') }}) || '@'
        || coalesce(cast({{ utc_from_seconds('seconds') }} as {{ dbt.type_string() }}), '') as provider_event_id,
        case said
            when 'accepted' then 'sent'
            when 'delivered' then 'delivered'
            when 'rejected' then 'rejected'
            when 'failed'
                then case
                    when is_suppressed then 'rejected'
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
            when said = 'failed' and severity = 'permanent' and not is_suppressed
                then {{ bounce_type(
                    [
                        json_text('event', ['delivery-status', 'enhanced-code']), 'code',
                        json_text('event', ['delivery-status', 'message']),
                        json_text('event', ['delivery-status', 'description']),
                    ],
                    "case when reason in ('old', 'espblock', 'greylisted', 'blacklisted') then 'living' end",
                ) }}
        end as bounce_type,
        coalesce(is_suppressed, false) as is_provider_suppressed,
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
    from classified
)

select * from stg_mailgun_events
