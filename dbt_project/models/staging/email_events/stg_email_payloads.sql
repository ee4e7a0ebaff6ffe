with source as (
    select * from {{ source('raw', 'email_events') }}
),

stg_email_payloads as (
    select
        cast(event_id as {{ dbt.type_string() }}) as payload_id,
        lower(cast(provider as {{ dbt.type_string() }})) as provider,
        cast(received_at as {{ dbt.type_timestamp() }}) as received_at,
        {{ try_parse_json('payload') }} as payload
    from source
)

select * from stg_email_payloads
