with payloads as (
    select * from {{ ref('stg_email_payloads') }}
    where provider = 'sendgrid' and payload is not null
),

events as (
    {{ select_json_elements(
        'payloads', ['payload_id', 'provider', 'received_at'], 'payload', 'event', wrap_value=true
    ) }}
),

read_once as (
    select
        *,
        {{ json_text('event', ['event']) }} as said,
        {{ json_text('event', ['status']) }} as status,
        {{ json_text('event', ['reason']) }} as reason,
        {{ json_text('event', ['bounce_classification']) }} as classification,
        {{ json_text('event', ['useragent']) }} as user_agent
    from events
),

stg_sendgrid_events as (
    select
        payload_id,
        provider,
        coalesce({{ json_text('event', ['sg_event_id']) }}, {{ dbt.hash('event') }}) as provider_event_id,
        case said
            when 'processed' then 'sent'
            when 'deferred' then 'deferred'
            when 'delivered' then 'delivered'
            when 'bounce' then 'bounced'
            when 'dropped' then 'rejected'
            when 'open' then 'opened'
            when 'click' then 'clicked'
            when 'spamreport' then 'complained'
            when 'unsubscribe' then 'unsubscribed'
            when 'group_unsubscribe' then 'unsubscribed'
            else 'other'
        end as event_type,
        case
            when said = 'bounce'
                then {{ bounce_type(
                    ['status', 'reason'],
                    "case
                        when " ~ json_text('event', ['type']) ~ " = 'blocked' then 'living'
                        when classification in ('Reputation', 'Content', 'Frequency or Volume', 'Technical')
                            then 'living'
                        when classification = 'Invalid Address' then 'dead'
                    end",
                ) }}
        end as bounce_type,
        said = 'dropped'
        and lower(coalesce(reason, '')) in ('bounced address', 'unsubscribed address', 'spam reporting address')
            as is_provider_suppressed,
        coalesce({{ json_text('event', ['sg_machine_open']) }} = 'true', false)
        or {{ is_bot_user_agent('user_agent') }} as is_bot,
        {{ json_text('event', ['delivery_id']) }} as delivery_id,
        {{ json_text('event', ['smtp-id']) }} as message_id,
        {{ json_text('event', ['email']) }} as email,
        {{ utc_from_seconds(json_text('event', ['timestamp'])) }} as occurred_at,
        received_at,
        reason,
        {{ json_text('event', ['url']) }} as url,
        coalesce({{ json_text('event', ['test']) }} = 'true', false) as is_test
    from read_once
)

select * from stg_sendgrid_events
