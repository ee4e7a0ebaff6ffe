with source as (
    select * from {{ source('raw', 'prospects') }}
),

stg_prospects as (
    select
        {{ id_text('program_id') }} as program_id,
        {{ id_text('partner_id') }} as partner_id,
        cast(tagged_at as {{ dbt.type_timestamp() }}) as tagged_at,
        cast(_loaded_at as {{ dbt.type_timestamp() }}) as loaded_at
    from source
)

select * from stg_prospects
