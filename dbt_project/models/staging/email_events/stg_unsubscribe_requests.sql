with payloads as (
    select * from {{ ref('stg_email_payloads') }}
    where provider = 'partnerflow' and payload is not null
),

requests as (
    select
        payload_id,
        provider,
        received_at,
        {{ json_text('payload', ['event']) }} as event,
        {{ json_text('payload', ['delivery_id']) }} as delivery_id,
        {{ json_text('payload', ['request_id']) }} as request_id,
        {{ json_text('payload', ['scope']) }} as scope
    from payloads
),

undone as (
    select distinct delivery_id, request_id
    from requests
    where event = 'undone' and request_id is not null
),

-- The page of before there was a choice promised that the address would get no email again.
stg_unsubscribe_requests as (
    select
        requests.payload_id,
        requests.provider,
        requests.received_at,
        requests.delivery_id,
        case when requests.scope = 'program' then 'program' else 'all' end as scope,
        coalesce(requests.event = 'unsubscribed', false) and undone.request_id is null as is_in_effect
    from requests
    left join undone
        on
            requests.delivery_id = undone.delivery_id
            and requests.request_id = undone.request_id
)

select * from stg_unsubscribe_requests
