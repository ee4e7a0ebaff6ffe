with source as (
    select * from {{ source('raw', 'copy_addresses') }}
),

stg_copy_addresses as (
    select
        cast(email as {{ dbt.type_string() }}) as email,
        cast(spelling as {{ dbt.type_string() }}) as spelling
    from source
)

select * from stg_copy_addresses
