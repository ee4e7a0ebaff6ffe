with payloads as (
    select * from {{ ref('stg_email_payloads') }}
    where provider = 'bounce' and payload is not null
),

recipients as (
    {{ select_json_elements(
        'payloads',
        ['payload_id', 'provider', 'received_at', 'payload', json_text('payload', ['kind']) ~ ' as kind'],
        json_value('payload', ['recipients']), 'recipient', wrap_value=true
    ) }}
),

-- An automatic reply to the bounce address has no recipients, and no row here.
stg_bounce_messages as (
    select
        payload_id,
        provider,
        payload_id || ':' || coalesce({{ json_text('recipient', ['email']) }}, '') as provider_event_id,
        case
            when kind = 'feedback' then {{ feedback_event_type(json_text('payload', ['feedback_type'])) }}
            when {{ json_text('recipient', ['action']) }} = 'failed' then 'bounced'
            when {{ json_text('recipient', ['action']) }} = 'delayed' then 'deferred'
            when {{ json_text('recipient', ['action']) }} = 'delivered' then 'delivered'
            else 'other'
        end as event_type,
        case
            when {{ json_text('recipient', ['action']) }} = 'failed'
                then {{ bounce_type([
                    json_text('recipient', ['status']), json_text('recipient', ['diagnostic_code'])
                ]) }}
        end as bounce_type,
        false as is_provider_suppressed,
        false as is_bot,
        {{ json_text('payload', ['delivery_id']) }} as delivery_id,
        {{ json_text('payload', ['message_id']) }} as message_id,
        {{ json_text('recipient', ['email']) }} as email,
        {{ utc_from_iso(json_text('payload', ['occurred_at']) ~ " || 'Z'") }} as occurred_at,
        received_at,
        {{ json_text('recipient', ['diagnostic_code']) }} as reason,
        cast(null as {{ dbt.type_string() }}) as url,
        false as is_test
    from recipients
    where recipient is not null
)

select * from stg_bounce_messages
