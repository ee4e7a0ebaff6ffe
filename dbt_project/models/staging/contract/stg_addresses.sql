with source as (
    select * from {{ source('raw', 'addresses') }}
),

stg_addresses as (
    select
        cast(loaded_email as {{ dbt.type_string() }}) as loaded_email,
        cast(email as {{ dbt.type_string() }}) as email
    from source
)

select * from stg_addresses
