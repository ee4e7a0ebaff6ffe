with source as (
    select * from {{ source('raw', 'evaluations') }}
),

stg_evaluations as (
    select
        cast(program_id as {{ dbt.type_string() }}) as program_id,
        cast(as_of as {{ dbt.type_timestamp() }}) as as_of,
        cast(local_date as date) as local_date
    from source
)

select * from stg_evaluations
