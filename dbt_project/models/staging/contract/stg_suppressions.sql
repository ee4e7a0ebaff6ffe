with source as (
    select * from {{ source('raw', 'suppressions') }}
),

stg_suppressions as (
    select
        cast(email as {{ dbt.type_string() }}) as email,
        cast(scope as {{ dbt.type_string() }}) as scope,
        cast(reason as {{ dbt.type_string() }}) as reason,
        cast(suppressed_at as {{ dbt.type_timestamp() }}) as suppressed_at
    from source
)

select * from stg_suppressions
