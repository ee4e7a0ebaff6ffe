with requests as (
    select * from {{ ref('stg_unsubscribe_requests') }}
),

stg_unsubscribes as (
    select
        payload_id,
        provider,
        payload_id as provider_event_id,
        case when is_in_effect then 'unsubscribed' else 'other' end as event_type,
        cast(null as {{ dbt.type_string() }}) as bounce_type,
        false as is_provider_suppressed,
        false as is_bot,
        lower(trim(delivery_id)) as delivery_id,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as email,
        received_at as occurred_at,
        received_at,
        cast(null as {{ dbt.type_string() }}) as reason,
        cast(null as {{ dbt.type_string() }}) as url,
        false as is_test
    from requests
)

select * from stg_unsubscribes
