with payloads as (
    select * from {{ ref('stg_email_payloads') }}
    where provider = 'partnerflow' and payload is not null
),

-- The signed token of the link names the delivery, and nothing else.
stg_unsubscribes as (
    select
        payload_id,
        provider,
        payload_id as provider_event_id,
        case when {{ json_text('payload', ['event']) }} = 'unsubscribed' then 'unsubscribed' else 'other' end
            as event_type,
        cast(null as {{ dbt.type_string() }}) as bounce_type,
        false as is_provider_suppressed,
        false as is_bot,
        {{ json_text('payload', ['delivery_id']) }} as delivery_id,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as email,
        received_at as occurred_at,
        received_at,
        cast(null as {{ dbt.type_string() }}) as reason,
        cast(null as {{ dbt.type_string() }}) as url,
        false as is_test
    from payloads
)

select * from stg_unsubscribes
