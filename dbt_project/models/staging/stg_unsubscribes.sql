with payloads as (
    select * from {{ ref('stg_email_payloads') }}
    where provider = 'partnerflow' and payload is not null
),

stg_unsubscribes as (
    select
        landed_id,
        provider,
        landed_id as provider_event_id,
        case when {{ json_text('payload', ['event']) }} = 'unsubscribed' then 'unsubscribed' else 'other' end
            as event_type,
        {{ json_text('payload', ['delivery_id']) }} as delivery_id,
        {{ json_text('payload', ['workflow_id']) }} as workflow_id,
        {{ json_text('payload', ['partner_id']) }} as partner_id,
        {{ json_text('payload', ['email']) }} as email,
        received_at as occurred_at,
        received_at
    from payloads
)

select * from stg_unsubscribes
