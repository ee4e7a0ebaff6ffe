with source as (
    select * from {{ source('raw', 'prospects') }}
),

stg_prospects as (
    select
        cast(program_id as {{ dbt.type_string() }}) as program_id,
        cast(partner_id as {{ dbt.type_string() }}) as partner_id,
        cast(tagged_at as {{ dbt.type_timestamp() }}) as tagged_at,
        cast(_loaded_at as {{ dbt.type_timestamp() }}) as loaded_at
    from source
)

select * from stg_prospects
