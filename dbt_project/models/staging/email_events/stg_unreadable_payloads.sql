with source as (
    select * from {{ source('raw', 'unreadable_payloads') }}
),

stg_unreadable_payloads as (
    select
        cast(file as {{ dbt.type_string() }}) as file,
        cast(lines as {{ dbt.type_string() }}) as lines,
        cast(provider as {{ dbt.type_string() }}) as provider,
        cast(reason as {{ dbt.type_string() }}) as reason,
        cast(read_at as {{ dbt.type_timestamp() }}) as read_at
    from source
)

select * from stg_unreadable_payloads
